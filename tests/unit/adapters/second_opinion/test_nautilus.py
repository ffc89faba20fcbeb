"""NautilusTrader itself on a market small enough to work out by hand."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from tests.unit.adapters.second_opinion.conftest import NAN, QUIET, START, order

from tutti.adapters.second_opinion import process
from tutti.adapters.second_opinion.process import read_reply, write_request
from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentKind

if TYPE_CHECKING:
    from tests.unit.adapters.second_opinion.conftest import RequestMaker

    from tutti.adapters.second_opinion.request import Replay, ReplayRequest

pytest.importorskip("nautilus_trader", reason="NautilusTrader is not installed")


class Replayed(Protocol):
    def __call__(self, request: ReplayRequest) -> Replay: ...


@pytest.fixture
def replayed(tmp_path: Path) -> Replayed:
    """Return a function that runs the program here instead of in a process of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports warns of this and that
        from tutti.adapters.second_opinion.nautilus.replay import main

    def run(request: ReplayRequest) -> Replay:
        write_request(request, tmp_path)
        main(tmp_path)
        return read_reply(request, tmp_path)

    return run


def told(replay: Replay) -> list[tuple[str, int, int, str, str, bool]]:
    return [
        (
            fill.order_id.removeprefix("order-"),
            fill.row,
            fill.side,
            f"{fill.quantity.normalize():f}",
            f"{fill.price.normalize():f}",
            fill.is_maker,
        )
        for fill in replay.fills
    ]


def fees(replay: Replay) -> list[Decimal]:
    return [fill.fee.normalize() for fill in replay.fills]


