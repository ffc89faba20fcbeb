"""``tutti llm``: the language models that agents ask."""

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli import llm_knowledge
from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, ConfigFile, instant
from tutti.cli.output import Output
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from decimal import Decimal

    from tutti.adapters.stores.llm_calls import SqliteCallRecords
    from tutti.agents.llm.recorded import RecordedCall
    from tutti.app.llm_costs import Cost

app = typer.Typer(help="Language models: what they know, were asked, and cost.")
llm_knowledge.register(app)

_SHORT = 8
_Records = Annotated[
    Path, typer.Argument(metavar="FILE|RUN", help="Records of calls, or a run's folder.")
]
_Since = Annotated[str | None, typer.Option(metavar="D", help="Recorded then or later (UTC).")]
_Until = Annotated[str | None, typer.Option(metavar="D", help="Recorded before (UTC).")]


@app.command("list")
def show_all(*, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """List the models that agents ask, what they cost, and the providers there are."""
    from tutti.app.config import load_config
    from tutti.app.llm_report import model_rows, provider_rows
    from tutti.kernel.clock import LiveClock

    settings = load_config(config)
    models, providers = model_rows(settings, LiveClock()), provider_rows(settings)
    output = Output(as_json=as_json)
    if models:
        output.table(
            ("model", "asked by", "trained until", "can be asked", "in USD/M", "out USD/M"),
            [
                (
                    row.model, ", ".join(row.asked_by), row.cutoff or "not known",
                    "no" if row.fault else "yes", _usd(row.input_usd), _usd(row.output_usd),
                )
                for row in models
            ],
            numbers_from=4,
        )  # fmt: skip
        for fault in dict.fromkeys(row.fault for row in models if row.fault):
            output.say(f"cannot be asked: {fault}")
    else:
        output.say(
            "No agent asks a language model; set model of one, for example openai:gpt-5-mini."
        )
    output.table(
        ("provider", "speaks like", "url", "can be asked"),
        [(row.name, row.kind, row.url, "no" if row.fault else "yes") for row in providers],
    )
    output.finish(
        {
            "models": [
                {
                    "model": row.model,
                    "asked_by": list(row.asked_by),
                    "input_usd_per_million": _number(row.input_usd),
                    "output_usd_per_million": _number(row.output_usd),
                    "cutoff": row.cutoff or None,
                    "fault": row.fault or None,
                }
                for row in models
            ],
            "providers": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    "url": row.url,
                    "fault": row.fault or None,
                }
                for row in providers
            ],
        }
    )
    return OK


