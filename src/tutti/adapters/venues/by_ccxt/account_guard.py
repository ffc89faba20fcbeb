"""Guards of a real account: no key that may withdraw, and a switch for when we are gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane
from tutti.adapters.venues.by_ccxt.translate import lineage, said
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tutti.adapters.venues.by_ccxt.dialect import Dialect

_log = structlog.stdlib.get_logger(__name__)


async def refuse_withdrawal(client: Any, dialect: Dialect) -> None:
    """Ask what the key may do.

    Raises
    ------
    ConfigError
        If it may withdraw.
    Exception
        Of ccxt, if the venue has such a question and does not answer it.
    """
    asked = dialect.permissions
    if dialect.wallet_withdraws:
        _refuse_wallet(client, dialect)
        return
    if asked is None:
        _log.warning("venue does not tell what a key may do", venue=dialect.venue)
        return
    told: Any = await getattr(client, asked.method)()
    for name in asked.withdraws.split("."):
        told = told.get(name) if isinstance(told, dict) else None
    if told is None:
        _log.warning("venue did not tell whether the key may withdraw", venue=dialect.venue)
        return
    may = any(word in told for word in asked.words) if asked.words else _is_true(told)
    if may:
        raise ConfigError(
            f"{dialect.venue}: this key may withdraw; make one there that may only read and trade"
        )


def _refuse_wallet(client: Any, dialect: Dialect) -> None:
    try:
        address = str(client.eth_get_address_from_private_key(client.privateKey))
    except Exception:  # noqa: BLE001 - its text may hold the key
        raise ConfigError(f"{dialect.venue}: private_key is none; it has 64 hex digits") from None
    if address.lower() == str(client.walletAddress).lower():
        raise ConfigError(
            f"{dialect.venue}: this key may withdraw, it is the wallet's own; approve an agent there "
            "(an API wallet), and give its private_key beside your wallet_address"
        )


def _is_true(told: Any) -> bool:
    return told is True or str(told).lower() == "true"


async def arm_switch(client: Any, dialect: Dialect, secrets: Iterable[str] = ()) -> None:
    """Keep telling the venue to cancel all orders unless it hears from us again.

    A venue that refuses at the first time (some ask for a volume first) is not asked again. One that
    took it once is asked whatever it says: it would cancel everything, and then guard nothing.
    """
    LANE.set(Lane.URGENT)
    is_armed = False
    while True:
        pause_s = dialect.switch_s / 3
        try:
            await client.cancel_all_orders_after(round(dialect.switch_s * 1000))
        except Exception as error:  # noqa: BLE001 - trading goes on without it
            why, names = said(error, secrets), lineage(error)
            # a broken answer is any error of Python's
            if not is_armed and "BaseError" in names and "OperationFailed" not in names:
                _log.warning("no dead man's switch", venue=dialect.venue, why=why)
                return
            _log.warning("dead man's switch not armed", venue=dialect.venue, why=why)
            pause_s = min(5.0, dialect.switch_s / 6)
        else:
            is_armed = True
        await asyncio.sleep(pause_s)