def test_market_order_fills_at_the_open_that_it_arrives_with(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    replay = replayed(make_request([order(1, 1, +1, "2"), order(2, 3, -1, "2")]))
    assert told(replay) == [("1", 1, 1, "2", "101", False), ("2", 3, -1, "2", "103", False)]
    assert fees(replay) == [Decimal("0.202"), Decimal("0.206")]
    assert replay.equity.tolist() == pytest.approx(
        [10_000.0, 10_000 - 0.202 + 2, 10_000 - 0.202 + 4, 10_003.592, 10_003.592], abs=1e-8
    )


def test_market_order_between_two_bars_waits_for_the_next(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    late = order(1, 1, +1, "2", arrival=START + HOUR + 1)
    assert told(replayed(make_request([late])))[0][1] == 2


def test_missing_bar_fills_nothing(make_request: RequestMaker, replayed: Replayed) -> None:
    bars = [*QUIET[:2], (NAN, NAN, NAN, NAN, NAN), *QUIET[3:]]
    assert told(replayed(make_request([order(1, 2, +1, "2")], bars)))[0][1] == 3


def test_taker_pays_spread_and_impact_rounded_against_it(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    asked = make_request(
        [order(1, 1, +1, "2"), order(2, 3, -1, "2")], half_spread_bps=10.0, impact_coefficient=1.0
    )
    replay = replayed(asked)
    # 101 * (1 + 0.001 + ln(103/100) / (2 sqrt(ln 2)) * sqrt(2/1000)) = 101.1812, and the like
    assert [row[4] for row in told(replay)] == ["101.2", "102.8"]
    assert replay.mapped["half_spread"] == pytest.approx(2 * 0.101 + 2 * 0.103)
    assert replay.mapped["impact"] == pytest.approx(2 * 0.0802 + 2 * 0.0803, rel=1e-2)


def test_market_order_larger_than_its_share_of_volume_goes_on(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    bars = [*QUIET[:2], (102.0, 104.0, 98.0, 103.0, 0.0), *QUIET[3:]]
    replay = replayed(make_request([order(1, 1, +1, "15")], bars, participation=0.01))
    assert told(replay) == [("1", 1, 1, "10", "101", False), ("1", 3, 1, "5", "103", False)]


def test_resting_limit_needs_the_price_to_trade_through(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    touched = order(1, 1, +1, "2", type="limit", price=Decimal(100))
    through = replayed(make_request([touched]))
    assert told(through) == [("1", 2, 1, "2", "100", True)]
    assert fees(through) == [Decimal("0.04")]
    touch = replayed(make_request([touched], limit_through=False))
    assert told(touch) == [("1", 1, 1, "2", "100", True)]


def test_limit_that_crosses_the_open_takes_but_never_past_its_limit(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    crossing = order(1, 1, +1, "2", type="limit", price=Decimal("101.1"))
    replay = replayed(make_request([crossing], half_spread_bps=50.0))
    assert told(replay) == [("1", 1, 1, "2", "101.1", False)]


def test_limit_is_filled_by_its_share_of_each_bar(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    resting = order(1, 1, -1, "25", type="limit", price=Decimal("102.5"))
    replay = replayed(make_request([resting], participation=0.01))
    assert told(replay) == [
        ("1", 1, -1, "10", "102.5", True),
        ("1", 2, -1, "10", "102.5", True),
        ("1", 3, -1, "5", "102.5", True),
    ]


def test_limit_is_cancelled_before_the_bar_that_follows(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    resting = order(1, 1, -1, "2", type="limit", price=Decimal("103.5"), cancel_at=START + 2 * HOUR)
    assert told(replayed(make_request([resting]))) == []


def test_stop_fills_at_the_worse_of_trigger_and_open(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    reached = order(1, 1, -1, "2", type="stop", price=Decimal("98.5"))
    gapped = order(2, 3, +1, "2", type="stop", price=Decimal("102.5"))
    replay = replayed(make_request([reached, gapped]))
    assert told(replay) == [("1", 2, -1, "2", "98.5", False), ("2", 3, 1, "2", "103", False)]


def test_rest_of_a_triggered_stop_goes_to_the_market(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    stop = order(1, 1, -1, "15", type="stop", price=Decimal("98.5"))
    replay = replayed(make_request([stop], participation=0.01))
    assert told(replay) == [("1", 2, -1, "10", "98.5", False), ("1", 3, -1, "5", "103", False)]


def test_funding_is_paid_at_the_close_on_what_is_held(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    asked = make_request([order(1, 1, +1, "2")], funding=[0.5, 0.001, 0.0, -0.002, 0.0])
    replay = replayed(asked)
    assert replay.funding == pytest.approx(-2 * 102 * 0.001 + 2 * 104 * 0.002)
    assert replay.equity[-1] == pytest.approx(10_000 + 2 * (105 - 101) - 0.202 + replay.funding)


def test_spot_is_paid_for_with_the_cash_at_hand(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    orders = [order(1, 1, +1, "2"), order(2, 3, -1, "1")]
    replay = replayed(make_request(orders, kind=InstrumentKind.SPOT))
    assert told(replay) == [("1", 1, 1, "2", "101", False), ("2", 3, -1, "1", "103", False)]
    assert replay.equity[-1] == pytest.approx(10_000 - 202 - 0.202 + 103 - 0.103 + 105)


def test_forced_close_takes_its_price_and_its_fee(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    forced = order(2, 2, -1, "2", forced_price=Decimal("98.3"))
    replay = replayed(make_request([order(1, 1, +1, "2"), forced], liquidation_fee=0.01))
    assert told(replay)[1] == ("2", 2, -1, "2", "98.3", False)
    assert [fill.is_forced for fill in replay.fills] == [False, True]
    assert fees(replay)[1] == Decimal("196.6") * Decimal("0.011")


def test_two_orders_share_what_a_bar_can_fill(
    make_request: RequestMaker, replayed: Replayed
) -> None:
    orders = [order(1, 1, +1, "6"), order(2, 1, +1, "6")]
    replay = replayed(make_request(orders, participation=0.01))
    assert told(replay) == [
        ("1", 1, 1, "6", "101", False),
        ("2", 1, 1, "4", "101", False),
        ("2", 2, 1, "2", "102", False),
    ]


def test_money_is_kept_finer_than_cents(make_request: RequestMaker, replayed: Replayed) -> None:
    asked = replace(make_request([order(1, 1, +1, "0.01")]), quote_currency="USD")
    assert fees(replayed(asked)) == [Decimal("0.00101")]


def test_run_without_orders_keeps_its_cash(make_request: RequestMaker, replayed: Replayed) -> None:
    replay = replayed(make_request([]))
    assert replay.fills == ()
    assert replay.equity.tolist() == [10_000.0] * len(QUIET)


def test_program_runs_by_path_and_imports_nothing_of_tutti(
    make_request: RequestMaker, tmp_path: Path
) -> None:
    request = make_request([order(1, 1, +1, "1")])
    write_request(request, tmp_path)
    program = Path(process.__file__).with_name("nautilus")
    told = (
        "import runpy, sys; program, folder = sys.argv[1:]; sys.argv = [program, folder];"
        " runpy.run_path(program, run_name='__main__');"
        " print(any(name.partition('.')[0] == 'tutti' for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", told, program, tmp_path],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["False"]
    assert len(read_reply(request, tmp_path).fills) == 1
