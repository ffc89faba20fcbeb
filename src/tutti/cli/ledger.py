"""``tutti ledger``: verify, show and export the journal of a run."""

import json
import sys
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import FAILED, OK
from tutti.cli.options import AsJson, Run
from tutti.cli.output import Output
from tutti.cli.runs import run_folder, usable
from tutti.kernel.clock import iso
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.ledger.store import Row

app = typer.Typer(help="Verify, show and export the ledger of a run.", no_args_is_help=True)

_LONGEST_SHOWN = 150

_Kind = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only records of this kind; may be repeated."),
]


@app.command()
def verify(*, run: Run = None, as_json: AsJson = False) -> int:
    """Check that nothing in the ledger was edited, removed, added or lost."""
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # not for --help
    from tutti.ledger import verify as checks

    folder = run_folder(run)
    with SqliteLedgerReader(folder) as reader:
        found = checks.verify(reader)
    output = Output(as_json=as_json)
    if found.ok:
        output.say(f"{folder}: sound, {found.rows:,} rows, hash {found.head.hash}", style="green")
        if not found.witnessed:
            output.say("nothing outside the chain vouches for its end", style="yellow")
    else:
        place = "" if found.first_bad_seq is None else f" at row {found.first_bad_seq:,}"
        output.say(f"{folder}: BROKEN{place}: {found.problem}", style="red")
    output.finish(
        {
            "run": str(folder),
            "ok": found.ok,
            "rows": found.rows,
            "hash": found.head.hash,
            "witnessed": found.witnessed,
            "first_bad_seq": found.first_bad_seq,
            "problem": found.problem,
        }
    )
    return OK if found.ok else FAILED


@app.command()
def show(
    *,
    run: Run = None,
    kind: _Kind = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many records.")] = 20,
    as_json: AsJson = False,
) -> int:
    """Show the last records of the ledger."""
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # not for --help

    kinds = _known(kind)
    folder = run_folder(run)
    with SqliteLedgerReader(folder) as reader:
        rows = list(islice(reader.rows(kinds=kinds, newest_first=True), last))[::-1]
    output = Output(as_json=as_json)
    output.table(
        ("seq", "time", "kind", "ref", "record"),
        [(str(row.seq), iso(row.ts), row.kind, row.ref, _short(row.body)) for row in rows],
    )
    output.finish({"run": str(folder), "rows": [_plain(row) for row in rows]})
    return OK


app.command("tail", help="The same as show.")(show)


@app.command()
def export(
    *,
    run: Run = None,
    kind: _Kind = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; else standard output.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write all records as JSON lines, with --json as one object."""
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # not for --help

    kinds = _known(kind)
    folder = run_folder(run)
    with SqliteLedgerReader(folder) as reader:
        rows = reader.rows(kinds=kinds)
        if out is None and as_json:
            written = [_plain(row) for row in rows]
            Output(as_json=True).finish(
                {"run": str(folder), "records": len(written), "rows": written}
            )
            return OK
        if out is None:
            _write(rows, sys.stdout)
            return OK
        usable(out.parent)
        with out.open("w", encoding="utf-8") as file:
            count = _write(rows, file)
    output = Output(as_json=as_json)
    output.say(f"{count:,} records")
    output.finish({"run": str(folder), "records": count, "written": str(out)}, [out])
    return OK


def _known(kinds: list[str] | None) -> list[str]:
    from tutti.ledger.kinds import BODIES  # not for --help

    for kind in kinds or ():
        if kind not in BODIES:
            raise ConfigError(f"--kind must be one of {', '.join(BODIES)}, was {kind!r}")
    return kinds or []


def _write(rows: "Iterator[Row]", file: IO[str]) -> int:
    count = 0
    for row in rows:
        file.write(f"{json.dumps(_plain(row))}\n")
        count += 1
    return count


def _plain(row: "Row") -> dict[str, Any]:
    return {
        "seq": row.seq,
        "ts": iso(row.ts),
        "kind": row.kind,
        "ref": row.ref,
        "body": _body(row.body),
        "hash": row.hash.hex(),
    }


def _body(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        # somebody edited it; what is there is shown, and verify says where
        return text


def _short(body: str) -> str:
    return body if len(body) <= _LONGEST_SHOWN else f"{body[:_LONGEST_SHOWN]}..."
