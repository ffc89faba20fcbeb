"""A program that tries one model and writes down what it found; run as a process of its own.

``python -m tutti.app.model_trial JOB`` reads a job (JSON) and writes its steps to the file that the
job names, so that whoever started it knows how far it came, whatever the model does to it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.models.conformance import answers_of, tried
from tutti.agents.models.files_read import FilesRead
from tutti.agents.models.frames import pandas
from tutti.agents.models.port import declared, span
from tutti.agents.models.reading_ahead import suspects
from tutti.agents.models.resample import Resampler
from tutti.agents.models.windows import IMPORT_ERROR, LOOK_AHEAD, Trial
from tutti.app.models import file_of, load_file
from tutti.features.families import describe
from tutti.kernel.clock import parse_instant
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

IMPORTING, MAKING, PREDICTING, WINDOW, DONE, REFUSED = (
    "importing",
    "making",
    "predicting",
    "window",
    "done",
    "refused",
)
"""How far a trial came; `WINDOW` with each prediction that begins, `REFUSED` where the bars that it
should be shown can't be used."""

_START = parse_instant("2023-01-02")
_EXTRA = 120
_SHOCKS = 4.0
_MOVE = 0.004
_RALLY, _SLUMP = 15, 25
_SEED = 20_230_102
_INSTRUMENT = InstrumentId("BTC-USDT", "SIM")


def main(job: Path) -> None:
    """Try the model of a job and write what was found."""
    told: dict[str, Any] = json.loads(job.read_text(encoding="utf-8"))
    steps = Path(told["steps"])

    def step(reached: str, **more: object) -> None:
        with steps.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": reached, **more}) + "\n")

    path = Path(told["path"])
    folder = path if path.is_dir() else path.parent
    pandas()
    files = FilesRead(folder)

    def predicting(is_first: bool) -> AbstractContextManager[None]:  # noqa: FBT001 (as called)
        step(WINDOW)
        return files.predicting(is_first=is_first)

    step(IMPORTING)
    try:
        with files.making():
            source = load_file(path)
        step(MAKING)
        config = {"timeframe": told["timeframe"], "instrument": str(_INSTRUMENT), **told["params"]}
        with files.making():
            said = declared(source, source.made(config))
    except ConfigError as error:
        more = "\n".join(getattr(error, "__notes__", []))
        step(DONE, findings=[{"code": IMPORT_ERROR, "message": str(error), "details": more}])
        return
    config["timeframe"] = told["timeframe"] or said.timeframe or "1h"
    warm = max((describe(name).warm_up for name in said.needs), default=0)
    n, length = said.lookback + warm + _EXTRA, span(config["timeframe"], "--timeframe")
    try:
        bars = recorded_bars(told["bars"], n, length) if told["bars"] else made_up_bars(n, length)
    except (ConfigError, DataError) as error:
        step(REFUSED, why=str(error))
        return
    step(PREDICTING, name=source.name, lookback=said.lookback, timeframe=config["timeframe"])
    trial = Trial(
        source=source,
        config=config,
        bars=bars,
        budget_s=told["budget_s"],
        making=files.making,
        predicting=predicting,
    )
    if told["answers_alone"]:
        step(DONE, findings=[], answers=answers_of(trial), seconds=[])
        return
    found = tried(trial)
    findings = [asdict(each) for each in found.findings]
    findings += [
        {"code": LOOK_AHEAD, "message": f"reads {name}: what is in it may be newer than the bar"}
        for name in files.held
    ]
    findings += _reading_ahead(path)
    step(DONE, findings=findings, answers=found.answers, seconds=found.seconds)


def _reading_ahead(path: Path) -> list[dict[str, str]]:
    file = file_of(path)
    beside = {
        str(each.relative_to(file.parent)): each.read_text(encoding="utf-8", errors="replace")
        for each in sorted(file.parent.rglob("*.py"))
        if path.is_dir() and each != file
    }
    return [
        {
            "code": LOOK_AHEAD,
            "message": f"{file.parent / each.file if each.file else file}:{each.line}: {each.told}",
        }
        for each in suspects(file.read_text(encoding="utf-8", errors="replace"), beside)
    ]


def made_up_bars(n: int, step: int) -> MarketBlock:
    """Return ``n`` bars of a market that trends, ranges and jumps; always the same.

    It ends with a rally to a new high and a slump to a new low, which are among the windows shown.
    """
    rng = np.random.default_rng(_SEED)
    drift = np.repeat(rng.normal(scale=_MOVE / _SHOCKS, size=n // 25 + 1), 25)[:n]
    drift[-_RALLY - _SLUMP : -_SLUMP] = 2 * _MOVE
    drift[-_SLUMP:] = -2 * _MOVE
    moves = drift + _MOVE * rng.standard_t(_SHOCKS, size=n)
    close = 30_000.0 * np.exp(np.cumsum(moves))
    opened = np.concatenate([[30_000.0], close[:-1]]) * np.exp(rng.normal(scale=_MOVE / 20, size=n))
    wick = 1.0 + np.abs(rng.normal(scale=_MOVE / 2, size=(2, n)))
    high, low = np.maximum(opened, close) * wick[0], np.minimum(opened, close) / wick[1]
    volume = 10.0 * np.exp(rng.normal(size=n))
    sides = [each.reshape(-1, 1) for each in (opened, high, low, close, volume)]
    return MarketBlock(
        instruments=(_INSTRUMENT,),
        ts=_START + step * np.arange(n),
        step=step,
        open=sides[0],
        high=sides[1],
        low=sides[2],
        close=sides[3],
        volume=sides[4],
        funding=np.zeros((n, 1)),
    )


def recorded_bars(files: list[str], n: int, step: int) -> MarketBlock:
    """Return the last ``n`` bars of the first instrument in files, put together to ``step`` ns.

    Raises
    ------
    ConfigError, DataError
        If the files can't be used, or hold too few.
    """
    from tutti.app.backtest import read_source  # heavy, and made-up bars don't take it

    source = read_source(files, None, None, repair=False, timeframe=None, funding=())
    bars = Resampler(step, "--bars").advance(one_of(source.block, 0)).bars
    if len(bars) < n:
        raise ConfigError(f"--bars: a trial takes {n:,} bars, there are {len(bars):,}; name more")
    return bars.rows(len(bars) - n, len(bars))


def one_of(block: MarketBlock, i: int) -> MarketBlock:
    """Return the bars of one instrument alone."""
    there = np.flatnonzero(np.isfinite(block.close[:, i]))
    sides = {
        name: getattr(block, name)[there, i : i + 1]
        for name in ("open", "high", "low", "close", "volume", "funding")
    }
    instruments = (block.instruments[i],)
    return MarketBlock(instruments=instruments, ts=block.ts[there], step=block.step, **sides)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
