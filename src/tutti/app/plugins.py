"""Plug-ins: what is built in, what other packages install, and one clear error when one is broken.

A plug-in is an entry point in one of `GROUPS`: a factory that takes the configuration of its part
and returns an implementation of the port. Built-in parts are listed by the same names.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

GROUPS = (
    "tutti.agents",
    "tutti.models",
    "tutti.venues",
    "tutti.policies",
    "tutti.risk_rules",
    "tutti.feeds",
    "tutti.stores",
)

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "tutti.agents": {
        "momentum_hunter": "tutti.agents.quant.momentum_hunter:momentum_hunter",
        "breakout_sniper": "tutti.agents.quant.breakout_sniper:breakout_sniper",
        "trend_surfer": "tutti.agents.quant.trend_surfer:trend_surfer",
        "volatility_harvester": "tutti.agents.quant.volatility_harvester:volatility_harvester",
        "mean_reversion": "tutti.agents.quant.mean_reversion:mean_reversion",
        "vpin": "tutti.agents.quant.vpin:vpin",
        "strategy_optimizer": "tutti.agents.quant.strategy_optimizer:strategy_optimizer",
        "news": "tutti.agents.llm.news:NewsAgent",
        "social": "tutti.agents.llm.social:SocialAgent",
        "on_chain": "tutti.agents.llm.on_chain:OnChainAgent",
        "macro": "tutti.agents.llm.macro:MacroAgent",
        "semantic_synth": "tutti.agents.text.semantic_synth:SemanticSynth",
        "hf_analyst": "tutti.agents.models.analyst:HFAnalyst",
        "lf_analyst": "tutti.agents.models.analyst:LFAnalyst",
    },
    "tutti.venues": {
        "simulated": "tutti.sandbox.venue:SimulatedVenue",
        "ccxt": "tutti.adapters.venues.by_ccxt.venue:CcxtVenue",
    },
    "tutti.policies": {
        "hybrid": "tutti.policy.hybrid:HybridPolicy",
        "ema_cross": "tutti.policy.ema_cross:EmaCross",
    },
    "tutti.feeds": {
        "sim": "tutti.sandbox.market:SimulatedMarket",
        "replay": "tutti.adapters.feeds.bars:read_bars",
        "live": "tutti.adapters.feeds.live:LiveFeed",
    },
    "tutti.stores": {"sqlite": "tutti.adapters.stores.sqlite_ledger:SqliteLedger"},
}

API_SERVER = "tutti.api.server:open_server"
"""What serves HTTP; named, not imported, because ``api`` lies above ``app``."""

_OURS = "tutti"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One part that the configuration can name.

    Parameters
    ----------
    reference : str
        ``module:attribute`` of its factory.
    package : str
        Distribution that brings it, with its version.
    """

    group: str
    name: str
    reference: str
    package: str

    @property
    def is_built_in(self) -> bool:
        """True when it comes with Tutti."""
        return self.package == _OURS

    def load(self) -> Any:
        """Return the factory.

        Raises
        ------
        ConfigError
            If it can't be imported; the message names the package.
        """
        try:
            return resolve(self.reference)
        except Exception as error:  # foreign code may raise anything
            raise ConfigError(
                f"{self.group} {self.name!r} of {self.package} does not load: "
                f"{type(error).__name__}: {' '.join(str(error).split())}; "
                "upgrade that package or uninstall it"
            ) from error


class Plugins:
    """All parts that the configuration can name.

    Parameters
    ----------
    built_in : mapping of str to mapping of str to str
        Group to name to reference.
    installed : iterable of EntryPoint, optional
        By default those of the packages in this environment.

    Raises
    ------
    ConfigError
        If two have one name.
    """

    def __init__(
        self,
        built_in: Mapping[str, Mapping[str, str]] = BUILT_IN,
        installed: Iterable[EntryPoint] | None = None,
    ) -> None:
        self._found: dict[tuple[str, str], Plugin] = {}
        for group, names in built_in.items():
            for name, reference in names.items():
                self._add(Plugin(group=group, name=name, reference=reference, package=_OURS))
        for point in _installed() if installed is None else installed:
            self._add(
                Plugin(
                    group=point.group,
                    name=point.name,
                    reference=point.value,
                    package=_package(point),
                )
            )

    def listed(self, group: str | None = None) -> tuple[Plugin, ...]:
        """Return the parts of a group, or of all, in the order of `GROUPS`, then by name."""
        return tuple(
            self._found[key]
            for key in sorted(self._found, key=lambda key: (GROUPS.index(key[0]), key[1]))
            if group in (None, key[0])
        )

    def find(self, group: str, name: str) -> Plugin:
        """Return one part.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        if (found := self._found.get((group, name))) is not None:
            return found
        known = ", ".join(plugin.name for plugin in self.listed(group)) or "none"
        raise ConfigError(
            f"{group} has no {name!r}; there are: {known}. Correct the name, or install the "
            f"package that brings it (it declares the entry point {name} in {group})"
        )

    def load(self, group: str, name: str) -> Any:
        """Return the factory of one part.

        Raises
        ------
        ConfigError
            If there is none of that name, or it does not load.
        """
        return self.find(group, name).load()

    def load_installed(self) -> None:
        """Load every part that another package brings, so that a broken one stops the start.

        Raises
        ------
        ConfigError
            If one does not load.
        """
        for plugin in self.listed():
            if not plugin.is_built_in:
                plugin.load()

    def _add(self, plugin: Plugin) -> None:
        key = plugin.group, plugin.name
        if (other := self._found.get(key)) is not None:
            raise ConfigError(
                f"{plugin.group} has {plugin.name!r} twice: from {other.package} and from "
                f"{plugin.package}; uninstall one of them"
            )
        self._found[key] = plugin


def factory_of(key: str, group: str, name: str) -> Callable[..., Any]:
    """Return the factory of a part; whatever it raises but ConfigError names key and package.

    Parameters
    ----------
    key : str
        Of the configuration, that names the part.

    Raises
    ------
    ConfigError
        If there is none of that name, or it does not load.
    """
    try:
        plugin = Plugins().find(group, name)
        factory = plugin.load()
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error

    def make(*arguments: object) -> Any:
        try:
            return factory(*arguments)
        except ConfigError:
            raise
        except Exception as error:  # foreign code may raise anything
            said = " ".join(str(error).split())
            raise ConfigError(
                f"{name} of {plugin.package} could not be made: {type(error).__name__}: {said}; "
                f"correct its settings beside {key}, or upgrade that package"
            ) from error

    return make


def resolve(reference: str) -> Any:
    """Return what ``module:attribute`` names, importing the module."""
    module, _, attribute = reference.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def _installed() -> list[EntryPoint]:
    return [point for group in GROUPS for point in entry_points(group=group)]


def _package(point: EntryPoint) -> str:
    dist = point.dist
    return "an unknown package" if dist is None else f"{dist.name} {dist.version}"
