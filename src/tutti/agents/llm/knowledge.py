"""Which models may know how the story ended: training cut-offs, and what an opinion is stamped.

A model that was trained on text from after the instant it is asked about may remember what came
next, and nothing in its answer shows it. So an opinion is ``clean`` only where the instant lies a
margin after the end of the training of the model that answered, and ``contaminated`` everywhere
else; a model whose cut-off nobody knows is contaminated at every instant.

A cut-off is what a provider states. Providers name the month up to which there is a lot of text;
some text is newer, and later tuning is newer still, which is what the margin is for. A name that
floats (``-latest``) is another model next month: it has no cut-off until one is configured.
"""

from __future__ import annotations

import calendar
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from tutti.kernel.clock import DAY, SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

CLEAN, CONTAMINATED = "clean", "contaminated"

MARGIN_DAYS = 90
"""Between a stated cut-off and the first instant that counts as clean."""

_SAME_TRAINING = 550 * DAY
_DATE = re.compile(r"\A(\d{4})-(\d{2})(?:-(\d{2}))?\Z")
_SNAPSHOT = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})\Z")
_TAGGED = re.compile(r"\A([^:]+):([\w.-]+)\Z")
# what may stand behind a name without making another model of it; `:online` reads today's web
_TAGS = re.compile(
    r"(?:latest|mini|small|medium|large|instruct|chat|text|cloud"  # as Ollama tags
    r"|free|batch|thinking|extended|nitro|floor|exacto"  # as OpenRouter routes
    r"|e?\d+(?:\.\d+)?[bm](?:[.-][\w.-]+)?|\d+x\d+b(?:[.-][\w.-]+)?)\Z",
    re.IGNORECASE,
)
# who publishes models of their own under these names; anybody may publish one that was tuned since
_MAKERS = frozenset(
    {
        "anthropic", "cohere", "coherelabs", "deepseek", "deepseek-ai", "google", "library", "meta",
        "meta-llama", "microsoft", "mistral", "mistralai", "models", "moonshotai", "nvidia",
        "openai", "qwen", "thudm", "x-ai", "z-ai", "zai-org",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """End of a model's training data.

    Parameters
    ----------
    model : str
        As it was looked up.
    stated : str
        Date or month, ``2024-05-31`` or ``2024-05``; empty where it is not known.
    source : str
        Who says so.
    """

    model: str
    stated: str
    source: str

    @property
    def is_known(self) -> bool:
        """True when somebody stated it."""
        return bool(self.stated)

    @property
    def end(self) -> int:
        """First instant after the stated day or month, ns UTC.

        Raises
        ------
        ValueError
            If it is not known.
        """
        return _end(self.stated)


class Cutoffs:
    """Training cut-offs by model.

    Parameters
    ----------
    configured : mapping of str to str, optional
        ``provider:name`` to a date or month; it goes before what is built in.
    margin_days : int
        Added to every cut-off.

    Raises
    ------
    ConfigError
        If a configured cut-off is no date.
    """

    def __init__(
        self, configured: Mapping[str, str] | None = None, *, margin_days: int = MARGIN_DAYS
    ) -> None:
        self._configured = dict(configured or {})
        self.margin = margin_days * DAY
        for model, stated in self._configured.items():
            try:
                _end(stated)
            except ValueError:
                raise ConfigError(
                    f"llm.cutoffs: {model} must be a date or a month, was {stated!r}; "
                    "write for example 2024-05-31 or 2024-05"
                ) from None

    def find(self, model: str) -> Cutoff:
        """Return the cut-off of a model, ``provider:name``, known or not.

        The name is looked up as it is, then without the date of a snapshot (where that is not much
        younger than the cut-off), then without the maker in front of it and without the size or
        route behind it, as `openrouter` and `ollama` write names. A name is never matched by a part
        of it: a newer model would get an older cut-off. Nor is one that somebody else publishes
        under a maker's name, nor a route (``:online``) by which a model reads what is new.
        """
        if model in self._configured:
            return Cutoff(model=model, stated=self._configured[model], source="configuration")
        listed = built_in()
        exact = model.partition(":")[2].casefold()
        for name in _spellings(model):
            found = listed.get(name)
            if found is not None and (name == exact or not _is_later(model, found)):
                return Cutoff(model=model, stated=found.stated, source=found.source)
        return Cutoff(model=model, stated="", source="")

    def stamp(self, model: str, as_of: int) -> str:
        """Return ``clean`` or ``contaminated`` for an answer of a model about an instant, ns UTC."""
        since = self.clean_since(model)
        return CLEAN if since is not None and as_of >= since else CONTAMINATED

    def clean_since(self, model: str) -> int | None:
        """Return the first instant that is clean, ns UTC; None for a model that is not known."""
        found = self.find(model)
        return found.end + self.margin if found.is_known else None


@cache
def built_in() -> dict[str, Cutoff]:
    """Return the cut-offs that come with Tutti, by the model's own name."""
    text = files("tutti.agents.llm").joinpath("cutoffs.toml").read_text("utf-8")
    return {
        model: Cutoff(model=model, stated=stated, source=f"{part['source']}, read {part['read']}")
        for part in tomllib.loads(text).values()
        for model, stated in part["models"].items()
    }


def _is_later(model: str, found: Cutoff) -> bool:
    # a snapshot that is much younger than the cut-off of its name may have been trained anew
    dated = _SNAPSHOT.search(model)
    if dated is None:
        return False
    day = dated[0].replace("-", "")
    try:
        return _end(f"{day[:4]}-{day[4:6]}-{day[6:]}") > found.end + _SAME_TRAINING
    except ValueError:
        # digits that are no date
        return True


def _spellings(model: str) -> list[str]:
    name = model.partition(":")[2]
    names = [name]
    tagged = _TAGGED.match(name)
    if tagged is not None:
        names.append(name.replace(":", "-"))
        if _TAGS.match(tagged.group(2)):
            names.append(tagged.group(1))
    for spelled in tuple(names):
        before, slash, plain = spelled.rpartition("/")
        if slash and before.rpartition("/")[2].casefold() in _MAKERS:
            names.append(plain)
    names += [_SNAPSHOT.sub("", spelled) for spelled in names]
    return list(dict.fromkeys(spelled.casefold() for spelled in names if spelled))


def _end(stated: str) -> int:
    found = _DATE.match(stated)
    if found is None:
        raise ValueError(f"must be a date or a month, was {stated!r}")
    year, month = int(found.group(1)), int(found.group(2))
    day = int(found.group(3) or calendar.monthrange(year, month)[1])
    after = datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)
    return int(after.timestamp()) * SECOND
