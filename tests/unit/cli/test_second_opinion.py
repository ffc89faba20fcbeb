"""How two engines that differ are shown."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from tutti.cli.output import Output
from tutti.cli.second_opinion import tell_second_opinion

_SIDE = {"fills": 3, "fees": 1.5, "funding": 0.0, "final_equity": 10_000.0}


def _said(**changes: Any) -> str:
    opinion = {
        "engine": "NautilusTrader 1.221.0", "fills_matched": 2, "fills_total": 3,
        "equity_diff_bps": 4.2, "agrees": False, "ours": _SIDE, "theirs": _SIDE | {"fills": 2},
        "mapped": {"half_spread": 0.0, "impact": 0.0}, "differences": [],
    } | changes  # fmt: skip
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        tell_second_opinion(opinion, Output(as_json=False))
    return out.getvalue()


def test_difference_is_told_with_its_cause_and_examples() -> None:
    difference = {
        "cause": "only_here", "count": 1, "amount": -4.2, "bps": -4.2,
        "explanation": "filled here and not there", "examples": ["order abc, buy X"],
    }  # fmt: skip
    said = _said(differences=[difference])
    assert "2 of 3 fills matched; equity never more than 4.2 bps apart" in said
    assert "only_here: order abc, buy X" in said


def test_difference_of_no_weight_is_told_without_examples() -> None:
    difference = {
        "cause": "fee", "count": 0, "amount": 1e-9, "bps": 1e-9, "explanation": "rounding",
        "examples": ["order abc"],
    }  # fmt: skip
    said = _said(differences=[difference])
    assert "rounding" in said
    assert "order abc" not in said


def test_nothing_given_is_not_told() -> None:
    assert "no such model" not in _said()
