"""Options of commands that may ask language models, and the question what that may cost."""

from __future__ import annotations

import contextlib
import sys
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from tutti.model.errors import GateClosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tutti.app.llm_estimate import Estimate
    from tutti.app.model_use import ModelUse
    from tutti.cli.output import Output

_YES = frozenset({"y", "yes"})


class Llm(StrEnum):
    """Whether language models are asked."""

    LIVE = "live"
    RECORD = "record"
    REPLAY = "replay"


LlmMode: TypeAlias = Annotated[
    Llm,
    typer.Option(
        "--llm",
        help="Ask language models always, where nothing is on record, or never.",
    ),
]
LlmRecords: TypeAlias = Annotated[
    Path | None,
    typer.Option("--llm-records", metavar="FILE", help="Where calls of language models are kept."),
]
MaxCost: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--max-cost", metavar="USD", min=0, help="Agree to no more than this for language models."
    ),
]
Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", help="Agree to what language models are going to cost.")
]


def model_use(  # noqa: PLR0913 - the options, and who is asked
    mode: Llm,
    records: Path,
    max_cost: float | None,
    *,
    yes: bool,
    output: Output,
    per: str = "",
    pause: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> ModelUse:
    """Return how language models may be asked, as the options say it.

    Parameters
    ----------
    per : str
        What an estimate is for, such as ``a day``.
    pause : callable
        Takes away what else is on the terminal while somebody is asked.
    """
    from tutti.app.model_use import ModelUse, in_words  # heavy, not for --help

    def approve(estimate: Estimate) -> None:
        words = in_words(estimate, per)
        if max_cost is not None:
            if estimate.unpriced:
                raise GateClosed(
                    f"{words}: --max-cost can't be kept; set input_usd_per_million and "
                    "output_usd_per_million of the provider"
                )
            if estimate.usd > Decimal(repr(max_cost)):
                raise GateClosed(f"{words}: more than --max-cost {max_cost:g}")
        agreed = yes or max_cost is not None
        if not agreed and (output.as_json or not sys.stdin.isatty()):
            raise GateClosed(f"{words}: agree with --yes, or with --max-cost USD")
        with pause():
            output.say(words)
            if agreed:
                return
            output.say("Go on? Type yes.")
            if input("> ").strip().lower() not in _YES:
                raise GateClosed("nothing was asked and nothing spent")

    return ModelUse(mode=mode.value, records=records, approve=approve)
