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
    from tutti.app.model_use import ModelUse  # heavy, not for --help

    agreement = _Agreement(max_cost, yes=yes, output=output, per=per, pause=pause)
    return ModelUse(
        mode=mode.value,
        records=records,
        approve=agreement.approve,
        approve_change=agreement.approve_change,
    )


class _Agreement:
    """What somebody has agreed to pay for, by an option or at the terminal."""

    def __init__(
        self,
        max_cost: float | None,
        *,
        yes: bool,
        output: Output,
        per: str,
        pause: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._max_cost = max_cost
        self._is_given = yes or max_cost is not None
        self._output = output
        self._per = per
        self._pause = pause
        self._typed: Estimate | None = None

    def approve(self, estimate: Estimate) -> None:
        """Ask, unless an option has answered."""
        words, output = self._within(estimate), self._output
        if not self._is_given and (output.as_json or not sys.stdin.isatty()):
            raise GateClosed(f"{words}: agree with --yes, or with --max-cost USD")
        with self._pause():
            output.say(words)
            if self._is_given:
                return
            output.say("Go on? Type yes.")
            if input("> ").strip().lower() not in _YES:
                raise GateClosed("nothing was asked and nothing spent")
        self._typed = estimate

    def approve_change(self, estimate: Estimate) -> None:
        """Hold what a change is going to cost against what was agreed to: nobody can be asked."""
        words, typed = self._within(estimate), self._typed
        if self._is_given or (
            typed is not None and not estimate.unpriced and estimate.usd <= typed.usd
        ):
            return
        raise GateClosed(
            f"{words}: nobody has agreed to it; start with --max-cost USD, or with --yes"
        )

    def _within(self, estimate: Estimate) -> str:
        # what it is going to cost in words, unless that is too much
        from tutti.app.model_use import in_words  # heavy, not for --help

        words = in_words(estimate, self._per)
        if self._max_cost is None:
            return words
        if estimate.unpriced:
            raise GateClosed(
                f"{words}: --max-cost can't be kept; set input_usd_per_million and "
                "output_usd_per_million of the provider"
            )
        if estimate.usd > Decimal(repr(self._max_cost)):
            raise GateClosed(f"{words}: more than --max-cost {self._max_cost:g}")
        return words
