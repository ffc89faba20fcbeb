"""`tutti stats`: what returns and trials prove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Told, Tutti


def _json(answer: Told) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    told: dict[str, Any] = json.loads(answer.out)
    return told


def _write(values: np.ndarray, name: str = "r.csv", head: str = "r") -> str:
    np.savetxt(name, values, delimiter=",", header=head, comments="", fmt="%.17g")
    return name


def test_stats_of_the_papers_moments_are_the_papers(tutti: Tutti) -> None:
    # Bailey and López de Prado (2014): 2.5 a year over 1250 days, 100 trials of variance 1/2
    shape = ("--count", "1250", "--skewness", "-3", "--kurtosis", "10", "--trials", "100")
    yearly = _json(
        tutti("stats", "--sharpe", "2.5", *shape, "--trial-variance", "0.5", "--per-year", "250",
              "--json")
    )  # fmt: skip
    assert round(yearly["dsr"], 4) == 0.9004
    assert round(yearly["expected_max_sharpe"] / 250**0.5, 4) == 0.1132
    daily = _json(
        tutti("stats", "--sharpe", str(2.5 / 250**0.5), *shape, "--trial-variance", "0.002",
              "--json")
    )  # fmt: skip
    assert round(daily["expected_max_sharpe"], 4) == 0.1132
    assert daily["dsr"] == pytest.approx(yearly["dsr"], rel=1e-12)
    assert daily["min_track_record_length"] == pytest.approx(yearly["min_track_record_length"])


def test_stats_of_returns_print_every_promised_key(tutti: Tutti) -> None:
    values = np.random.default_rng(1).normal(0.001, 0.01, 500)
    told = _json(tutti("stats", "--returns", _write(values), "--json"))
    assert told.keys() >= {
        "sharpe", "sharpe_se", "psr", "dsr", "expected_max_sharpe", "min_track_record_length",
    }  # fmt: skip
    assert told["sharpe"] == pytest.approx(values.mean() / values.std(ddof=1))
    assert told["dsr"] == told["psr"]
    assert told["expected_max_sharpe"] == 0.0
    assert told["total_return"] == pytest.approx(np.prod(1.0 + values) - 1.0)
    assert "cagr" not in told


def test_stats_of_a_year_are_those_of_a_return_times_the_root(tutti: Tutti) -> None:
    name = _write(np.random.default_rng(1).normal(0.001, 0.01, 500))
    one = _json(tutti("stats", "--returns", name, "--trials", "9", "--json"))
    year = _json(tutti("stats", "--returns", name, "--trials", "9", "--per-year", "365", "--json"))
    for key in ("sharpe", "sharpe_se", "expected_max_sharpe", "sharpe_corrected", "sortino"):
        assert year[key] == pytest.approx(one[key] * 365**0.5)
    for key in ("psr", "dsr", "min_track_record_length", "max_drawdown"):
        assert year[key] == pytest.approx(one[key])
    assert one["trial_variance"] == pytest.approx(1 / 499)
    assert year["cagr"] > 0


def test_stats_of_a_loss_have_no_track_record_to_wait_for(tutti: Tutti) -> None:
    name = _write(np.random.default_rng(1).normal(-0.001, 0.01, 500))
    assert _json(tutti("stats", "--returns", name, "--json"))["min_track_record_length"] is None
    assert "min_track_record_length" in tutti("stats", "--returns", name).out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give --returns FILE, or --sharpe with --count"),
        (("--returns", "ok.csv", "--sharpe", "1"), "give --returns FILE, or --sharpe"),
        (("--sharpe", "1"), "--sharpe needs --count"),
        (("--sharpe", "1", "--count", "1"), "at least two returns are needed, there are 1"),
        (("--sharpe", "1", "--count", "9", "--skewness", "5"), "it is at least 26"),
        (("--sharpe", "nan", "--count", "9"), "sharpe must be finite"),
        (("--sharpe", "1e308", "--count", "9"), "numbers this large are no figures"),
        (("--sharpe", "1", "--count", "9", "--per-year", "1e308"), "numbers this large"),
        (("--returns", "ok.csv", "--benchmark", "nan"), "--benchmark must be a finite number"),
        (("--returns", "ok.csv", "--per-year", "inf"), "--per-year must be a finite number"),
        (("--returns", "ok.csv", "--count", "9"), "--count goes with --sharpe"),
        (("--returns", "none.csv"), "none.csv: no such file"),
        (("--returns", "still.csv"), "still.csv: all 20 returns are equal"),
        (("--returns", "zero.csv"), "zero.csv: all 20 returns are equal"),
        (("--returns", "short.csv"), "short.csv: at least 3 returns are needed, there are 2"),
        (("--returns", "gap.csv"), "gap.csv: row 2 of column r is nan"),
        (("--returns", "ok.csv", "--trials", "0"), "there is at least one trial, was 0.0"),
        (("--returns", "ok.csv", "--trial-variance", "-1"), "must not be negative, was -1"),
        (("--returns", "ok.csv", "--confidence", "1"), "confidence must be between 0 and 1"),
        (("overfitting", "--matrix", "ok.csv"), "ok.csv: at least two trials are needed"),
        (("overfitting", "--matrix", "two.csv", "--blocks", "7"), "blocks must be an even number"),
        (("overfitting", "--matrix", "two.csv"), "16 blocks need at least 32 rows"),
        (("overfitting", "--matrix", "two.csv", "--benchmark", "z"), "no column 'z'"),
        (
            ("overfitting", "--matrix", "two.csv", "--blocks", "4", "--block-length", "0"),
            "the mean length of a block is at least 1",
        ),
        (("overfitting", "--matrix", "rest.csv", "--blocks", "4"), "all 20 returns are equal"),
    ],
)
def test_stats_of_what_says_nothing_are_one_line(
    tutti: Tutti, arguments: tuple[str, ...], says: str
) -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.01, (20, 2))
    _write(noise[:, 0], "ok.csv")
    _write(noise, "two.csv", "a,b")
    _write(np.zeros((20, 2)), "rest.csv", "a,b")
    _write(np.full(20, 0.01), "still.csv")
    _write(np.zeros(20), "zero.csv")
    _write(noise[:2, 0], "short.csv")
    Path("gap.csv").write_text("r\n0.1\n\n0.2\n0.1\n")
    for more in ((), ("--json",)):
        answer = tutti("stats", *arguments, *more)
        assert answer.code == 2
        assert says in answer.err
        assert answer.err.count("\n") == 1
        assert answer.out == ""


def test_overfitting_of_noise_finds_nothing(tutti: Tutti) -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.01, (800, 20))
    name = _write(noise, head=",".join(f"t{k}" for k in range(20)))
    told = _json(tutti("stats", "overfitting", "--matrix", name, "--json"))
    assert 0.2 < told["pbo"] < 0.8
    assert told["superior"] == []
    assert told["spa"] > 0.05
    assert told["n_effective"] == 20
    assert told["best_dsr"] < 0.95
    assert _json(tutti("stats", "overfitting", "--matrix", name, "--json")) == told
    said = tutti("stats", "overfitting", "--matrix", name).out
    assert "After 20 trials none is better than what luck gives the best of them" in said


def test_overfitting_names_the_trial_that_is_better(tutti: Tutti) -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.01, (800, 5))
    noise[:, 3] += 0.003
    name = _write(noise, head="a,b,c,d,e")
    told = _json(tutti("stats", "overfitting", "--matrix", name, "--json"))
    assert (told["best"], told["superior"], told["pbo"] < 0.05) == ("d", ["d"], True)
    against = _json(tutti("stats", "overfitting", "--matrix", name, "--benchmark", "d", "--json"))
    assert (against["superior"], against["n_trials"]) == ([], 4)
    assert "at the 5 % level: d" in tutti("stats", "overfitting", "--matrix", name).out
