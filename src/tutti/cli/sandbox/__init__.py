"""``tutti sandbox``: a strategy questioned, in other markets, against others, part by part."""

import typer

from tutti.cli.sandbox.ab import ab
from tutti.cli.sandbox.attribute import attribute
from tutti.cli.sandbox.lookahead import lookahead
from tutti.cli.sandbox.montecarlo import montecarlo
from tutti.cli.sandbox.null import null
from tutti.cli.sandbox.stress import scenarios, stress

app = typer.Typer(
    help="Stress a strategy, compare it, take its profit apart.",
    no_args_is_help=True,
)


@app.callback()
def _sandbox() -> None:
    """Keep this a group however few commands it has."""


app.command()(stress)
app.command()(ab)
app.command()(attribute)
app.command()(scenarios)
app.command()(montecarlo)
app.command()(null)
app.command()(lookahead)
