"""A run in which the model is not told what it is asked about, nor when.

Names, tickers, dates, price levels and large numbers are replaced at the only way out to a prompt,
by a mapping that is drawn from the run's seed and is the same for the whole run: one asset has one
code, every day is shifted by the same number of days, and the last close is always 100. The model's
answer stays in these terms, on the record and on the ledger.

This takes away what can be looked up, not what can be guessed: a model that knows a story well may
still recognise it by how it goes.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tutti.agents.llm.blinding.amounts import UNIT, without_amounts
from tutti.agents.llm.blinding.codes import code, drawn, run_key
from tutti.agents.llm.blinding.dates import without_dates
from tutti.agents.llm.blinding.names import Names
from tutti.agents.llm.sight import asset_of
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tutti.model.instrument import InstrumentId

_LEAST_SHIFT, _SHIFTS = 1_000, 50_000
_SOURCE_DIGITS = 16
_LARGE = 100.0
_STEPS = 9974
_YEAR_1900 = 693_596


class Blinding:
    """Replaces what would tell a model which asset and which day it is asked about.

    Parameters
    ----------
    seed : int
        Of the run; the same seed gives the same codes.
    instruments : iterable of InstrumentId
        That the run trades.
    aliases : mapping of str to tuple of str, optional
        What an asset is called beside what is listed, by ticker.
    """

    is_blind = True

    def __init__(
        self,
        seed: int,
        instruments: Iterable[InstrumentId],
        aliases: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._key = run_key(seed)
        self._instruments = tuple(instruments)
        own = dict.fromkeys(asset_of(instrument) for instrument in self._instruments)
        self._names = Names(self._key, own, dict(aliases or {}))
        self._shift = _LEAST_SHIFT + drawn(self._key, "days") % _SHIFTS
        self._some_day = date.fromordinal(_YEAR_1900 + drawn(self._key, "some day") % _SHIFTS)
        self._factor = _factor(drawn(self._key, "factor"))

    def asset(self, instrument: InstrumentId) -> str:
        """Return the code of what is traded."""
        return self._names.of_asset(asset_of(instrument))

    def clock(self, ts: int) -> int:
        """Return an instant, ns, shifted by the run's whole number of days."""
        return ts + self._shift * DAY

    def unclock(self, shifted: int) -> int:
        """Return the instant, ns UTC, that `clock` gave this for."""
        return shifted - self._shift * DAY

    def instant(self, ts: int) -> str:
        """Return day and time of day: ``day 31415, 14:00``."""
        day, rest = divmod(self.clock(ts), DAY)
        return f"day {day}, {rest // HOUR:02d}:{rest % HOUR // MINUTE:02d}"

    def close(self, price: float) -> str:
        """Return 100 in the run's own currency, whatever the price is."""
        return "not known" if math.isnan(price) else f"{UNIT}100"

    def text(self, text: str, *, as_of: int, close: float = math.nan) -> str:
        """Return a text without names, dates and levels, as of an instant, ns UTC."""
        return without_amounts(self.said(text, as_of=as_of), close=close, factor=self._factor)

    def said(self, text: str, *, as_of: int) -> str:
        """Return what a model said without names and dates; its numbers are the run's already."""
        today = datetime.fromtimestamp(as_of // SECOND, UTC).date()
        return self._names.without_names(without_dates(text, today))

    def logged(self, text: str) -> str:
        """Return a line of a log without names and dates."""
        return self._names.without_names(without_dates(text, self._some_day))

    def publisher(self, name: str) -> str:
        """Return the code of a publisher."""
        return self._names.of_publisher(name)

    def source(self, source: str) -> str:
        """Return a code of a text's or reading's id, the same for the same id."""
        return "b:" + code(self._key, "source", source, length=_SOURCE_DIGITS)

    def value(self, name: str, value: float) -> float:
        """Return a figure as it may be shown: to three digits, above 100 times a factor of its own.

        A level of prices to six digits is as good as a month; a share or a rate in per cent says
        little to three.
        """
        factor = _factor(drawn(self._key, "value", name)) if abs(value) > _LARGE else 1.0
        return float(f"{value * factor:.3g}")

    def feature(self, value: float) -> str:
        """Return it to two digits: a return to four is as good as a date."""
        return f"{value:.2g}"

    def legend(self) -> dict[str, str]:
        """Return which code stands for which instrument; for people, never for a prompt."""
        stands_for: dict[str, str] = {}
        for instrument in self._instruments:
            asset = self.asset(instrument)
            known = stands_for.get(asset)
            # one asset may be traded at several venues, one company under several tickers
            stands_for[asset] = f"{known}, {instrument}" if known else str(instrument)
        return stands_for

    def known_names(self) -> dict[str, str]:
        """Return which code stands for which listed name or ticker; for people, too."""
        return self._names.legend()


def _factor(number: int) -> float:
    # between 1/2 and 2, evenly on a logarithmic scale, never 1
    return math.exp2(2.0 * (number % _STEPS + 0.5) / _STEPS - 1.0)
