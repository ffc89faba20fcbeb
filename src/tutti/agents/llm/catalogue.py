"""The kinds of agents that ask a language model, and how one is made."""

from __future__ import annotations

import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING

from tutti.agents.llm import bounds
from tutti.agents.llm.bounds import Caps
from tutti.agents.llm.knowledge import Cutoffs
from tutti.agents.llm.macro import MacroAgent
from tutti.agents.llm.news import NewsAgent
from tutti.agents.llm.on_chain import OnChainAgent
from tutti.agents.llm.social import SocialAgent
from tutti.agents.llm.speaker import NEEDED, PLACES, Speaker, SpeakerSettings
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.llm.sight import Sight
    from tutti.agents.port import SnapshotSource

__all__ = ["KINDS", "PARAMS", "SpeakerSettings", "make_llm_agent", "speaker_settings"]

KINDS: Mapping[str, type[Speaker]] = {
    "news": NewsAgent,
    "social": SocialAgent,
    "on_chain": OnChainAgent,
    "macro": MacroAgent,
}
"""By the name that a configuration gives them."""


PARAMS = ("one_source", "two_sources", "most", "corroborates", "screens", "seed")
"""What `agents[].params` may hold for these kinds: see `Caps` and `SpeakerSettings`."""


def speaker_settings(  # noqa: PLR0913 (what a configuration says of one agent)
    *,
    name: str,
    model: str,
    prompt: str = "",
    temperature: float = 0.0,
    max_output_tokens: int = 400,
    time_to_live_s: float = 0.0,
    horizon_s: float = 0.0,
    params: Mapping[str, bool | int | float | str] | None = None,
    cutoffs: Cutoffs | None = None,
) -> SpeakerSettings:
    """Return an agent's settings as a configuration writes them, times in seconds.

    Raises
    ------
    ConfigError
        If it has no model, or ``params`` holds what these agents do not know or can't take.
    """
    if not model.partition(":")[2]:
        raise ConfigError(
            f"agent {name}: needs a model, was {model!r}; "
            "write for example model: openai:gpt-5-mini"
        )
    given = dict(params or {})
    if unknown := sorted(set(given) - set(PARAMS)):
        raise ConfigError(
            f"agent {name}: params has no {unknown[0]!r}; there are {', '.join(PARAMS)}"
        )
    caps: dict[str, float] = {}
    for key in ("one_source", "two_sources", "most"):
        value = given.get(key, getattr(_DEFAULT_CAPS, key))
        if isinstance(value, bool | str):
            raise ConfigError(f"agent {name}: params.{key} must be a number, was {value!r}")
        caps[key] = float(value)
    switches: dict[str, bool] = {}
    for key in ("corroborates", "screens"):
        on = given.get(key, True)
        if not isinstance(on, bool):
            raise ConfigError(f"agent {name}: params.{key} must be true or false, was {on!r}")
        switches[key] = on
    seed = given.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ConfigError(f"agent {name}: params.seed must be a whole number, was {seed!r}")
    try:
        bounds = Caps(**caps)
    except ConfigError as error:
        raise ConfigError(f"agent {name}: params: {error}") from None
    return SpeakerSettings(
        name=name,
        model=model,
        prompt=prompt,
        temperature=temperature,
        max_output_tokens=max_output_tokens,
        seed=seed,
        time_to_live=round(time_to_live_s * SECOND),
        horizon=round(horizon_s * SECOND),
        caps=bounds,
        cutoffs=Cutoffs() if cutoffs is None else cutoffs,
        **switches,
    )


def make_llm_agent(
    kind: str,
    settings: SpeakerSettings,
    *,
    source: SnapshotSource,
    model: LanguageModel,
    blind: Sight | None = None,
) -> Speaker:
    """Return an agent that asks a language model.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    blind : Sight, optional
        A `Blinding` in a blinded run.

    Raises
    ------
    ConfigError
        If there is no such kind, or its prompt can't be used.
    """
    if kind not in KINDS:
        raise ConfigError(f"no kind of agent is called {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](settings, source=source, model=model, sight=blind)


_DEFAULT_CAPS = Caps()

_PAGE = """\
## Agents that ask a language model

Each reads what was known by the tick, quoted as data, beside the market's figures and what came of
similar situations, and asks its model (`agents[].model`) for bias, confidence, rationale, horizon and
sources as JSON. An answer that does not fit is asked for once more, then the agent abstains. Where
there is nothing to read, nobody is asked. What stands between it and an opinion that somebody
planted is in [injections](injection-suite.md), what between it and the future in
[backtesting an LLM honestly](how-to/backtest-an-llm-honestly.md).

| kind | reads | prompt |
|---|---|---|
"""


def page() -> str:
    """Return the kinds and their bounds as Markdown."""
    rows = [
        f"| `{kind}` | {', '.join(sorted(made.texts | made.readings))} | `{made.prompt_name}` |"
        for kind, made in KINDS.items()
    ]
    paragraphs = (bounds.__doc__ or "").strip().split("\n\n")[1:]
    told = [
        f"```\n{textwrap.dedent(each)}\n```"
        if each.startswith("    ")
        else each.replace("::", ":").replace("``", "`")
        for each in paragraphs
    ]
    defaults = ", ".join(f"`{field.name}` {field.default:g}" for field in fields(Caps))
    settings = (
        f"`agents[].params` may set {defaults}; `screens: false` shows texts that speak to the "
        "model, `corroborates: false` counts every publisher that is named, `seed` is for models "
        "that take one.\n\nA prompt of one's own (`agents[].prompt: prompts/mine@1.md`) is a file "
        "with a line `--- user ---` between what the model is and what it is asked, and places for "
        f"{', '.join(f'`{{{{{place}}}}}`' for place in sorted(PLACES))}; "
        f"{', '.join(f'`{{{{{place}}}}}`' for place in sorted(NEEDED))} must be there. Its name, "
        "version and hash are on the record of every call."
    )
    return _PAGE + "\n".join(rows) + "\n\n" + "\n\n".join([*told, settings]) + "\n"
