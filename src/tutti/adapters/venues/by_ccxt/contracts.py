"""A venue's own contract terms: symbols, steps, minimums, fees, as our instruments."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.adapters.venues.by_ccxt.dialect import Dialect

_PERPETUAL = "-PERP"
_DECIMAL_PLACES, _TICK_SIZE = 2, 4  # ccxt's precision modes
_MAINTENANCE = Decimal("0.005")
_FLOAT_ERROR = Decimal("1e-9")
_LEAST_STEP = Decimal("1e-12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """An instrument as the venue knows it.

    Parameters
    ----------
    symbol : str
        ccxt's unified symbol.
    base, quote : str
        Currencies; a perpetual is settled in ``quote``.
    size : Decimal
        Base units in one contract; 1 for spot.
    terms : dict of str to object
        Contract terms by the names of ``Instrument``, as far as the venue tells them.
    """

    id: InstrumentId
    symbol: str
    base: str
    quote: str
    size: Decimal
    terms: dict[str, object]

    @property
    def is_perpetual(self) -> bool:
        """True for a contract, False for spot."""
        return ":" in self.symbol

    def rounded(self, quantity: Decimal) -> Decimal:
        """Return a quantity without what floats added to it: the multiple of the step it is."""
        step = self.terms.get("quantity_step")
        if not isinstance(step, Decimal):
            return quantity
        whole = (quantity / step).to_integral_value(ROUND_HALF_EVEN) * step
        return whole if abs(whole - quantity) <= abs(quantity) * _FLOAT_ERROR else quantity

    def instrument(self, overrides: Mapping[str, object] | None = None) -> Instrument:
        """Return it on the venue's terms, or on those that are known better.

        Raises
        ------
        ConfigError
            If the venue does not tell a step, or a term is impossible.
        """
        known: dict[str, Any] = {**self.terms, **(overrides or {})}
        missing = [name for name in ("price_step", "quantity_step") if name not in known]
        if missing:
            raise ConfigError(
                f"{self.id}: the venue does not tell its {' and '.join(missing)}; "
                f"set instruments.{self.id}.{missing[0]}"
            )
        try:
            return Instrument(id=self.id, **known)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"instruments.{error}") from error


def contract_of(
    instrument: InstrumentId,
    markets: Mapping[str, Mapping[str, Any]],
    dialect: Dialect,
    precision_mode: int = _TICK_SIZE,
) -> Contract:
    """Return an instrument as the venue knows it.

    Parameters
    ----------
    markets : mapping
        ccxt's, by unified symbol.
    precision_mode : int
        ccxt's: 4 where precisions are steps, 2 where they are numbers of decimals.

    Raises
    ------
    ConfigError
        If it does not trade there, or not any more, or is a contract that isn't linear.
    """
    base, quote, is_perpetual = _parts(instrument, dialect)
    symbol = f"{base}/{quote}:{quote}" if is_perpetual else f"{base}/{quote}"
    market = markets.get(symbol)
    if market is None:
        raise ConfigError(
            f"{instrument}: {dialect.exchange} trades no {symbol}{_alike(base, quote, markets)}"
        )
    if market.get("active") is False:
        raise ConfigError(f"{instrument}: {dialect.exchange} has stopped trading {symbol}")
    if is_perpetual and not market.get("linear", True):
        raise ConfigError(f"{instrument}: {symbol} is no linear contract; only those can be traded")
    size = decimal_of(market.get("contractSize")) or Decimal(1)
    if not is_perpetual:
        size = Decimal(1)
    return Contract(
        id=instrument,
        symbol=symbol,
        base=base,
        quote=quote,
        size=size,
        terms=_terms(market, size, precision_mode, is_perpetual=is_perpetual),
    )


def decimal_of(value: Any) -> Decimal | None:
    """Return a number of ccxt's, whatever its type, as it was written; None for none."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def _parts(instrument: InstrumentId, dialect: Dialect) -> tuple[str, str, bool]:
    symbol = instrument.symbol
    is_perpetual = symbol.endswith(_PERPETUAL)
    if dialect.is_perpetual is not None and dialect.is_perpetual != is_perpetual:
        what = "perpetuals (BTC-USDT-PERP)" if dialect.is_perpetual else "spot (BTC-USDT)"
        raise ConfigError(
            f"{instrument}: {dialect.venue} stands for {what} only; see docs/venues.md"
        )
    base, dash, quote = symbol.removesuffix(_PERPETUAL).rpartition("-")
    if not dash or not base or not quote:
        raise ConfigError(f"{instrument}: write it as BASE-QUOTE.VENUE or BASE-QUOTE-PERP.VENUE")
    return base, quote, is_perpetual


def _alike(base: str, quote: str, markets: Mapping[str, Mapping[str, Any]]) -> str:
    near = sorted(
        symbol
        for symbol, market in markets.items()
        if market.get("base") == base and market.get("active") is not False
    )
    near.sort(key=lambda symbol: quote not in symbol)
    return f"; of {base} there are {', '.join(near[:5])}" if near else ""


def _terms(
    market: Mapping[str, Any], size: Decimal, mode: int, *, is_perpetual: bool
) -> dict[str, object]:
    precision, limits = market.get("precision") or {}, market.get("limits") or {}
    kind = InstrumentKind.PERPETUAL if is_perpetual else InstrumentKind.SPOT
    found: dict[str, object | None] = {
        "kind": kind,
        "price_step": _step(precision.get("price"), mode),
        "min_notional": decimal_of((limits.get("cost") or {}).get("min")),
        "maker_fee": decimal_of(market.get("maker")),
        "taker_fee": decimal_of(market.get("taker")),
    }
    step = _step(precision.get("amount"), mode)
    found["quantity_step"] = None if step is None else step * size
    least = decimal_of((limits.get("amount") or {}).get("min"))
    found["min_quantity"] = None if least is None else least * size
    if is_perpetual:
        most = decimal_of((limits.get("leverage") or {}).get("max"))
        found["max_leverage"] = most if most is not None and most >= 1 else None
        found["maintenance_margin"] = _MAINTENANCE
    return {name: value for name, value in found.items() if value is not None}


def _step(precision: Any, mode: int) -> Decimal | None:
    number = decimal_of(precision)
    if number is None:
        return None
    if mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(number))
    if mode != _TICK_SIZE or number < _LEAST_STEP:
        return None
    return number
