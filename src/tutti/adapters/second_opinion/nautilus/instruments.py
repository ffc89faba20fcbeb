"""Contract terms in NautilusTrader's words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader.model.enums import CurrencyType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair
from nautilus_trader.model.objects import FIXED_PRECISION, Currency, Price, Quantity

if TYPE_CHECKING:
    from .tape import Tape


def instrument_of(terms: dict[str, Any], column: int, tape: Tape) -> Any:
    """Return the instrument of a column on its contract terms."""
    quote = _currency(tape.request["quote_currency"], 8)
    size_decimals = _places(terms["quantity_step"])
    prices = np.stack([side[:, column] for side in tape.bars])
    decimals = _decimals(prices, _places(terms["price_step"]))
    venue = Venue(terms["venue"])
    values: dict[str, Any] = {
        "instrument_id": InstrumentId(Symbol(f"I{column}"), venue),
        "raw_symbol": Symbol(terms["symbol"]),
        # one of its own, or holdings of two markets in one coin would be one balance
        "base_currency": _currency(f"B{column}", max(size_decimals, 8)),
        "quote_currency": quote,
        "price_precision": decimals,
        "size_precision": size_decimals,
        "price_increment": Price(10.0**-decimals, decimals),
        "size_increment": Quantity.from_str(f"{Decimal(terms['quantity_step']):f}"),
        "lot_size": None,
        "margin_init": Decimal(1) / Decimal(terms["max_leverage"]),
        "margin_maint": Decimal(terms["maintenance_margin"]),
        "maker_fee": Decimal(terms["maker_fee"]),
        "taker_fee": Decimal(terms["taker_fee"]),
        "ts_event": 0,
        "ts_init": 0,
    }
    if terms["kind"] == "perpetual":
        del values["lot_size"]
        return CryptoPerpetual(settlement_currency=quote, is_inverse=False, **values)
    return CurrencyPair(**values)


def _decimals(values: np.ndarray, least: int) -> int:
    # as many as the recorded prices need, so that none is moved
    known = values[np.isfinite(values)]
    most = min(int(FIXED_PRECISION), 14)
    for count in range(least, most):
        if (np.abs(np.round(known, count) - known) <= 1e-12 * known).all():
            return count
    return max(least, most)


def _places(step: str) -> int:
    exponent = Decimal(step).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _currency(code: str, precision: int) -> Currency:
    known = Currency.from_internal_map(code)
    if known is not None and known.precision >= precision:
        return known
    # money in cents, as it keeps dollars and euros, would round every fee to one
    made = Currency(code, precision, 0, code, CurrencyType.CRYPTO)
    Currency.register(made, overwrite=True)
    return made
