"""``tutti sentiment``: what texts say, and how well that is told."""

import asyncio
import math
import time
from dataclasses import asdict
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, ConfigFile, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tutti.agents.text.port import SentimentScorer
    from tutti.agents.text.sentiment import SentimentQuality
    from tutti.app.sentiment import Evaluation

app = typer.Typer(help="Tell good news from bad, and how well that is told.")

_Scorer = Annotated[
    str, typer.Option(metavar="NAME", help="lexicon, vader, finbert or llm:PROVIDER:MODEL.")
]


class Rows(StrEnum):
    """Which rows of a file: all, or every second one beginning with the first or the second."""

    ALL = "all"
    EVEN = "even"
    ODD = "odd"


_STEPS = {Rows.ALL: (0, 1), Rows.EVEN: (0, 2), Rows.ODD: (1, 2)}


_Records = Annotated[
    Path,
    typer.Option(
        "--llm-records", metavar="FILE", help="Where answers of language models are kept."
    ),
]
_MaxCost = Annotated[
    float,
    typer.Option(metavar="USD", min=0, help="That a language model may cost in a day; see llm:."),
]
_RECORDS = Path("llm.sqlite")


@app.command("eval")
def evaluate(  # noqa: PLR0913 - one parameter for each option
    *,
    text: Annotated[
        Path, typer.Option(metavar="FILE", help="Labelled texts: Parquet, CSV, JSON or lines.")
    ],
    scorer: _Scorer = "lexicon",
    rows: Annotated[
        Rows,
        typer.Option(help="The lexicon's constants were set on the even rows, counted from 0."),
    ] = Rows.ALL,
    config: ConfigFile = None,
    max_cost: _MaxCost = 1.0,
    llm_records: _Records = _RECORDS,
    as_json: AsJson = False,
) -> int:
    """Hold a scorer's labels against those that people gave."""
    from tutti.agents.text.sentiment import LABELS
    from tutti.app.sentiment import evaluate as evaluate_scorer
    from tutti.app.sentiment import read_labelled

    start, step = _STEPS[rows]
    given = read_labelled(text, start=start, step=step)

    async def evaluated() -> "Evaluation":
        async with _opened(scorer, config, llm_records, max_cost) as opened:
            return await evaluate_scorer(opened, given, time.process_time)

    done = asyncio.run(evaluated())
    output = Output(as_json=as_json)
    _show(output, done)
    if given.n_left_out:
        output.say(f"left out: {given.n_left_out} without a text or a label", "yellow")
    if set(given.meanings) - set(LABELS):
        output.say(f"labels: {', '.join(f'{k} is {v}' for k, v in given.meanings.items())}")
    read = {"labels": dict(given.meanings), "n_left_out": given.n_left_out}
    output.finish(_document(done) | {"text": str(text), "rows": rows.value} | read)
    return OK


@app.command()
def score(  # noqa: PLR0913 - one parameter for each option
    *,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...")],
    target: Annotated[
        str, typer.Option(metavar="NAME", help="Name or ticker that they are judged for.")
    ] = "",
    scorer: _Scorer = "lexicon",
    config: ConfigFile = None,
    max_cost: _MaxCost = 1.0,
    llm_records: _Records = _RECORDS,
    as_json: AsJson = False,
) -> int:
    """Tell how likely each text is bad, neither or good news."""
    from tutti.agents.text.sentiment import LABELS, labels

    async def scored() -> tuple[str, list[str], dict[str, Any]]:
        async with _opened(scorer, config, llm_records, max_cost) as opened:
            found = await opened.score(texts, [target] * len(texts))
            said = [LABELS[code] if code >= 0 else "" for code in labels(found, opened.dead_band)]
            figures = {"value": found.value} | dict(zip(LABELS, found, strict=True))
            return opened.name, said, figures

    name, said, figures = asyncio.run(scored())
    rows = [{key: _finite(each[row]) for key, each in figures.items()} for row in range(len(texts))]
    output = Output(as_json=as_json)
    output.table(
        ("text", "label", *figures),
        [
            (text, label, *map(_shown, row.values()))
            for text, label, row in zip(texts, said, rows, strict=True)
        ],
        numbers_from=2,
    )
    if as_json:
        told = [
            {"text": text, "label": label} | row
            for text, label, row in zip(texts, said, rows, strict=True)
        ]
        output.finish({"scorer": name, "target": target, "texts": told})
    return OK


