"""What differs between backtests: settings, data, results; and where they first part ways."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tutti.kernel.clock import DAY, iso
from tutti.sandbox.calibration.estimates import Estimate, mean_estimate
from tutti.sandbox.result import BacktestResult, json_value
from tutti.sandbox.wording import HONEST, METRICS, money, number, percent, total_return

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tutti.model.market import FloatArray, IntArray
    from tutti.sandbox.result import FillRow

ABSENT: Final = "-"
"""Stands where a run has no such key."""

_BPS = 1e4
_SHORT_HASH = 12
_LARGE_IS_GOOD = frozenset(
    {
        "final_equity",
        "total_return",
        "cagr",
        "sharpe",
        "sortino",
        "calmar",
        "hit_rate",
        "profit_factor",
    }
)
_SMALL_IS_GOOD = frozenset({"max_drawdown", "max_drawdown_days", "fees", "slippage_bps"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing in which runs may differ.

    Parameters
    ----------
    values : tuple
        JSON value of each run; None where it has none.
    told : tuple of str
        The same for people.
    best : int or None
        Number of the best run, where one value is better than another and not all are equal.
    """

    key: str
    values: tuple[Any, ...]
    told: tuple[str, ...]
    best: int | None = None

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same value."""
        return any(value != self.values[0] for value in self.values[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows about one subject, those that differ and those that don't."""

    name: str
    rows: tuple[Row, ...]

    @property
    def differing(self) -> tuple[Row, ...]:
        """Rows in which the runs differ."""
        return tuple(row for row in self.rows if row.differs)

    @property
    def equal(self) -> tuple[Row, ...]:
        """Rows in which all runs are alike."""
        return tuple(row for row in self.rows if not row.differs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A run against the first one, over the time that both cover.

    Parameters
    ----------
    ticks : int
        Instants that both have.
    correlation : float
        Of their returns.
    difference_bps : Estimate or None
        Mean difference of daily returns, basis points, with an error that counts autocorrelation;
        None where there are too few days.
    parting : tuple of str or None
        The first fill in which they differ, as each tells it; None when all fills are equal.
    parting_fill : int
        Number of that fill, from 0; number of fills when all are equal.
    """

    name: str
    ticks: int
    correlation: float
    difference_bps: Estimate | None
    parting: tuple[str, str] | None
    parting_fill: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two or more runs side by side."""

    names: tuple[str, ...]
    results: tuple[BacktestResult, ...]
    sections: tuple[Section, ...]
    against: tuple[Against, ...]


def compare(runs: Sequence[tuple[str, BacktestResult]]) -> Comparison:
    """Put runs side by side.

    Parameters
    ----------
    runs : sequence of (str, BacktestResult)
        Name and result; at least two.

    Raises
    ------
    ValueError
        If there are fewer.
    """
    if len(runs) <= 1:
        raise ValueError(f"a comparison takes two runs or more, was {len(runs)}")
    names = tuple(name for name, _ in runs)
    results = tuple(result for _, result in runs)
    return Comparison(
        names=names,
        results=results,
        sections=(
            Section(name="Results", rows=tuple(_results(results))),
            _plain("Configuration", [result.configuration for result in results]),
            Section(name="Data", rows=tuple(_data(results))),
            _plain("Terms of trade", [result.terms for result in results]),
            _plain("Versions", [result.versions for result in results]),
        ),
        against=tuple(
            _against(name, result, results[0])
            for name, result in zip(names[1:], results[1:], strict=True)
        ),
    )


def to_dict(comparison: Comparison, *, everything: bool = False) -> dict[str, Any]:
    """Return JSON values: per subject the keys that differ, or all of them, and how many don't."""
    return {
        "runs": list(comparison.names),
        "run_ids": [result.run_id for result in comparison.results],
        **{
            _key(section.name): {
                "differing": {
                    row.key: json_value(list(row.values))
                    for row in (section.rows if everything else section.differing)
                },
                "n_equal": len(section.equal),
            }
            for section in comparison.sections
        },
        "against_the_first": [_told_against(each) for each in comparison.against],
    }


def _told_against(each: Against) -> dict[str, Any]:
    estimate = each.difference_bps
    told: dict[str, Any] = json_value(
        {
            "run": each.name,
            "ticks": each.ticks,
            "correlation": each.correlation,
            "daily_difference_bps": None if estimate is None else estimate.to_dict(),
            "first_different_fill": None
            if each.parting is None
            else {"number": each.parting_fill, "first": each.parting[0], "this": each.parting[1]},
        }
    )
    return told


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as dotted keys; a list of named things is keyed by their names."""
    found: dict[str, Any] = {}
    for key, value in _items(values):
        path = f"{prefix}{key}"
        if isinstance(value, dict) or _is_of_named(value):
            # what is empty still has to be seen, or it could not differ from what is not
            found |= flat(value, f"{path}.") or {path: value}
        else:
            found[path] = value
    return found


def _items(values: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        yield from values.items()
        return
    for each in values:
        yield str(each["name"]), {key: value for key, value in each.items() if key != "name"}


def _is_of_named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and "name" in each for each in value)
        and len({each["name"] for each in value}) == len(value)
    )


def _plain(name: str, tables: Sequence[Mapping[str, Any]]) -> Section:
    flattened = [flat(dict(table)) for table in tables]
    keys = [
        key
        for key in dict.fromkeys(key for table in flattened for key in table)
        # what is empty here and has keys there is told by those keys
        if not any(other.startswith(f"{key}.") for table in flattened for other in table)
    ]
    return Section(
        name=name,
        rows=tuple(
            Row(
                key=key,
                values=tuple(table.get(key) for table in flattened),
                told=tuple(_written(table[key]) if key in table else ABSENT for table in flattened),
            )
            for key in keys
        ),
    )


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _results(results: Sequence[BacktestResult]) -> Iterator[Row]:
    yield _measure("final_equity", [each.final_equity for each in results], money)
    gains = [total_return(each, each.final_equity) for each in results]
    yield _measure("total_return", gains, percent)
    for key, _, shape in METRICS:
        if any(key in each.metrics for each in results):
            yield _measure(key, [each.metrics.get(key, math.nan) for each in results], shape)
    for key in HONEST:
        if any(key in each.honest for each in results):
            values = [_float(each.honest.get(key)) for each in results]
            yield _measure(key, values, _figure)
    for name in dict.fromkeys(name for each in results for name in each.baselines):
        ends = [
            float(each.baselines[name].equity[-1]) if name in each.baselines else math.nan
            for each in results
        ]
        yield _measure(f"baseline.{name}", ends, money)
    for key in ("n_orders", "n_fills", "n_refusals", "n_decisions"):
        yield _measure(key, [float(getattr(each, key)) for each in results], _whole)
    yield _measure("funding", [each.funding for each in results], money)
    for rule in sorted({rule for each in results for rule in each.refusals}):
        counts = [float(each.refusals.get(rule, 0)) for each in results]
        yield _measure(f"refused.{rule}", counts, _whole)


def _measure(key: str, values: Sequence[float], shape: Callable[[float], str]) -> Row:
    known = [value for value in values if math.isfinite(value)]
    best = None
    if len(set(known)) > 1 and key in _LARGE_IS_GOOD | _SMALL_IS_GOOD:
        pick = max(known) if key in _LARGE_IS_GOOD else min(known)
        best = list(values).index(pick)
    return Row(
        key=key,
        # two figures that aren't there are alike, and NaN is not equal to itself
        values=tuple(json_value(list(values))),
        told=tuple(map(shape, values)),
        best=best,
    )


def _data(results: Sequence[BacktestResult]) -> Iterator[Row]:
    facts: Mapping[str, Callable[[BacktestResult], Any]] = {
        "from": lambda each: iso(int(each.ts[0]) - each.step),
        "to": lambda each: iso(int(each.ts[-1])),
        "step_s": lambda each: each.step / 1e9,
        "bars": lambda each: each.n_bars,
        "tier": lambda each: each.tier,
        "seed": lambda each: each.seed,
        "starting_balance": lambda each: each.starting_balance,
    }
    for key, read in facts.items():
        values = tuple(read(each) for each in results)
        yield Row(key=key, values=values, told=tuple(map(_written, values)))
    traded = [set(map(str, each.instruments)) for each in results]
    for name in sorted(set.union(*traded)):
        there = tuple(name in each for each in traded)
        told = tuple("traded" if each else ABSENT for each in there)
        yield Row(key=f"instrument.{name}", values=there, told=told)
    files = [{_file(file.path): file.sha256 for file in each.data_files} for each in results]
    for path in dict.fromkeys(path for each in files for path in each):
        hashes = tuple(each.get(path) for each in files)
        told = tuple(each[:_SHORT_HASH] if each else ABSENT for each in hashes)
        yield Row(key=f"file.{path}", values=hashes, told=told)
    found = [set(each.findings) for each in results]
    for finding in sorted(set.union(*found)):
        there = tuple(finding in each for each in found)
        told = tuple("found" if each else ABSENT for each in there)
        yield Row(key=f"finding: {finding}", values=there, told=told)


def _file(path: str) -> str:
    # the same file may be named from another folder; its venue tells it from others of its name
    return "/".join(PurePath(path).parts[-2:])


def _against(name: str, result: BacktestResult, first: BacktestResult) -> Against:
    common, mine, yours = np.intersect1d(result.ts, first.ts, return_indices=True)
    correlation = math.nan
    if len(common) > 2:  # noqa: PLR2004 - two returns are the fewest that can be correlated
        returns = np.diff(np.log(np.maximum(result.equity[mine], np.finfo(np.float64).tiny)))
        others = np.diff(np.log(np.maximum(first.equity[yours], np.finfo(np.float64).tiny)))
        if returns.std() > 0.0 and others.std() > 0.0:
            correlation = float(np.corrcoef(returns, others)[0, 1])
    number_, parting = _parting(first, result)
    return Against(
        name=name,
        ticks=len(common),
        correlation=correlation,
        difference_bps=_daily(common, result.equity[mine], first.equity[yours]),
        parting=parting,
        parting_fill=number_,
    )


def _daily(ts: IntArray, equity: FloatArray, other: FloatArray) -> Estimate | None:
    # a close at midnight ends its day
    last = np.append(np.flatnonzero(np.diff((ts - 1) // DAY)), len(ts) - 1)
    if len(last) <= 3 or (equity[last] <= 0).any() or (other[last] <= 0).any():  # noqa: PLR2004
        return None
    gains = (np.diff(each[last]) / each[last][:-1] for each in (equity, other))
    own, theirs = gains
    return mean_estimate((own - theirs) * _BPS)


def _parting(first: BacktestResult, other: BacktestResult) -> tuple[int, tuple[str, str] | None]:
    longest = max(len(first.fills), len(other.fills))
    for at in range(longest):
        mine = _fill(first, at)
        yours = _fill(other, at)
        if mine != yours:
            return at, (mine, yours)
    return longest, None


def _fill(result: BacktestResult, at: int) -> str:
    if at >= len(result.fills):
        return "no further fill"
    fill: FillRow = result.fills[at]
    side = "buy" if fill.side > 0 else "sell"
    return (
        f"{iso(fill.ts)} {side} {fill.quantity:f} {result.instruments[fill.instrument]} "
        f"at {fill.price:f}, fee {fill.fee:f}, {fill.reason}"
    )


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _whole(value: float) -> str:
    return number(value, 0)


def _figure(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else ABSENT
