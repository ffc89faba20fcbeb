"""``tutti sandbox``: what becomes of a strategy in markets other than the recorded one."""

import typer

app = typer.Typer(
    help="Try a strategy in markets other than the recorded one.", no_args_is_help=True
)


@app.callback()
def _sandbox() -> None:
    """Keep this a group however few commands it has."""
