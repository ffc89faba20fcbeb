"""``tutti trials``: what was ever tried, and the periods that are kept for a last test."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import FAILED, OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.runs import TRIALS
from tutti.kernel.clock import iso
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.adapters.stores.trial_register import SqliteTrialRegister
    from tutti.ledger.trials import Dataset, RecordedTrial

app = typer.Typer(
    help="Show what was ever tried; seal a period for a last test.",
    no_args_is_help=True,
)

_SHORT = 8
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the seal.")]


@app.command("list")
def show_all(
    *,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many trials.")] = 20,
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """List the last trials, and all seals."""
    kept = _register(register)
    trials = list(kept.trials())
    openings = kept.openings()
    seals: list[dict[str, Any]] = [
        {
            "name": seal.name,
            "start": iso(seal.start),
            "end": _until(seal.end),
            "data": _data(seal.dataset),
            "openings": [
                {"strategy": each.strategy, "configuration": each.configuration,
                 "reason": each.reason, "run_id": each.run_id or None}
                for each in openings
                if each.seal == seal.name
            ],
        }
        for seal in kept.seals()
    ]  # fmt: skip
    output = Output(as_json=as_json)
    output.say(f"{len(trials):,} trials in {kept.where}")
    if trials:
        output.table(
            (
                "no", "recorded", "kind", "strategy", "configuration", "data", "from", "to",
                "Sharpe", "like",
            ),
            [_row(trial) for trial in trials[-last:]],
        )  # fmt: skip
    for seal in seals:
        used = len(seal["openings"])
        output.say(
            f"sealed: {seal['name']}, {seal['data']}, from {seal['start'][:10]} to "
            f"{seal['end'][:10] if seal['end'] else 'further notice'}, opened for {used} "
            f"candidate{'' if used == 1 else 's'}"
        )
    output.finish(
        {
            "register": kept.where,
            "n_trials": len(trials),
            "trials": [_plain(trial) for trial in trials[-last:]],
            "seals": seals,
        }
    )
    return OK


@app.command()
def show(
    *,
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="Number, or id of a run.")],
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Show one trial, and what was tried on the same data."""
    from tutti.ledger.trials import Dataset
    from tutti.stats.selection import effective_number  # numpy, not for --help

    kept = _register(register)
    found = [each for each in kept.trials() if trial in {str(each.seq), each.run_id}]
    if not found:
        raise ConfigError(f"{kept.where}: no trial {trial!r}; see tutti trials list")
    chosen = found[-1]
    standing = kept.standing(Dataset(instruments=chosen.instruments), chosen.start, chosen.end)
    document: dict[str, Any] = _plain(chosen) | {
        "on_the_same_data": {
            "n_trials": standing.n_trials,
            "n_effective": effective_number(standing.n_leaders, standing.likeness),
            "best_sharpe": max(standing.sharpes, default=None),
        }
    }
    output = Output(as_json=as_json)
    output.table(("", ""), [(key, str(value)) for key, value in _plain(chosen).items()])
    output.say(
        f"{standing.n_trials:,} different trials on the same data, worth "
        f"{document['on_the_same_data']['n_effective']:.1f} independent ones"
    )
    output.finish(document)
    return OK