@app.command()
def records(  # noqa: PLR0913 - one parameter for each option
    file: _Records,
    *,
    agent: Annotated[str, typer.Option(metavar="NAME", help="Of one agent.")] = "",
    since: _Since = None,
    until: _Until = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many.")] = 20,
    key: Annotated[
        str, typer.Option(metavar="KEY", help="Show one call whole: prompt and answers.")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """List calls on record, newest last; or show one with its prompt and what came of it."""
    from tutti.app.llm_costs import records_in

    first, end = instant(since, "--since"), instant(until, "--until")
    output = Output(as_json=as_json)
    with records_in(file) as kept:
        found = deque(
            (
                each
                for each in kept.outcomes(agent=agent, since=first, until=end)
                if each.key.startswith(key)
            ),
            maxlen=last,
        )
        if key:
            _show_one(output, kept, key, list(found))
            return OK
    output.table(
        ("recorded", "agent", "about", "key", "model", "came of it", "s", "tokens", "USD"),
        [_row(each) for each in found],
        numbers_from=6,
    )
    if not found:
        output.say("nothing on record")
    output.finish({"records": [_plain(each) for each in found]})
    return OK


@app.command()
def cost(
    file: _Records,
    *,
    by: Annotated[
        str, typer.Option(metavar="PARTS", help="What to tell apart: agent, model, day.")
    ] = "agent,model,day",
    since: _Since = None,
    until: _Until = None,
    as_json: AsJson = False,
) -> int:
    """Add up what calls on record cost, by agent, model and day."""
    from tutti.app.llm_costs import PARTS, costs, records_in

    parts = [part for part in PARTS if part in by.split(",")]
    if unknown := [word for word in by.split(",") if word and word not in PARTS]:
        raise ConfigError(f"--by has no {unknown[0]!r}; there are {', '.join(PARTS)}")
    first, end = instant(since, "--since"), instant(until, "--until")
    with records_in(file) as kept:
        told = costs(kept.outcomes(since=first, until=end), parts)
        total = costs(kept.outcomes(since=first, until=end), [])
    output = Output(as_json=as_json)
    head = ("calls", "answers", "late", "failed", "reused", "in", "out", "USD")
    rows = [(*(getattr(row, part) for part in parts), *_figures(row)) for row in told]
    if parts and total:
        rows.append((*("all", "", "")[: len(parts)], *_figures(total[0])))
    output.table((*parts, *head), rows, numbers_from=len(parts))
    whole = total[0] if total else None
    if whole is None:
        output.say("nothing on record")
    elif whole.n_unpriced:
        output.say(f"of {whole.n_unpriced:,} answers the price is not known: USD is without them")
    output.finish(
        {
            "rows": [_cost(row, parts) for row in told],
            "total": _cost(whole, []) if whole is not None else None,
        }
    )
    return OK


@app.command()
def budget(file: _Records, *, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Tell what agents have spent of their budgets in this hour and day."""
    from tutti.app.config import load_config
    from tutti.app.llm_costs import records_in
    from tutti.app.llm_report import budget_rows
    from tutti.kernel.clock import LiveClock

    with records_in(file) as kept:
        rows = budget_rows(load_config(config), kept, LiveClock())
    output = Output(as_json=as_json)
    if rows:
        output.table(
            ("agent", "limit", "of", "spent", "left"),
            [
                (
                    row.agent, f"{row.limit:,f} {row.unit}", f"this {row.period}",
                    f"{row.spent:,f}", f"{row.limit - row.spent:,f}",
                )
                for row in rows
            ],
            numbers_from=3,
        )  # fmt: skip
    else:
        output.say("no agent has a budget; set budget of one, for example {usd_per_day: 1}")
    output.finish(
        {
            "budgets": [
                {
                    "agent": row.agent,
                    "period": row.period,
                    "unit": row.unit,
                    "spent": float(row.spent),
                    "limit": float(row.limit),
                }
                for row in rows
            ]
        }
    )
    return OK


def _row(each: "RecordedCall") -> tuple[str, ...]:
    came = each.outcome
    return (
        _minute(each.ts), each.agent, _minute(each.as_of), each.key[:_SHORT],
        came.model or each.asked, "again" if each.is_reused else came.kind,
        f"{came.latency / 1e9:.2f}", f"{came.input_tokens + came.output_tokens:,}",
        _usd(came.cost_usd if came.is_priced else None),
    )  # fmt: skip


def _minute(ts: int) -> str:
    from tutti.kernel.clock import iso

    return iso(ts)[:16].replace("T", " ")


def _show_one(
    output: Output, kept: "SqliteCallRecords", key: str, found: "list[RecordedCall]"
) -> None:
    keys = {each.key for each in found}
    if len(keys) != 1:
        says = f"there are {len(keys)} of them" if keys else "there is none"
        raise ConfigError(f"--key {key!r} must begin the key of one call; {says}")
    whole = keys.pop()
    asked = kept.call(whole)
    document: dict[str, Any] = {"key": whole, "records": [_plain(each) for each in found]}
    if asked is not None:
        output.say(f"{asked.model}, temperature {asked.temperature:g}, seed {asked.seed}")
        output.say("\nsystem", style="bold")
        output.say(asked.system)
        output.say("\nuser", style="bold")
        output.say(asked.user)
        document["call"] = {
            "model": asked.model,
            "system": asked.system,
            "user": asked.user,
            "schema": asked.schema,
            "temperature": asked.temperature,
            "max_output_tokens": asked.max_output_tokens,
            "seed": asked.seed,
        }
    for each in found:
        output.say(f"\n{each.outcome.kind}, {each.agent} about {_minute(each.as_of)}", "bold")
        output.say(each.outcome.text)
    output.finish(document)


def _plain(each: "RecordedCall") -> dict[str, Any]:
    from tutti.kernel.clock import iso

    came = each.outcome
    return {
        "recorded_at": iso(each.ts),
        "agent": each.agent,
        "as_of": iso(each.as_of),
        "key": each.key,
        "prompt": each.prompt or None,
        "asked": each.asked,
        "is_reused": each.is_reused,
        "kind": came.kind,
        "text": came.text,
        "model": came.model or None,
        "input_tokens": came.input_tokens,
        "output_tokens": came.output_tokens,
        "cost_usd": _number(came.cost_usd if came.is_priced else None),
        "latency_s": came.latency / 1e9,
    }


def _figures(row: "Cost") -> tuple[str, ...]:
    failed = row.n_calls - row.n_answers - row.n_late
    counts = (row.n_calls, row.n_answers, row.n_late, failed, row.n_reused)
    return (*map("{:,}".format, (*counts, row.input_tokens, row.output_tokens)), _usd(row.usd))


def _cost(row: "Cost", parts: list[Any]) -> dict[str, Any]:
    return {
        **{part: getattr(row, part) for part in parts},
        "calls": row.n_calls,
        "answers": row.n_answers,
        "late": row.n_late,
        "failed": row.n_calls - row.n_answers - row.n_late,
        "reused": row.n_reused,
        "unpriced": row.n_unpriced,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": _number(row.usd),
    }


def _usd(amount: "Decimal | None") -> str:
    return "not known" if amount is None else f"{amount.normalize():f}"


def _number(amount: "Decimal | None") -> float | None:
    return None if amount is None else float(amount)
