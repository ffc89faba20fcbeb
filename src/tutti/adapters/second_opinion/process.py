"""Runs NautilusTrader in a process of its own, with any Python that has it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.adapters.second_opinion.request import Replay, ReplayFill
from tutti.model.errors import ConfigError, TuttiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.adapters.second_opinion.request import ReplayOrder, ReplayRequest
    from tutti.model.instrument import Instrument

_PROGRAM = Path(__file__).with_name("nautilus")
_PACKAGE = "nautilus_trader"
_VERSION = "1.221.0"
_MISSING = 3
_ASK = f"import sys, importlib.util as u; sys.exit(0 if u.find_spec({_PACKAGE!r}) else {_MISSING})"
_INSTALL = f"pip install '{_PACKAGE}=={_VERSION}' 'pandas<3' 'fsspec<2026'"
_COLUMNS = ("open", "high", "low", "close", "volume", "funding")


def interpreter(given: Path | None) -> Path:
    """Return a Python that has NautilusTrader: the given one, else the one that runs this.

    Raises
    ------
    ConfigError
        If it has not, or is no Python; says how to install it.
    """
    if given is None:
        if importlib.util.find_spec(_PACKAGE) is None:
            raise ConfigError(
                f"a second opinion needs NautilusTrader, which is not installed here: {_INSTALL},"
                " or name a Python that has it with --nautilus-python"
            )
        return Path(sys.executable)
    try:
        asked = subprocess.run(  # noqa: S603 - the user names the program
            [given, "-c", _ASK], check=False, capture_output=True
        )
    except OSError as error:
        raise ConfigError(
            f"--nautilus-python {given}: can't be run ({error.strerror}); name a Python, such as"
            " .venv-peers/bin/python"
        ) from error
    if asked.returncode:
        why = "has no NautilusTrader" if asked.returncode == _MISSING else "is no Python"
        raise ConfigError(f"--nautilus-python {given}: {why}; there: {_INSTALL}")
    return given


def replay_on_nautilus(request: ReplayRequest, python: Path) -> Replay:
    """Return what NautilusTrader makes of the orders.

    Parameters
    ----------
    python : Path
        See `interpreter`.

    Raises
    ------
    TuttiError
        If the replay breaks off.
    """
    with tempfile.TemporaryDirectory(prefix="tutti-second-opinion-") as name:
        folder = Path(name)
        write_request(request, folder)
        done = subprocess.run(  # noqa: S603
            [python, _PROGRAM, folder], check=False, capture_output=True, text=True
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "no word why").splitlines()[-1]
            raise TuttiError(
                f"NautilusTrader broke off the replay (exit code {done.returncode}): {last}"
            )
        return read_reply(request, folder)


def write_request(request: ReplayRequest, folder: Path) -> None:
    """Leave in ``folder`` what the program ``nautilus`` reads."""
    (folder / "request.json").write_text(json.dumps(_document(request)), encoding="utf-8")
    market = {column: getattr(request.market, column) for column in _COLUMNS}
    np.savez(folder / "market.npz", ts=request.market.ts, **market)


def read_reply(request: ReplayRequest, folder: Path) -> Replay:
    """Return what the program left in ``folder``."""
    reply = json.loads((folder / "reply.json").read_text(encoding="utf-8"))
    with np.load(folder / "reply.npz") as archive:
        equity = np.asarray(archive["equity"], dtype=np.float64)
    steps = [each.quantity_step for each in request.instruments]
    return Replay(
        engine=reply["engine"],
        fills=tuple(_fill(row, steps) for row in reply["fills"]),
        refused=tuple((order, reason) for order, reason in reply["refused"]),
        equity=equity,
        funding=reply["funding"],
        mapped=reply["mapped"],
    )


def _fill(row: list[Any], steps: list[Decimal]) -> ReplayFill:
    order_id, column, bar, side, lots, price, fee, is_maker, is_forced = row
    return ReplayFill(
        order_id=order_id,
        instrument=column,
        row=bar,
        side=side,
        quantity=lots * steps[column],
        price=Decimal(price),
        fee=Decimal(fee),
        is_maker=is_maker,
        is_forced=is_forced,
    )


def _document(request: ReplayRequest) -> dict[str, Any]:
    margin = {each.id.venue for each in request.instruments if each.is_perpetual}
    rules = {each.name: each for each in request.venues}
    account = {name: "margin" if name in margin else "cash" for name in rules}
    return {
        "step": request.market.step,
        "quote_currency": request.quote_currency,
        "instruments": [
            _terms(each, account[each.id.venue])
            | {
                "half_spread_bps": half_spread,
                "impact_coefficient": rules[each.id.venue].impact_coefficient,
                "participation": rules[each.id.venue].participation,
                "liquidation_fee": repr(rules[each.id.venue].liquidation_fee),
            }
            for each, half_spread in zip(request.instruments, request.half_spread_bps, strict=True)
        ],
        "venues": [
            {
                "name": each.name,
                "starting_balance": str(each.starting_balance),
                "through": each.limit_through,
                "account": account[each.name],
            }
            for each in request.venues
        ],
        "orders": [_order(each, request.instruments) for each in _in_order(request.orders)],
    }


def _in_order(orders: Sequence[ReplayOrder]) -> list[ReplayOrder]:
    # what is closed by force is closed after the orders that its bar filled
    return sorted(orders, key=lambda each: (each.arrival, each.forced_price is not None))


def _terms(each: Instrument, account: str) -> dict[str, Any]:
    return {
        "symbol": each.id.symbol,
        "venue": each.id.venue,
        "account": account,
        "kind": str(each.kind),
        "price_step": f"{each.price_step:f}",
        "quantity_step": f"{each.quantity_step:f}",
        "maker_fee": str(each.maker_fee),
        "taker_fee": str(each.taker_fee),
        "max_leverage": str(each.max_leverage),
        "maintenance_margin": str(each.maintenance_margin),
    }


def _order(each: ReplayOrder, instruments: Sequence[Instrument]) -> dict[str, Any]:
    return {
        "id": each.order_id,
        "instrument": each.instrument,
        "side": each.side,
        "lots": int(each.quantity / instruments[each.instrument].quantity_step),
        "type": each.type,
        "price": None if each.price is None else f"{each.price:f}",
        "arrival": each.arrival,
        "cancel_at": each.cancel_at,
        "forced_price": None if each.forced_price is None else f"{each.forced_price:f}",
    }