@app.command()
def seal(  # noqa: PLR0913 - one parameter for each option
    *,
    name: _Name,
    start: Annotated[str, typer.Option(metavar="D", help="First sealed instant (UTC).")],
    end: Annotated[
        str | None, typer.Option(metavar="D", help="End, itself left out; else for good.")
    ] = None,
    bars: Bars = None,
    instrument: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Only this; a trial or a file of --bars must know it."),
    ] = None,
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Keep a period out of all backtests; without --bars and --instrument, of everything."""
    from tutti.app.trials import dataset_in
    from tutti.ledger.trials import FOREVER, Seal

    first, last = instant(start, "--start"), instant(end, "--end")
    if first is None or (last is not None and first >= last):
        raise ConfigError(f"--end must be after --start {start}, was {end}")
    if not name:
        raise ConfigError("NAME must not be empty")
    kept = _register(register)
    tried = {name for each in kept.trials() for name in each.instruments}
    made = Seal(
        name=name, dataset=dataset_in(bars or (), instrument or (), tried), start=first,
        end=FOREVER if last is None else last,
    )  # fmt: skip
    seen = sum(made.covers(_dataset(each), each.start, each.end) for each in kept.trials())
    kept.seal(made)
    output = Output(as_json=as_json)
    output.say(f"sealed {name}: {_data(made.dataset)} from {iso(first)} on", style="green")
    if seen:
        output.say(
            f"{seen:,} earlier trials have seen into it: a test on it proves less", style="yellow"
        )
    output.finish(
        {
            "name": name,
            "start": iso(made.start),
            "end": _until(made.end),
            "instruments": list(made.dataset.instruments),
            "files": list(made.dataset.files),
            "seen_by": seen,
            "register": kept.where,
        }
    )
    return OK


@app.command("open")
def open_once(
    *,
    name: _Name,
    config: ConfigFile = None,
    seed: Annotated[int | None, typer.Option(min=0, help="As the backtest will have it.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why now.")] = "",
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Let one candidate be tried on a sealed period, once."""
    from tutti.app.config import config_hash, load_config, override  # heavy, not for --help
    from tutti.ledger.trials import Opening

    settings = load_config(config)
    if seed is not None:
        settings = override(settings, {"seed": seed})
    kept = _register(register)
    opening = Opening(
        seal=name, configuration=config_hash(settings), strategy=settings.policy.name,
        reason=reason,
    )  # fmt: skip
    kept.open(opening)
    others = sum(each.seal == name for each in kept.openings()) - 1
    output = Output(as_json=as_json)
    output.say(
        f"{name} is open once for {opening.strategy} {opening.configuration[:_SHORT]}; "
        f"it was opened for {others} other{'' if others == 1 else 's'} before",
        style="green",
    )
    output.finish(
        {
            "seal": name,
            "strategy": opening.strategy,
            "configuration": opening.configuration,
            "reason": reason,
            "opened_for_others": others,
            "register": kept.where,
        }
    )
    return OK


@app.command()
def verify(*, register: Register = TRIALS, as_json: AsJson = False) -> int:
    """Check that nothing in the register was edited, removed or added."""
    kept = _register(register)
    problem = kept.fault()
    n_rows, head = kept.head()
    output = Output(as_json=as_json)
    if problem:
        output.say(f"{kept.where}: BROKEN: {problem}", style="red")
    else:
        output.say(f"{kept.where}: sound up to row {n_rows:,} {head}".rstrip(), style="green")
    output.finish(
        {
            "register": kept.where, "ok": not problem, "problem": problem or None,
            "n_rows": n_rows, "head": head or None,
        }
    )  # fmt: skip
    return FAILED if problem else OK


def _register(place: Path) -> "SqliteTrialRegister":
    from tutti.app.trials import register_at  # heavy, not for --help

    kept = register_at(place)
    # what stands in for it where there are seals keeps nothing either
    if kept is None or not kept.where:
        raise ConfigError("--register is off; name the file of a register")
    return kept


def _dataset(trial: "RecordedTrial") -> "Dataset":
    from tutti.ledger.trials import Dataset

    return Dataset(instruments=trial.instruments)


def _row(trial: "RecordedTrial") -> tuple[str, ...]:
    more = f" +{len(trial.instruments) - 1}" if len(trial.instruments) > 1 else ""
    sharpe = _yearly(trial)
    return (
        str(trial.seq),
        iso(trial.ts)[:10],
        trial.kind,
        trial.strategy,
        trial.configuration[:_SHORT],
        f"{trial.instruments[0].split('.')[0]}{more}",
        iso(trial.start)[:10],
        iso(trial.end)[:10],
        "-" if sharpe is None else f"{sharpe:.2f}",
        "-" if trial.like is None or trial.like == trial.seq else str(trial.like),
    )


def _plain(trial: "RecordedTrial") -> dict[str, Any]:
    return {
        "no": trial.seq,
        "recorded": iso(trial.ts),
        "kind": trial.kind,
        "run_id": trial.run_id,
        "strategy": trial.strategy,
        "configuration": trial.configuration,
        "instruments": list(trial.instruments),
        "start": iso(trial.start),
        "end": iso(trial.end),
        "sharpe": _yearly(trial),
        "n_returns": trial.n_returns,
        "total_return": trial.total_return,
        "max_drawdown": trial.max_drawdown,
        "like": trial.like,
    }


def _yearly(trial: "RecordedTrial") -> float | None:
    return None if trial.sharpe is None else trial.sharpe * math.sqrt(trial.periods_per_year)


def _until(end: int) -> str | None:
    from tutti.ledger.trials import FOREVER

    return None if end == FOREVER else iso(end)


def _data(dataset: "Dataset") -> str:
    if not dataset.instruments:
        return "everything"
    more = len(dataset.instruments) - 1
    return dataset.instruments[0] + (f" and {more} more" if more else "")