@app.command()
def vectors(  # noqa: PLR0913 - one parameter for each option
    *,
    text: Annotated[
        list[str], typer.Option(metavar="GLOB", help="Files of texts; may be given again.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Readings go to readings/semantic_synth in it.")
    ],
    symbols: Annotated[
        list[str] | None,
        typer.Option(
            "--symbol", metavar="SYMBOL", help="BTC, for instance; else all in the files."
        ),
    ] = None,
    every: Annotated[str, typer.Option(metavar="SPAN", help="At most one vector in this span.")] = (
        "15m"
    ),
    embeddings: Annotated[
        bool, typer.Option("--embeddings", help="Keep the texts' vectors, too, to search them.")
    ] = False,
    scorer: _Scorer = "lexicon",
    config: ConfigFile = None,
    max_cost: _MaxCost = 1.0,
    llm_records: _Records = _RECORDS,
    as_json: AsJson = False,
) -> int:
    """Compute what the texts about each symbol say together."""
    from tutti.adapters.feeds.timeframe import parse_timeframe  # not for --help
    from tutti.app.score_vectors import Wanted, write_score_vectors

    wanted = Wanted(
        files=tuple(text),
        out=out,
        symbols=tuple(symbols or ()),
        every=parse_timeframe(every),
        keeps_embeddings=embeddings,
    )
    with progress() as report:

        async def written() -> Any:
            async with _opened(scorer, config, llm_records, max_cost) as opened:
                return await write_score_vectors(wanted, opened, report)

        done = asyncio.run(written())
    output = Output(as_json=as_json)
    output.say(
        f"{done.n_texts:,} texts about {done.n_symbols} symbols gave {done.n_vectors:,} score "
        f"vectors; {done.added.rows:,} readings are new"
    )
    output.finish(
        {
            "n_texts": done.n_texts,
            "n_symbols": done.n_symbols,
            "n_vectors": done.n_vectors,
            "n_new_readings": done.added.rows,
            "n_new_embeddings": done.n_embeddings,
            "out": str(out),
        }
    )
    return OK


@app.command()
def search(
    *,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    folder: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="That vectors --embeddings wrote to.")
    ],
    symbol: Annotated[str | None, typer.Option(metavar="SYMBOL", help="Only about it.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Nothing known later is told.")
    ] = None,
    count: Annotated[int, typer.Option("--count", "-k", min=1, max=1000, metavar="N")] = 5,
    as_json: AsJson = False,
) -> int:
    """Find the texts that are most like one, by their vectors."""
    from tutti.app.score_vectors import nearest_texts
    from tutti.kernel.clock import iso

    until = instant(at, "--at")
    found = nearest_texts(folder, text, until=until, k=count, symbol=symbol)
    output = Output(as_json=as_json)
    output.table(
        ("likeness", "known at", "symbol", "text"),
        [(f"{each.likeness:.3f}", iso(each.known_at), each.symbol, each.text) for each in found],
    )
    if as_json:
        output.finish({"text": text, "texts": [each._asdict() for each in found]})
    return OK


def _opened(
    scorer: str, config: Path | None, records: Path, max_cost: float
) -> "AbstractAsyncContextManager[SentimentScorer]":
    from tutti.app.config import load_config  # not for --help
    from tutti.app.scorers import opened_scorer

    return opened_scorer(
        scorer, load_config(config), records=records, max_cost=Decimal(str(max_cost))
    )


def _document(done: "Evaluation") -> dict[str, Any]:
    from tutti.agents.text.sentiment import LABELS

    own = {key: value for key, value in asdict(done.quality).items() if key not in ("f1", "counts")}
    return (
        {key: _finite(value) if isinstance(value, float) else value for key, value in own.items()}
        | {"vader_macro_f1": None if done.vader is None else done.vader.macro_f1}
        | {"vader_accuracy": None if done.vader is None else done.vader.accuracy}
        | {"f1": dict(zip(LABELS, done.quality.f1, strict=True))}
        | {"counts": done.quality.counts.tolist()}
        | {"scorer": done.scorer, "us_per_text": done.us_per_text, "cost_usd": float(done.cost_usd)}
    )


def _show(output: Output, done: "Evaluation") -> None:
    from tutti.agents.text.sentiment import LABELS

    rows = [_row(done.scorer, done.quality)]
    if done.vader is not None and done.scorer != "vader":
        rows.append(_row("vader", done.vader))
    rows.append(("majority class", "", f"{done.quality.majority_macro_f1:.3f}", *[""] * 5))
    output.table(
        ("scorer", "accuracy", "macro F1", *LABELS, "calibration error", "Brier"),
        rows,
        numbers_from=1,
        title=f"{done.quality.n} labelled texts",
    )
    if done.vader is None:
        output.say("VADER is not installed, so there is nothing to compare with", style="yellow")
    if done.quality.n_unanswered:
        output.say(f"{done.quality.n_unanswered} without an answer, counted as wrong", "yellow")
    cost = f", ${done.cost_usd:.4f} in all" if done.cost_usd else ""
    output.say(f"{done.us_per_text:.0f} us CPU a text{cost}")


def _row(name: str, of: "SentimentQuality") -> tuple[str, ...]:
    figures = (of.accuracy, of.macro_f1, *of.f1, of.calibration_error, of.brier)
    return (name, *(f"{value:.3f}" for value in figures))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"
