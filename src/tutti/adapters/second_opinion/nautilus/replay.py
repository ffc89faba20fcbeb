"""Reads a request, has NautilusTrader replay it, and leaves the reply."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader import __version__
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.enums import AccountType, BookType, OmsType
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money

from .clockwork import Clockwork
from .costs import Costs, Fees
from .instruments import instrument_of
from .replayer import Replayer
from .states import states
from .tape import CLOSE, NEVER, PHASES, Tape

if TYPE_CHECKING:
    from pathlib import Path

_STATES_AT_ONCE = 200_000


def replay(request: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what NautilusTrader makes of the orders, as JSON values; equity as an array."""
    tape = Tape(request, arrays)
    instruments = [instrument_of(terms, column, tape) for column, terms in enumerate(tape.terms)]
    replayer = Replayer(tape, instruments)
    quote = instruments[0].quote_currency
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            # the orders were reviewed by the run; what the account can bear is still checked
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    for venue in request["venues"]:
        is_margin = venue["account"] == "margin"
        clockwork = replayer.clockworks[venue["name"]] = Clockwork(
            tape, replayer.columns, replayer.end_ticks
        )
        engine.add_venue(
            venue=Venue(venue["name"]),
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN if is_margin else AccountType.CASH,
            starting_balances=[Money(Decimal(venue["starting_balance"]), quote)],
            default_leverage=Decimal(1),
            modules=[clockwork],
            fill_model=Costs(tape, instruments, replayer.orders, through=venue["through"]),
            fee_model=Fees(tape, replayer.orders),
            book_type=BookType.L2_MBP,
            reject_stop_orders=False,
            allow_cash_borrowing=not is_margin,
        )
    for each in instruments:
        engine.add_instrument(each)
    engine.add_strategy(replayer)
    rows = len(tape.ts)
    # in parts: all states of a year of minutes would not fit into memory
    part = max(1, _STATES_AT_ONCE // (PHASES * len(instruments)))
    for start in range(0, rows, part):
        engine.add_data(states(tape, instruments, start, min(rows, start + part)))
        engine.run(streaming=True)
        engine.clear_data()
    engine.end()
    replayer.end_ticks(NEVER)
    equity = _equity(tape, replayer)
    reply = {
        "engine": f"NautilusTrader {__version__}",
        "fills": replayer.fills,
        "refused": replayer.refused,
        "mapped": replayer.mapped,
        "funding": replayer.funding,
        "positions": {
            str(each.id): str(replayer.portfolio.net_position(each.id)) for each in instruments
        },
    }
    engine.dispose()
    return reply | {"equity": equity}


def _equity(tape: Tape, replayer: Replayer) -> np.ndarray:
    # between two changes of the account only the closes move
    rows = len(tape.ts)
    closes = tape.bars[CLOSE].copy()
    for row in range(1, rows):
        gone = np.isnan(closes[row])
        closes[row, gone] = closes[row - 1, gone]
    equity = np.empty(rows)
    states = [*replayer.states, (rows, [], [], [])]
    for (row, cash, held, entry), (until, *_) in itertools.pairwise(states):
        size = np.array(held)
        moved = np.where(size != 0.0, size * (closes[row:until] - np.array(entry)), 0.0)
        equity[row:until] = sum(cash) + moved.sum(axis=1)
    return equity


def main(folder: Path) -> None:
    """Read the request in ``folder`` and leave the reply there."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    with np.load(folder / "market.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    reply = replay(request, arrays)
    np.savez(folder / "reply.npz", equity=reply.pop("equity"))
    (folder / "reply.json").write_text(json.dumps(reply), encoding="utf-8")
