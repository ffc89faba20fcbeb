"""``tutti why`` and ``tutti replay``: from the ledger alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import FAILED, OK
from tutti.cli.options import AsJson, Run
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import run_folder
from tutti.model.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from tutti.ledger.trace import Trace

_NEAREST = 3


def why(
    *,
    order_id: Annotated[
        str, typer.Argument(metavar="ORDER_ID", help="Id of an order, or how it begins.")
    ],
    run: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Folder of the run; else the newest.")
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Past situations to tell of; else the run's own."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Tell how an order came about, from its fills to its inputs."""
    import msgspec  # not for --help

    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
    from tutti.ledger import trace
    from tutti.ledger.story import tell

    output = Output(as_json=as_json)
    folder = run_folder(run)
    with SqliteLedgerReader(folder) as reader:
        found = trace.why(reader, order_id.strip().lower())
        story = [*tell(found), *_before(folder, found, memory)]
    output.say(f"order {found.order_id}", style="bold")
    width = max(len(label) for label, _ in story)
    for label, line in story:
        output.say(f"  {label:>{width}}  {line}")
    output.finish(
        {
            "order_id": found.order_id,
            "story": [{"link": label, "what": line} for label, line in story],
            "trace": msgspec.to_builtins(found, str_keys=True),
        }
    )
    return OK


def _before(folder: Path, found: "Trace", memory: Path | None) -> list[tuple[str, str]]:
    from tutti.app.memory import kept_for, recalled  # not for --help

    kept = kept_for(folder, found.started.body if found.started else None)
    if memory is not None:
        if not memory.is_file():
            raise ConfigError(
                f"{memory}: nothing is kept there; fill it with tutti memory remember"
            )
        kept = memory, kept[1] if kept else _NEAREST
    if kept is None or not kept[0].is_file():
        return []
    from tutti.adapters.stores.memory import SqliteMemory
    from tutti.agents.memory.wording import situation_line

    near = recalled(SqliteMemory(kept[0]), found, kept[1])
    return [("before", situation_line(each)) for each in near]


def replay(
    *,
    run: Run = None,
    as_json: AsJson = False,
) -> int:
    """Run a recorded run again and compare the ledgers."""
    folder = run_folder(run)

    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # not for --help
    from tutti.app.replay import replay_run
    from tutti.ledger.verify import verify

    with SqliteLedgerReader(folder) as reader:
        recorded = verify(reader)
    if not recorded.ok:
        raise LedgerError(
            f"{folder}: its ledger is broken, so nothing to compare with: {recorded.problem}"
        )
    with progress() as report:
        outcome = replay_run(folder, report)
    output = Output(as_json=as_json)
    if outcome.equal:
        output.say(f"equal: {outcome.rows:,} rows, ledger {outcome.replayed_hash}", style="green")
    else:
        output.say(
            f"DIFFERENT: recorded {outcome.recorded_hash}, replayed {outcome.replayed_hash}",
            style="red",
        )
    output.finish(
        {
            "run": str(folder),
            "equal": outcome.equal,
            "recorded_hash": outcome.recorded_hash,
            "replayed_hash": outcome.replayed_hash,
            "rows": outcome.rows,
        }
    )
    return OK if outcome.equal else FAILED
