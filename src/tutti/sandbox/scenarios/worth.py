"""What an account is worth to somebody who counts in a currency that kept its worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.sandbox.scenarios.conditions import currencies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.model.market import FloatArray, MarketBlock
    from tutti.model.order import FundingPaid
    from tutti.sandbox.result import FillRow
    from tutti.sandbox.scenarios.span import Course


def profits(
    block: MarketBlock, fills: Sequence[FillRow], funding: Sequence[FundingPaid]
) -> FloatArray:
    """Return each instrument's profit so far, in its quote currency, at every close.

    Parameters
    ----------
    fills : sequence of FillRow
        All of a run on ``block``.
    funding : sequence of FundingPaid
        All of it too.

    Returns
    -------
    ndarray of float64, shape (t, n)
        Cash flows after fees, funding, and holdings at the last known close.
    """
    shape = block.close.shape
    flows, lots = np.zeros(shape), np.zeros(shape)
    for fill in fills:
        t, i = int(np.searchsorted(block.ts, fill.ts)), fill.instrument
        quantity = fill.side * float(fill.quantity)
        flows[t, i] -= quantity * float(fill.price) + float(fill.fee)
        lots[t, i] += quantity
    columns = {each: i for i, each in enumerate(block.instruments)}
    for paid in funding:
        t = int(np.searchsorted(block.ts, paid.ts))
        flows[t, columns[paid.instrument]] += float(paid.amount)
    held = np.cumsum(lots, axis=0)
    value = np.where(held != 0.0, held * _carried(block.close), 0.0)
    total: FloatArray = np.cumsum(flows, axis=0) + value
    return total


def worth_of(
    block: MarketBlock,
    profit: FloatArray,
    balances: Mapping[str, float],
    worth: Mapping[str, Course],
    quote_currency: str,
) -> FloatArray:
    """Return the account's value at every close in a currency that keeps its worth.

    Parameters
    ----------
    profit : ndarray of float64, shape (t, n)
        See `profits`.
    balances : mapping of str to float
        Money at each venue at the start.
    worth : mapping of str to Course
        Logarithm of what a currency is worth; one that isn't here is worth its unit.
    quote_currency : str
        What the money is, at venues where something is quoted in it; elsewhere it is the quote of
        the venue's first instrument.
    """
    units = {currency: np.exp(course.at(block.known_at)) for currency, course in worth.items()}
    whole = np.ones(len(block))
    quotes = [currencies(each.symbol)[1] for each in block.instruments]
    total = np.zeros(len(block))
    for venue, balance in balances.items():
        here = [
            quote
            for quote, each in zip(quotes, block.instruments, strict=True)
            if each.venue == venue
        ]
        currency = quote_currency if quote_currency in here else here[0]
        total += balance * units.get(currency, whole)
    for i, quote in enumerate(quotes):
        total += profit[:, i] * units.get(quote, whole)
    return total


def _carried(close: FloatArray) -> FloatArray:
    rows = np.where(np.isfinite(close), np.arange(len(close))[:, None], 0)
    carried: FloatArray = np.take_along_axis(close, np.maximum.accumulate(rows, axis=0), axis=0)
    return carried
