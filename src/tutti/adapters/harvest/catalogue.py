"""The sources by name, and how each is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tutti.adapters.harvest import (
    alpha_vantage,
    blockchain,
    fear_greed,
    fred,
    polygon,
    reddit,
    rss_news,
    yahoo_bars,
)
from tutti.adapters.harvest.alpha_vantage import AlphaVantage
from tutti.adapters.harvest.blockchain import Blockchain
from tutti.adapters.harvest.exchange import Exchange
from tutti.adapters.harvest.exchange_bars import ExchangeBars
from tutti.adapters.harvest.exchange_trades import ExchangeTrades
from tutti.adapters.harvest.fear_greed import FearGreed
from tutti.adapters.harvest.fred import Fred
from tutti.adapters.harvest.http import Http
from tutti.adapters.harvest.polygon import PolygonBars
from tutti.adapters.harvest.port import Connector
from tutti.adapters.harvest.reddit import Reddit
from tutti.adapters.harvest.rss_news import RssNews, YahooNews
from tutti.adapters.harvest.yahoo_bars import YahooBars
from tutti.adapters.venues.by_ccxt.client import Addresses
from tutti.kernel.clock import DAY
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.adapters.harvest.port import Terms
    from tutti.adapters.secrets.port import KeySource
    from tutti.kernel.clock import Clock

_YEAR = 365 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source that is asked over HTTP.

    Parameters
    ----------
    says : str
        What it tells, in a few words.
    reach : int
        How far back it is asked where nobody says, ns.
    """

    connector: type[
        FearGreed | Fred | Blockchain | RssNews | AlphaVantage | Reddit | PolygonBars | YahooBars
    ]
    base_url: str
    says: str
    reach: int

    @property
    def terms(self) -> Terms:
        """What is known of it beforehand."""
        return self.connector.terms


SOURCES: dict[str, Source] = {
    each.terms.name: each
    for each in (
        Source(connector=YahooBars, base_url=yahoo_bars.BASE_URL, reach=5 * _YEAR,
               says="bars of shares, funds, indices"),
        Source(connector=PolygonBars, base_url=polygon.BASE_URL, reach=2 * _YEAR,
               says="bars of US shares"),
        Source(connector=RssNews, base_url="", reach=30 * DAY, says="news of any feed"),
        Source(connector=YahooNews, base_url=rss_news.YAHOO_URL, reach=30 * DAY,
               says="headlines by ticker"),
        Source(connector=AlphaVantage, base_url=alpha_vantage.BASE_URL, reach=30 * DAY,
               says="news by ticker, back to 2022"),
        Source(connector=Reddit, base_url=reddit.BASE_URL, reach=30 * DAY,
               says="posts of subreddits"),
        Source(connector=Fred, base_url=fred.BASE_URL, reach=5 * _YEAR,
               says="interest rates, prices, work; every revision"),
        Source(connector=Blockchain, base_url=blockchain.BASE_URL, reach=2 * _YEAR,
               says="daily figures of the Bitcoin chain"),
        Source(connector=FearGreed, base_url=fear_greed.BASE_URL, reach=10 * _YEAR,
               says="crypto fear and greed"),
    )
}  # fmt: skip
"""All but exchanges, of which any that ccxt knows is a source too."""

EXCHANGE_REACH = 30 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A source that can be asked, and what of it must stay secret."""

    connector: Connector
    secrets: tuple[str, ...]
    reach: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a source.

    Parameters
    ----------
    source : str
        One of ``SOURCES``, or an exchange as in instruments, ``binance_usdm``.
    url : str
        Where it is reached, if not where it is known to be: a proxy, a fake.
    step : int
        Length of a bar, ns; 0 for the source's usual.
    trades : bool
        Of an exchange, trades instead of bars.
    addresses : Addresses
        Of an exchange, in place of ``url``.
    """

    source: str
    url: str = ""
    step: int = 0
    trades: bool = False
    addresses: Addresses = field(default_factory=Addresses)


def open_source(wanted: Wanted, keys: KeySource, clock: Clock) -> Opened:
    """Open a source; nothing is asked yet.

    Raises
    ------
    ConfigError
        If there is no such source, or it wants a key that nobody has.
    """
    name = wanted.source.lower()
    source = SOURCES.get(name)
    if source is None:
        return _exchange(wanted, clock)
    if wanted.trades:
        raise ConfigError(f"{name}: tells no trades; --trades is for exchanges")
    terms = source.terms
    told = keys.read(terms.key.upper()) if terms.key else {}
    key = told["api_key"].get_secret_value() if "api_key" in told else ""
    secret = told["secret"].get_secret_value() if "secret" in told else ""
    if terms.needs_key and not key:
        raise ConfigError(
            f"{name}: needs a key; set TUTTI_{terms.key.upper()}_API_KEY, or name a place with --keys"
        )
    http = Http(name, terms.per_second, clock)
    connector = source.connector(http, wanted.url or source.base_url, key, secret)
    if isinstance(connector, PolygonBars | YahooBars) and wanted.step:
        connector.step = wanted.step
    elif wanted.step:
        raise ConfigError(f"{name}: tells no bars; leave --timeframe out")
    secrets = tuple(each for each in (key, secret) if each)
    return Opened(connector=connector, secrets=secrets, reach=source.reach)


def _exchange(wanted: Wanted, clock: Clock) -> Opened:
    addresses = Addresses(rest=wanted.url) if wanted.url else wanted.addresses
    exchange = Exchange(wanted.source.upper(), addresses, clock)
    try:
        exchange.timeframes()
    except ConfigError as error:
        raise ConfigError(
            f"no source is called {wanted.source!r}; there are {', '.join(SOURCES)}, and every "
            "exchange of ccxt, such as binance or kraken"
        ) from error
    if wanted.trades:
        return Opened(connector=ExchangeTrades(exchange), secrets=(), reach=DAY)
    connector = ExchangeBars(exchange, wanted.step) if wanted.step else ExchangeBars(exchange)
    return Opened(connector=connector, secrets=(), reach=EXCHANGE_REACH)
