"""The command ``tutti``."""

from __future__ import annotations

import os
import sys

import typer

from tutti.cli import (
    agents,
    backtest,
    compare,
    costs,
    data,
    doctor,
    evaluate,
    explain,
    ledger,
    llm,
    memory,
    models,
    operating,
    orders,
    sentiment,
    service,
    stats,
    sweep,
    symbols,
    trials,
)
from tutti.cli.boundary import run
from tutti.cli.sandbox import app as sandbox

app = typer.Typer(
    name="tutti",
    help="An orchestra of trading agents under one conductor.",
    epilog="Exit codes: 0 done, 1 failed, 2 command, configuration or data to correct, "
    "3 a gate was not passed.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for command in (
    service.up,
    service.down,
    service.status,
    operating.pause,
    operating.resume,
    operating.flatten,
    operating.kill,
    doctor.doctor,
    backtest.backtest,
    backtest.report,
    compare.compare,
    evaluate.evaluate,
    sweep.sweep,
    explain.why,
    explain.replay,
    doctor.plugins,
    doctor.version,
):
    app.command()(command)
app.add_typer(agents.app, name="agents")
app.add_typer(costs.app, name="costs")
app.add_typer(data.app, name="data")
app.add_typer(ledger.app, name="ledger")
app.add_typer(llm.app, name="llm")
app.add_typer(memory.app, name="memory")
app.add_typer(models.app, name="models")
app.add_typer(orders.app, name="orders")
app.add_typer(sandbox, name="sandbox")
app.add_typer(sentiment.app, name="sentiment")
app.add_typer(stats.app, name="stats")
app.add_typer(symbols.app, name="symbols")
app.add_typer(trials.app, name="trials")


def main() -> None:
    """Run the command line and leave with its exit code."""
    _open_streams()
    sys.exit(run(app, sys.argv[1:]))


def _open_streams() -> None:
    # a stream that was closed is none to Python, and its number goes to the next file: a ledger
    if None in (sys.stdin, sys.stdout, sys.stderr):
        for number in range(3):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
