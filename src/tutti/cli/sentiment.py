"""``tutti sentiment``: what texts say, and how well that is told."""

import asyncio
import math
import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson
from tutti.cli.output import Output

if TYPE_CHECKING:
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


@app.command("eval")
def evaluate(
    *,
    text: Annotated[
        Path, typer.Option(metavar="FILE", help="Parquet or CSV with columns text and label.")
    ],
    scorer: _Scorer = "lexicon",
    rows: Annotated[
        Rows,
        typer.Option(help="The lexicon's constants were set on the even rows, counted from 0."),
    ] = Rows.ALL,
    as_json: AsJson = False,
) -> int:
    """Hold a scorer's labels against those that people gave."""
    from tutti.app.sentiment import evaluate as evaluate_scorer
    from tutti.app.sentiment import local_scorer, read_labelled

    start, step = _STEPS[rows]
    given = read_labelled(text, start=start, step=step)
    done = asyncio.run(evaluate_scorer(local_scorer(scorer), given, time.process_time))
    output = Output(as_json=as_json)
    _show(output, done)
    output.finish(_document(done) | {"text": str(text), "rows": rows.value})
    return OK


@app.command()
def score(
    *,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...")],
    target: Annotated[
        str, typer.Option(metavar="NAME", help="Name or ticker that they are judged for.")
    ] = "",
    scorer: _Scorer = "lexicon",
    as_json: AsJson = False,
) -> int:
    """Tell how likely each text is bad, neither or good news."""
    from tutti.agents.text.sentiment import LABELS, labels
    from tutti.app.sentiment import local_scorer

    chosen = local_scorer(scorer)
    found = asyncio.run(chosen.score(texts, [target] * len(texts)))
    said = [LABELS[code] if code >= 0 else "" for code in labels(found, chosen.dead_band)]
    figures = {"value": found.value} | dict(zip(LABELS, found, strict=True))
    rows = [
        {name: _finite(each[row]) for name, each in figures.items()} for row in range(len(texts))
    ]
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
        output.finish({"scorer": chosen.name, "target": target, "texts": told})
    return OK


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
