"""Contract terms of instruments that only their bars are known of, and the universe they form.

Terms that are not configured are assumed: the price step is read off the first bars, the rest comes
from tables. Only the first bars are looked at, so that nothing later changes an earlier decision; a
venue that refines its price step afterwards shows as ``tick_change`` among the data's findings, and
is best met by setting ``price_step``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.universe.grid import MOST_DECIMALS, decimals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.model.market import FloatArray, MarketBlock

SAMPLE_BARS = 100
_LOT_NOTIONAL = 0.1
_COARSEST = 1e-3
_PERPETUAL_SUFFIX = "-PERP"
_PERPETUAL_LEVERAGE = Decimal(20)
_PERPETUAL_MAINTENANCE = Decimal("0.005")
_MIN_NOTIONAL = Decimal(5)
_BPS = Decimal("0.0001")
_FINEST_STEP = 1e-15
_LEAST_LOT = 1e-10  # quote currency

# maker and taker fee in basis points at the lowest tier, as the venues publish them
_FEES: dict[str, tuple[str, str]] = {
    "ASTER": ("1", "3.5"),
    "BINANCE": ("10", "10"),
    "BINANCE_USDM": ("2", "5"),
    "BYBIT": ("10", "10"),
    "BYBIT_LINEAR": ("2", "5.5"),
    "COINBASE": ("40", "60"),
    "HYPERLIQUID": ("1.5", "4.5"),
    "KRAKEN": ("25", "40"),
    "KUCOIN": ("10", "10"),
}
_DEFAULT_FEES = ("10", "10")
# vendors of stock and index data, not venues: a small taker fee, no smallest order
_STOCKS = ("CBOE", "DJ30", "DOWJONES", "POLYGON", "SP", "STOCKNET", "YAHOO")
_STOCK_FEES = ("0", "1")
_LOCAL = "LOCAL"
_TERMS = tuple(field.name for field in fields(Instrument) if field.name != "id")


def infer_instrument(
    instrument: InstrumentId,
    prices: Sequence[FloatArray],
    overrides: Mapping[str, object] | None = None,
) -> Instrument:
    """Return the contract terms assumed of an instrument, given its first prices.

    Parameters
    ----------
    instrument : InstrumentId
        A symbol that ends in ``-PERP`` is a perpetual, any other is spot.
    prices : sequence of ndarray of float64, shape (t,)
        Open, high, low, close, oldest first, NaN where missing; the first 100 values of each are
        looked at.
    overrides : mapping of str to object, optional
        Terms by the names of ``Instrument`` that are known better; None values are skipped.

    Raises
    ------
    ConfigError
        If an override is unknown or impossible.
    """
    known = _checked(instrument, overrides or {})
    sample = [each[np.isfinite(each)][:SAMPLE_BARS] for each in prices]
    seen = np.concatenate(sample) if sample else np.empty(0)
    assumed = InstrumentKind.PERPETUAL if is_perpetual(instrument) else InstrumentKind.SPOT
    kind = known.get("kind", assumed)
    maker, taker = _fees(instrument.venue)
    terms: dict[str, Any] = {
        "kind": kind,
        "price_step": price_step(seen),
        "quantity_step": quantity_step(float(np.median(seen)) if len(seen) else 1.0),
        "min_notional": Decimal(0) if _is_free(instrument.venue) else _MIN_NOTIONAL,
        "maker_fee": Decimal(maker) * _BPS,
        "taker_fee": Decimal(taker) * _BPS,
    }
    if kind is InstrumentKind.PERPETUAL:
        terms["max_leverage"] = _PERPETUAL_LEVERAGE
        terms["maintenance_margin"] = _PERPETUAL_MAINTENANCE
    try:
        made = Instrument(id=instrument, **(terms | known))
    except ValueError as error:
        raise ConfigError(f"instruments.{error}") from error
    if not made.is_perpetual and made.max_leverage > 1:
        raise ConfigError(
            f"instruments.{instrument}.max_leverage: spot is bought with money at hand, so it is"
            f" at most 1, was {made.max_leverage}; set kind: perpetual for a contract"
        )
    if len(seen):
        _refuse_odd_steps(made, known, float(np.median(seen)))
    return made


def _refuse_odd_steps(made: Instrument, known: Mapping[str, object], price: float) -> None:
    # prices and quantities are counted in steps, as 64-bit integers: steps far too fine overflow
    finest, coarsest = price * _FINEST_STEP, price
    if "price_step" in known and not finest <= made.price_step <= coarsest:
        raise ConfigError(
            f"instruments.{made.id}.price_step: must lie between {finest:.1g} and {coarsest:.1g} at"
            f" prices around {price:g}, was {made.price_step}"
        )
    if "quantity_step" in known and float(made.quantity_step) * price < _LEAST_LOT:
        raise ConfigError(
            f"instruments.{made.id}.quantity_step: must be at least {_LEAST_LOT / price:.1g} at"
            f" prices around {price:g}, was {made.quantity_step}"
        )


def is_perpetual(instrument: InstrumentId) -> bool:
    """Return whether an instrument is taken for a perpetual by its name."""
    return instrument.symbol.upper().endswith(_PERPETUAL_SUFFIX)


def price_step(prices: FloatArray) -> Decimal:
    """Return the coarsest power of ten from 1 to 1e-8 that all prices are multiples of.

    Where there is none it is 1e-8, or finer for prices so small that 1e-8 is no small part of them.
    It is never more than a thousandth of the median: the first bars may all happen to lie on round
    prices, and a step as coarse as that would move every later fill.
    """
    count = decimals(prices)
    if count is None:
        count = max(MOST_DECIMALS, int(np.ceil(5.0 - np.log10(prices.min()))))
    if len(prices):
        count = max(count, int(np.ceil(-np.log10(_COARSEST * np.median(prices)) - 1e-9)))
    return Decimal(1).scaleb(-count)


def quantity_step(price: float) -> Decimal:
    """Return the power of ten, from 1e-8 to 1, whose worth at ``price`` is at most 0.1."""
    exponent = int(np.floor(np.log10(_LOT_NOTIONAL / price) + 1e-9))
    return Decimal(1).scaleb(min(0, max(-MOST_DECIMALS, exponent)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """Instruments that trade, in the order of the arrays' columns.

    Raises
    ------
    ConfigError
        If there is none, or one twice.
    """

    instruments: tuple[Instrument, ...]

    def __post_init__(self) -> None:
        if not self.instruments:
            raise ConfigError("no instrument to trade: name at least one")
        seen: set[InstrumentId] = set()
        for instrument in self.instruments:
            if instrument.id in seen:
                raise ConfigError(f"{instrument.id} is named twice; name it once")
            seen.add(instrument.id)

    @classmethod
    def of_block(
        cls, block: MarketBlock, overrides: Mapping[str, Mapping[str, object]] | None = None
    ) -> Universe:
        """Return the universe of a block's columns, on assumed terms.

        Parameters
        ----------
        block : MarketBlock
            Its first bars tell the price steps.
        overrides : mapping of str to mapping, optional
            Instrument id as text to the terms that are known better.

        Raises
        ------
        ConfigError
            If an override names an instrument that is not in the block, or is impossible.
        """
        given = overrides or {}
        ids = {str(instrument) for instrument in block.instruments}
        for name in given:
            if name not in ids:
                raise ConfigError(
                    f"instruments.{name}: no such instrument in the data;"
                    f" there are {', '.join(sorted(ids))}"
                )
        bars = (block.open, block.high, block.low, block.close)
        return cls(
            instruments=tuple(
                infer_instrument(each, [side[:, n] for side in bars], given.get(str(each)))
                for n, each in enumerate(block.instruments)
            )
        )

    def __len__(self) -> int:
        return len(self.instruments)

    @property
    def ids(self) -> tuple[InstrumentId, ...]:
        """The instruments' ids, in order."""
        return tuple(instrument.id for instrument in self.instruments)

    @property
    def venues(self) -> tuple[str, ...]:
        """The venues, in order of first appearance; the order is that of ``Terms.venue``."""
        return tuple(dict.fromkeys(instrument.id.venue for instrument in self.instruments))

    def index(self, instrument: InstrumentId) -> int:
        """Return the column of an instrument.

        Raises
        ------
        ConfigError
            If it is not in the universe.
        """
        try:
            return self.ids.index(instrument)
        except ValueError as error:
            there = ", ".join(map(str, self.ids))
            raise ConfigError(f"{instrument} does not trade here; there are {there}") from error

    def at_venue(self, venue: str) -> tuple[int, ...]:
        """Return the columns of the instruments at a venue."""
        return tuple(n for n, each in enumerate(self.instruments) if each.id.venue == venue)


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseChange:
    """What a new universe does to the old: ids that come and go, and instruments on new terms."""

    added: tuple[InstrumentId, ...]
    removed: tuple[InstrumentId, ...]
    changed: tuple[Instrument, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def diff(old: Universe, new: Universe) -> UniverseChange:
    """Return what changes when ``new`` replaces ``old``; the order of columns is no change."""
    before = {each.id: each for each in old.instruments}
    after = {each.id: each for each in new.instruments}
    return UniverseChange(
        added=tuple(each for each in after if each not in before),
        removed=tuple(each for each in before if each not in after),
        changed=tuple(
            each for name, each in after.items() if name in before and each != before[name]
        ),
    )


def _fees(venue: str) -> tuple[str, str]:
    if venue in _FEES:
        return _FEES[venue]
    return _STOCK_FEES if _is_stock(venue) else _DEFAULT_FEES


def _is_stock(venue: str) -> bool:
    return venue.partition("_")[0] in _STOCKS


def _is_free(venue: str) -> bool:
    return venue == _LOCAL or _is_stock(venue)


def _checked(instrument: InstrumentId, overrides: Mapping[str, object]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in overrides.items():
        where = f"instruments.{instrument}.{name}"
        if name not in _TERMS:
            raise ConfigError(f"{where}: no such term; there are {', '.join(_TERMS)}")
        if value is None:
            continue
        try:
            known[name] = InstrumentKind(str(value)) if name == "kind" else Decimal(str(value))
        except (ValueError, InvalidOperation) as error:
            kinds = " or ".join(InstrumentKind)
            form = kinds if name == "kind" else "a number"
            raise ConfigError(f"{where}: must be {form}, was {value!r}") from error
    return known
