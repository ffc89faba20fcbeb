from __future__ import annotations

import pytest

from tutti.ledger.trials import (
    FOREVER,
    Dataset,
    Opening,
    Seal,
    refuse_sealed,
    refuse_second_opening,
)
from tutti.model.errors import GateClosed

_BTC = Dataset(instruments=("BTC-USDT.SIM",), files=("aa",))
_ETH = Dataset(instruments=("ETH-USDT.SIM",), files=("bb",))
_RENAMED = Dataset(instruments=("OTHER.LOCAL",), files=("aa",))
_SEAL = Seal(name="2025", dataset=_BTC, start=100, end=200)


def _run(
    *,
    seals: list[Seal] | None = None,
    openings: tuple[Opening, ...] = (),
    dataset: Dataset = _BTC,
    start: int = 50,
    end: int = 150,
    configuration: str = "c",
    run_id: str = "r",
) -> None:
    refuse_sealed(
        [_SEAL] if seals is None else seals, openings, dataset=dataset, start=start, end=end,
        configuration=configuration, run_id=run_id,
    )  # fmt: skip


def test_data_are_shared_by_instrument_or_by_file_under_any_name() -> None:
    assert _BTC.shares(_BTC)
    assert _BTC.shares(_RENAMED)
    assert _BTC.shares(Dataset(instruments=("ETH-USDT.SIM", "BTC-USDT.SIM")))
    assert not _BTC.shares(_ETH)
    assert not Dataset().shares(Dataset())


@pytest.mark.parametrize(
    ("start", "end", "sees"),
    [(0, 100, False), (0, 101, True), (199, 300, True), (200, 300, False), (120, 130, True)],
)
def test_seal_covers_what_reaches_into_its_period(start: int, end: int, sees: bool) -> None:
    assert _SEAL.covers(_BTC, start, end) is sees


def test_seal_of_nothing_named_covers_everything() -> None:
    whole = Seal(name="all", dataset=Dataset(), start=100, end=FOREVER)
    assert whole.covers(_ETH, 0, 101)
    assert not _SEAL.covers(_ETH, 0, 101)


@pytest.mark.parametrize(
    ("values", "says"),
    [({"name": ""}, "a seal needs a name"), ({"end": 100}, "the end of a seal must be after")],
)
def test_seal_that_can_not_be_is_refused(values: dict[str, object], says: str) -> None:
    given = {"name": "2025", "dataset": _BTC, "start": 100, "end": 200} | values
    with pytest.raises(ValueError, match=says):
        Seal(**given)  # type: ignore[arg-type]


def test_run_into_a_sealed_period_is_refused() -> None:
    with pytest.raises(GateClosed, match="reach into '2025', which is sealed: take bars that end"):
        _run()
    with pytest.raises(GateClosed, match="tutti trials open 2025"):
        _run(dataset=_RENAMED)


def test_run_beside_a_sealed_period_or_its_data_passes() -> None:
    _run(end=100)
    _run(dataset=_ETH)
    _run(seals=[])


def test_run_of_the_candidate_that_it_was_opened_for_passes() -> None:
    _run(openings=(Opening(seal="2025", configuration="c", strategy="x"),))


@pytest.mark.parametrize(
    "opening",
    [
        Opening(seal="2025", configuration="d", strategy="x"),
        Opening(seal="2024", configuration="c", strategy="x"),
    ],
)
def test_run_of_another_candidate_or_seal_is_refused(opening: Opening) -> None:
    with pytest.raises(GateClosed, match="is sealed"):
        _run(openings=(opening,))


def test_run_after_the_opening_was_used_is_refused_unless_it_is_the_same() -> None:
    used = Opening(seal="2025", configuration="c", strategy="x", run_id="r")
    _run(openings=(used,))
    with pytest.raises(GateClosed, match="was opened for this candidate and used by r"):
        _run(openings=(used,), run_id="another")


def test_opening_of_a_seal_is_once_for_each_candidate() -> None:
    first = Opening(seal="2025", configuration="c", strategy="x")
    refuse_second_opening([_SEAL], [], first)
    refuse_second_opening([_SEAL], [first], Opening(seal="2025", configuration="d", strategy="x"))
    with pytest.raises(GateClosed, match="opened for this candidate before and not used yet"):
        refuse_second_opening([_SEAL], [first], first)
    used = Opening(seal="2025", configuration="c", strategy="x", run_id="r7")
    with pytest.raises(GateClosed, match="before and used by r7: it opens once"):
        refuse_second_opening([_SEAL], [used], first)


def test_opening_of_no_seal_names_those_that_there_are() -> None:
    wrong = Opening(seal="2026", configuration="c", strategy="x")
    with pytest.raises(GateClosed, match="no seal is called '2026'; there are: 2025"):
        refuse_second_opening([_SEAL], [], wrong)
    with pytest.raises(GateClosed, match="there are: none"):
        refuse_second_opening([], [], wrong)
