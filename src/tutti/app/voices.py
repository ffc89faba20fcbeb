"""Agents that have to be awaited, made from their settings: what they read, whom they ask, when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.catalogue import SpeakerSettings, make_llm_agent, speaker_settings
from tutti.agents.llm.quotes import Quotes
from tutti.agents.llm.regime import RegimeSpeaker
from tutti.agents.llm.silent import SilentAgent, SilentModel, no_model
from tutti.agents.llm.speaker import Speaker
from tutti.agents.port import SnapshotReader
from tutti.agents.schedule import Seat
from tutti.app.knowledge import cutoffs_of
from tutti.app.logs import blind_logs
from tutti.app.seats import SYNTH
from tutti.app.semantic_synth import semantic_synth_of
from tutti.app.snapshots import Snapshots, observers
from tutti.app.text_files import Growing, GrowingReadings, GrowingTexts, still_open
from tutti.app.veiled import Veiled
from tutti.kernel.clock import HOUR, SECOND
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.llm.sight import Sight
    from tutti.agents.memory.port import Memory
    from tutti.agents.port import Agent
    from tutti.app.seats import Seats
    from tutti.app.settings import AgentSettings, Config

    Models = Callable[[AgentSettings], LanguageModel]
    """What an agent asks, by its settings."""


def no_models(settings: AgentSettings) -> LanguageModel:
    """Return a model that never answers, for who asks in a place where no model may be asked."""
    return SilentModel(f"nobody asks {settings.model} here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """Agents that have to be awaited, seated, and what they are shown; of that, what may grow."""

    seats: tuple[Seat, ...]
    snapshots: Snapshots
    quote: Quotes
    growing: tuple[Growing[Any], ...] = ()


def voices_of(
    config: Config,
    seats: Seats,
    instruments: Sequence[InstrumentId],
    models: Models,
    memory: Memory | None = None,
    growing: Sequence[Growing[Any]] = (),
) -> Voices:
    """Return the agents of a configuration that have to be awaited.

    Parameters
    ----------
    models : callable
        What each asks that asks a language model.
    memory : Memory, optional
        Of past situations, to be shown.
    growing : sequence of Growing
        Files that are open already.

    Raises
    ------
    ConfigError
        If one can't be made, or a file that they read can't be used.
    """
    if not seats.awaited:
        return Voices(seats=(), snapshots=Snapshots(instruments, config), quote=Quotes())
    files = config.text
    texts = still_open(GrowingTexts, files.files, growing)
    readings = still_open(GrowingReadings, files.readings, growing)
    snapshots = Snapshots(instruments, config, texts=texts, readings=readings, memory=memory)
    sight = sight_of(config, instruments)
    made = []
    for settings, agent in seats.late:
        if agent is None:
            agent = _made(config, settings, snapshots, models, sight)  # noqa: PLW2901
        elif isinstance(agent, SnapshotReader):
            agent.see(snapshots)
        if sight is not None and not isinstance(agent, Speaker):
            agent = cast("Agent", Veiled(agent, sight))  # noqa: PLW2901
        made.append(_seat(settings, agent))
    if seats.conductor is not None:
        speaker = RegimeSpeaker(
            _spoken(config, seats.conductor),
            source=snapshots,
            model=models(seats.conductor),
            sight=sight,
        )
        made.append(_seat(seats.conductor, cast("Agent", speaker)))
    snapshots.observers = observers(seat.agent for seat in made)
    opened = tuple(each for each in (texts, readings) if each is not None)
    return Voices(seats=tuple(made), snapshots=snapshots, quote=Quotes(sight), growing=opened)


def sight_of(config: Config, instruments: Sequence[InstrumentId]) -> Blinding | None:
    """Return what hides names, times and prices from language models; None where nothing does.

    Where something does, nothing that is logged from then on tells them either.
    """
    if not config.llm.blind:
        return None
    blind = Blinding(config.seed, instruments)
    blind_logs(blind.logged)
    return blind


def _made(
    config: Config,
    settings: AgentSettings,
    snapshots: Snapshots,
    models: Models,
    sight: Sight | None,
) -> Agent:
    key = next(k for k, each in enumerate(config.agents) if each.name == settings.name)
    try:
        if settings.plugin == SYNTH:
            synth = semantic_synth_of(
                settings,
                source=snapshots,
                models=models,
                sight=sight,
                cutoffs=cutoffs_of(config),
            )
            return cast("Agent", synth)
        if not settings.model:
            return SilentAgent(settings.name, no_model(settings.name))
        spoken, model = _spoken(config, settings), models(settings)
        speaker = make_llm_agent(
            settings.plugin, spoken, source=snapshots, model=model, blind=sight
        )
    except ConfigError as error:
        raise ConfigError(f"agents[{key}]: {error}") from error
    return cast("Agent", speaker)


def _spoken(config: Config, settings: AgentSettings) -> SpeakerSettings:
    return speaker_settings(
        name=settings.name,
        model=settings.model,
        prompt=settings.prompt,
        temperature=config.llm.temperature,
        max_output_tokens=config.llm.max_output_tokens,
        time_to_live_s=settings.time_to_live_s,
        horizon_s=settings.horizon_s,
        params=settings.params,
        cutoffs=cutoffs_of(config),
    )


def _seat(settings: AgentSettings, agent: Agent) -> Seat:
    about = settings.instruments
    cadence = round(settings.cadence_s * SECOND)
    if isinstance(agent, SilentAgent):
        # it says so once an hour, not at every tick
        cadence = max(cadence, HOUR)
    # where nothing is said, one that reads bars is asked as they close
    own = 0 if cadence else getattr(agent, "cadence", 0)
    return Seat(
        agent=agent,
        cadence=cadence or own,
        aligned=own > 0,
        timeout_s=settings.timeout_s,
        time_to_live=round(settings.time_to_live_s * SECOND),
        instruments=None if about is None else frozenset(map(InstrumentId.parse, about)),
    )
