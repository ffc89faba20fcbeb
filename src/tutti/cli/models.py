"""``tutti models``: plug-in models, begun, checked and listed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import GATE, OK
from tutti.cli.options import AsJson, ConfigFile
from tutti.cli.output import Output
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.model_check import ModelCheck

app = typer.Typer(help="Begin, check and list plug-in models.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """Begin, check and list plug-in models."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as my_model.")],
    *,
    folder: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="Where the model's folder goes.")
    ] = Path(),
    as_json: AsJson = False,
) -> int:
    """Write a folder with a model that works, its README and its test."""
    from tutti.app.model_template import write_template  # not for --help

    written = write_template(name, folder)
    output = Output(as_json=as_json)
    output.finish({"model": name, "files": [str(path) for path in written]}, written)
    output.say(f"next: tutti models check {folder / name}")
    return OK


@app.command()
def check(  # noqa: PLR0913 - one parameter for each option
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A model's folder, or its model.py.")
    ],
    *,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the model is made with; repeatable."),
    ] = None,
    timeframe: Annotated[
        str, typer.Option(metavar="T", help="Bars that it is shown; else its own, or 1h.")
    ] = "",
    bars: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB...", help="Files whose last bars it is shown; else made-up ones."
        ),
    ] = None,
    budget_ms: Annotated[
        float, typer.Option(min=0.001, metavar="MS", help="For one prediction.")
    ] = 250.0,
    time_limit: Annotated[
        float, typer.Option(min=1, metavar="S", help="For the whole check, in seconds.")
    ] = 60.0,
    as_json: AsJson = False,
) -> int:
    """Find out whether a model keeps what models have to keep.

    Answers of the promised shape and range, nothing from the future, the same answer to the same
    bars, in time. Exit code 3 where anything was found.
    """
    from tutti.app.model_check import check_model  # pandas, not for --help

    found = check_model(
        path,
        params=_params(param or []),
        timeframe=timeframe,
        bars=bars or (),
        budget_s=budget_ms / 1000,
        time_limit_s=time_limit,
    )
    output = Output(as_json=as_json)
    _tell(found, output)
    output.finish(found.to_dict())
    return OK if found.ok else GATE


@app.command("list")
def listed(*, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """List the models that the configuration can name, and the agents that run them."""
    from tutti.app.config import load_config, located  # heavy, not for --help
    from tutti.app.models import ANALYSTS, found_models

    settings = load_config(config)
    with located(config):
        found = found_models(settings.models.folders)
    runs: dict[str, list[str]] = {each.name: [] for each in found}
    for agent in settings.agents:
        name = str(agent.params.get("model", agent.model))
        if agent.plugin in ANALYSTS and name in runs:
            runs[name].append(agent.name)
    rows = [{"name": each.name, "origin": each.origin, "agents": runs[each.name]} for each in found]
    output = Output(as_json=as_json)
    if found:
        output.table(
            ["model", "from", "run by"],
            [(each.name, each.origin, ", ".join(runs[each.name]) or "nobody") for each in found],
        )
    else:
        output.say(
            "no models: write one with tutti models new NAME, and name the folder it is in under "
            "models.folders"
        )
    output.finish({"models": rows})
    return OK


def _params(given: list[str]) -> dict[str, object]:
    import yaml  # not for --help

    params: dict[str, object] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise ConfigError(f"--param must be KEY=VALUE, was {each!r}; write for example fast=8")
        params[key] = yaml.safe_load(value)
    return params


def _tell(found: "ModelCheck", output: Output) -> None:
    if found.ok:
        output.say(
            f"{found.model} conforms: {found.n_predictions} predictions, "
            f"{found.median_ms:g} ms each",
            style="green",
        )
        return
    output.table(
        ["code", "finding"],
        [(each.code, each.message) for each in found.findings],
        title=found.model,
    )
    for each in found.findings:
        if each.details:
            output.say(each.details)
    n = len(found.findings)
    output.say(f"{found.model} does not conform: {n} finding{'s' if n > 1 else ''}", style="red")
