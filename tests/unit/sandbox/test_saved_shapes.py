"""What a study's file must hold is checked before anything is told of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tutti.model.errors import DataError
from tutti.sandbox.saved_shapes import STUDIES, read_study

if TYPE_CHECKING:
    from pathlib import Path

_SHARE = {"value": 0.1, "low": 0.05, "high": 0.2}
_STRETCH = {"name": "rising", "days": 9, "total_return": 0.1, "sharpe": None, "sharpe_se": 1}
_ENGINE = {"fills": 3, "fees": 1.0, "funding": 0.0, "final_equity": 9_000.0}
_SOUND: dict[str, dict[str, Any]] = {
    "robustness": {
        "costs": {
            "total_return_at": {"1": {"fees": 0.1, "slippage": 0.1, "both": None}},
            "break_even_bps": None,
        },
        "capacity": {"most_profit": None, "break_even": 1e6},
        "regimes": [_STRETCH],
        "parts": [],
    },
    "attribution": {
        "total": 3.0,
        "components": {"signal": 4, "cost": None},
        "by": {"agent,regime": [{"agent": "x", "regime": "TREND", "total": 3.0}]},
        "residual": 0.0,
    },
    "montecarlo": {
        "method": "block", "signals": "refitted", "n_paths": 9, "seed": 7,
        "probability_of_loss": _SHARE, "probability_of_ruin": _SHARE, "ruin_at": 0.5,
        "ts": [1, 2], "levels": [0.5], "fan": [[1.0, None]], "recorded": [1.0, 2.0],
    },
    "second_opinion": {
        "engine": "NautilusTrader", "ours": _ENGINE, "theirs": _ENGINE, "fills_matched": 3,
        "fills_total": 3, "equity_diff_bps": 0.0, "agrees": True, "differences": [], "mapped": {},
    },
    "knowledge": {
        "stamps": {
            "clean": {
                "n_opinions": 3, "hit_rate": None, "total_return": 0.1, "sharpe": 1.0,
                "max_drawdown": 0.1,
            }
        }
    },
}  # fmt: skip


def test_study_of_every_kind_is_known() -> None:
    from tutti.sandbox.result import STUDIES as KINDS

    assert set(STUDIES) == set(KINDS) == set(_SOUND)


@pytest.mark.parametrize("kind", _SOUND)
def test_study_that_is_sound_is_read_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.json"
    told = _SOUND[kind] | {"seconds": 1.5}
    path.write_text(json.dumps(told))
    assert read_study(path, kind) == told


@pytest.mark.parametrize("kind", _SOUND)
def test_study_without_any_one_part_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.json"
    for key in _SOUND[kind]:
        path.write_text(json.dumps({k: v for k, v in _SOUND[kind].items() if k != key}))
        with pytest.raises(DataError, match=rf"{kind}\.json: can't be read .*{key}"):
            read_study(path, kind)


@pytest.mark.parametrize("kind", _SOUND)
@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "1", '"x"', "{", '{"a": NaN}', "\x00"])
def test_study_that_is_something_else_is_refused(tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / f"{kind}.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"can't be read .*; delete it"):
        read_study(path, kind)


def test_study_that_is_a_folder_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        read_study(tmp_path, "robustness")
    path = tmp_path / "robustness.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(DataError, match="can't be read"):
        read_study(path, "robustness")


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("attribution", {"by": {"agent": [{"total": 1.0}]}}, "a line lacks agent"),
        ("montecarlo", {"ts": [1]}, "its curves differ in length"),
        ("montecarlo", {"levels": [0.1, 0.9]}, "its curves differ in length"),
    ],
)
def test_study_that_does_not_fit_together_is_refused(
    tmp_path: Path, kind: str, change: dict[str, Any], says: str
) -> None:
    path = tmp_path / f"{kind}.json"
    path.write_text(json.dumps(_SOUND[kind] | change))
    with pytest.raises(DataError, match=says):
        read_study(path, kind)
