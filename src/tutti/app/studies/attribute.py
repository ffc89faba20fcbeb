"""Takes the profit of a recorded run apart: from its ledger, and the bars that it was made on."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.backtest import run_source
from tutti.app.studies.recorded_bars import bars_again
from tutti.app.studies.regimes import regimes_of
from tutti.execution.lifecycle import forced_fill_of
from tutti.ledger.fold import fold
from tutti.ledger.kinds import Adopted, Segment, Started, Stopped, Transfer
from tutti.ledger.records import decode
from tutti.ledger.segments import load
from tutti.model.errors import ConfigError, InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.order import Fill, FundingPaid, Liquidated, Order, OrderIntent
from tutti.sandbox.attribution.events import Execution, Payment, Prices
from tutti.sandbox.attribution.table import Attribution
from tutti.sandbox.attribution.walk import attribute
from tutti.sandbox.result import write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tutti.app.backtest import Source
    from tutti.app.config import Config
    from tutti.ledger.store import LedgerReader
    from tutti.ledger.trials import TrialRegister
    from tutti.model.market import IntArray, MarketBlock

    Progress = Callable[[int, int, str], None]

ADOPTED = "adopted"
"""Who leads a position that a venue showed and no order of ours explains."""

_MOVING = ("intent", "order", "fill", "liquidation", "funding", "adopted")
_FLOATS = 1e-9
"""Share by which equity in floats may differ from equity in decimals."""
_LARGEST_GAP = Decimal("1e-9")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAttribution:
    """The profit of one run, taken apart, and how it was checked.

    Parameters
    ----------
    start_equity, end_equity : Decimal
        Quote currency: money at the start and what was transferred since; cash and holdings at the
        last close.
    residual : Decimal
        What the parts miss of the profit.
    recorded_equity : float or None
        What the run itself wrote down at its end, in floats; None where it was cut short.
    notes : tuple of str
        What is coarser than it could be, and why.
    """

    run_id: str
    attribution: Attribution
    start_equity: Decimal
    end_equity: Decimal
    residual: Decimal
    recorded_equity: float | None
    notes: tuple[str, ...]

    def to_dict(self, breakdowns: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
        """Return it as JSON values; see `Attribution.to_dict`."""
        end = float(self.end_equity)
        return {
            "run_id": self.run_id,
            "start_equity": float(self.start_equity),
            "end_equity": end,
            "recorded_equity": self.recorded_equity,
            **self.attribution.to_dict(breakdowns),
            "residual": float(self.residual),
            "notes": list(self.notes),
        }


def attribute_run(folder: Path) -> RunAttribution:
    """Take the profit of the run recorded in ``folder`` apart.

    Raises
    ------
    ConfigError
        If the ledger lacks what is needed, and the bars can't be read again.
    InvariantBroken
        If the parts do not add up to the profit.
    """
    with SqliteLedgerReader(folder) as ledger:
        found = bars_again(folder, ledger)
        return _attributed(ledger, found.block, found.config, (found.why,) if found.why else ())


def run_and_attribute(
    config: Config,
    source: Source,
    out: Path,
    progress: Progress,
    register: TrialRegister | None = None,
) -> RunAttribution:
    """Run ``config`` over the bars in the event tier and take its profit apart.

    Parameters
    ----------
    out : Path
        Folder that the backtest is left in; an earlier one there is replaced.
    register : TrialRegister, optional
        Where the run is recorded as a trial.

    Raises
    ------
    ConfigError
        If the configuration or the folder can't be used.
    """
    write_result(run_source(config, source, "event", out, progress, register=register), out)
    return attribute_block(out, source.block, config)


def attribute_block(folder: Path, block: MarketBlock, config: Config | None) -> RunAttribution:
    """Take the profit of a run apart whose bars are at hand; see `attribute_run`.

    Without a configuration nothing is said of regimes.
    """
    with SqliteLedgerReader(folder) as ledger:
        return _attributed(ledger, block, config, ())


def _attributed(
    ledger: LedgerReader, block: MarketBlock | None, config: Config | None, notes: tuple[str, ...]
) -> RunAttribution:
    first = next(ledger.rows(kinds=["started"]), None)
    if first is None:
        raise ConfigError(
            "the ledger is empty: nothing was recorded, so there is nothing to attribute"
        )
    started = decode(first, Started)
    instruments = tuple(InstrumentId.parse(name) for name in started.instruments)
    prices, more = _prices(ledger, started, block, config)
    columns = {each: i for i, each in enumerate(instruments)}
    found = attribute(instruments, prices, _events(ledger, columns))
    state = fold(ledger)
    begin = sum(started.balances.values(), Decimal(0))
    end = sum(state.cash.values(), Decimal(0))
    for name, position in state.positions.items():
        if position.quantity:
            end += position.quantity * _last_close(prices, columns[InstrumentId.parse(name)])
    for row in ledger.rows(kinds=["transfer"]):
        begin += decode(row, Transfer).amount
    residual = end - begin - found.total
    if abs(residual) > _LARGEST_GAP * max(abs(end), Decimal(1)):
        raise InvariantBroken(
            f"{started.run_id}: the parts miss {residual} of the profit {end - begin}; "
            "check the ledger with tutti ledger verify, and report this"
        )
    last = next(ledger.rows(kinds=["stopped"], newest_first=True), None)
    recorded = None if last is None else decode(last, Stopped).equity
    if recorded is not None and abs(recorded - float(end)) > _FLOATS * abs(recorded):
        more += (
            f"the run itself wrote down {recorded:,.2f}: what several venues hold of one "
            "instrument it values at the closes of the venue that it decides on",
        )
    return RunAttribution(
        run_id=started.run_id,
        attribution=found,
        start_equity=begin,
        end_equity=end,
        residual=residual,
        recorded_equity=recorded,
        notes=(*notes, *more),
    )


def _prices(
    ledger: LedgerReader,
    started: Started,
    block: MarketBlock | None,
    config: Config | None,
) -> tuple[Prices, tuple[str, ...]]:
    if block is not None:
        regime = None if config is None else regimes_of(config, block)
        return Prices(ts=block.ts, close=block.close, open=block.open, regime=regime), ()
    segments = [decode(row, Segment) for row in ledger.rows(kinds=["segment"])]
    if not segments:
        raise ConfigError(
            "the ledger holds no closes (ledger.keep_opinions is false) and the bars of the run "
            "can't be read again; name them with --bars"
        )
    arrays = [load(ledger, each) for each in segments]
    close = np.concatenate([each["close"] for each in arrays])
    known_at = np.concatenate([each["ts"] for each in arrays])
    step = started.step or (int(np.diff(known_at).min()) if len(known_at) > 1 else 1)
    regime = None
    notes = ["opens are not on the ledger, so timing is contained in slippage"]
    if all("regime" in each for each in arrays):
        regime = np.concatenate([each["regime"] for each in arrays]).astype(np.int64)
    else:
        notes.append("no agents were on the panel, so no regime was recorded")
    return Prices(ts=known_at - step, close=close.astype(np.float64), regime=regime), tuple(notes)


def _events(
    ledger: LedgerReader, columns: Mapping[InstrumentId, int]
) -> Iterator[Execution | Payment]:
    intents: dict[str, OrderIntent] = {}
    parents: dict[str, str] = {}
    booked: set[str] = set()
    for row in ledger.rows(kinds=_MOVING):
        match row.kind:
            case "intent":
                intents[row.ref] = decode(row, OrderIntent)
            case "order" if row.ref not in intents and row.ref not in parents:
                parents[row.ref] = decode(row, Order).parent
            case "fill":
                fill = decode(row, Fill)
                if fill.id in booked:
                    continue
                booked.add(fill.id)
                yield _execution(fill, columns, _intent_of(fill.order_id, intents, parents))
            case "liquidation":
                forced = forced_fill_of(decode(row, Liquidated))
                # it may be on record as a fill, too
                if forced.id not in booked:
                    booked.add(forced.id)
                    yield _execution(forced, columns, None)
            case "adopted":
                yield _adopted(decode(row, Adopted), columns)
            case "funding":
                paid = decode(row, FundingPaid)
                yield Payment(ts=paid.ts, instrument=columns[paid.instrument], amount=paid.amount)
            case _:
                pass


def _intent_of(
    order_id: str, intents: Mapping[str, OrderIntent], parents: Mapping[str, str]
) -> OrderIntent | None:
    # a child order fills for the intent of the order that it was split from
    while order_id not in intents and parents.get(order_id):
        order_id = parents[order_id]
    return intents.get(order_id)


def _execution(
    fill: Fill, columns: Mapping[InstrumentId, int], intent: OrderIntent | None
) -> Execution:
    return Execution(
        ts=fill.ts,
        instrument=columns[fill.instrument],
        quantity=fill.side.sign * fill.quantity,
        price=fill.price,
        fee=fill.fee,
        reference=None if intent is None else intent.reference_price,
        lead="" if intent is None else intent.lead,
    )


def _adopted(event: Adopted, columns: Mapping[InstrumentId, int]) -> Execution:
    return Execution(
        ts=event.ts,
        instrument=columns[event.instrument],
        quantity=event.quantity,
        price=event.price,
        fee=Decimal(0),
        reference=None,
        lead=ADOPTED,
    )


def _last_close(prices: Prices, i: int) -> Decimal:
    known: IntArray = np.flatnonzero(np.isfinite(prices.close[:, i]))
    return Decimal(repr(float(prices.close[known[-1], i])))
