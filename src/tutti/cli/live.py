"""What ``tutti up`` shows while it runs: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter, deque
from typing import TYPE_CHECKING

from tutti.kernel.clock import SECOND, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType
    from rich.live import Live

    from tutti.app.state import DecisionRow, ServiceState

_BARS = "▁▂▃▄▅▆▇█"
_POINTS = 600
_SPARK_WIDTH = 56
_ROWS = 8
_WIDE = 170
_PLAIN_EVERY_S = 10
_STALE_S = 5.0
_MODES = {"trading": "green", "reduce_only": "yellow", "flatten": "red", "paused": "yellow"}


def sparkline(values: Sequence[float], width: int = _SPARK_WIDTH) -> str:
    """Return the course of ``values`` as a line of blocks, at most ``width`` long."""
    if not values:
        return ""
    step = max(1, -(-len(values) // width))
    shown = list(values[::step])
    if shown[-1] != values[-1]:
        shown.append(values[-1])
    shown = shown[-width:]
    low, high = min(shown), max(shown)
    if high == low:
        return _BARS[3] * len(shown)
    top = len(_BARS) - 1
    return "".join(_BARS[round((value - low) / (high - low) * top)] for value in shown)


class LivePicture:
    """Keeps one picture of the service on the terminal up to date."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._equity: deque[float] = deque(maxlen=_POINTS)
        self._live: Live | None = None

    def update(self, state: ServiceState) -> None:
        """Show ``state``."""
        if state.ticks:
            self._equity.append(state.equity)
        picture = picture_of(state, list(self._equity), self._console.width)
        if self._live is None:
            from rich.live import Live  # not for --help

            self._live = Live(
                picture, console=self._console, auto_refresh=False, vertical_overflow="crop"
            )
            self._live.start()
        self._live.update(picture, refresh=True)

    def close(self) -> None:
        """Leave the last picture where it is."""
        if self._live is not None:
            self._live.stop()


class PlainLines:
    """Prints each new decision that does something, each refusal, and how things stand."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, str, str]] = set()
        self._next = 0.0

    def update(self, state: ServiceState) -> None:
        """Print what is new in ``state``."""
        for row in reversed(state.decisions):
            if row.action != "hold" and self._is_new((row.ts, row.instrument, row.action)):
                self._print(row.ts, decision_line(row))
        for refusal in reversed(state.refusals):
            if self._is_new((refusal.ts, refusal.instrument, refusal.rule)):
                told = f"refused {refusal.instrument} by {refusal.rule}: {refusal.reason}"
                self._print(refusal.ts, told)
        if state.ticks and state.as_of >= self._next:
            self._next = state.as_of + _PLAIN_EVERY_S * SECOND * max(state.speed, 1.0)
            self._print(state.as_of, standing(state))

    def close(self) -> None:
        """Nothing is left open."""

    def _is_new(self, key: tuple[int, str, str]) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    @staticmethod
    def _print(ts: int, text: str) -> None:
        print(f"{iso(ts)[:19]}Z  {text}", file=sys.stdout, flush=True)


def decision_line(row: DecisionRow) -> str:
    """Return one decision in words."""
    order = f" (order {row.order_id[:18]})" if row.order_id else ""
    return (
        f"{row.action} {row.instrument}: {row.reason.replace('_', ' ')}, "
        f"confidence {row.confidence:.2f}{order}"
    )


def standing(state: ServiceState) -> str:
    """Return how things stand, in one line."""
    return (
        f"equity {state.equity:,.2f} ({_gain(state):+.2%}), drawdown {state.drawdown:.2%}, "
        f"{state.mode.value}, {len(state.positions)} positions, {state.n_orders} orders, "
        f"{state.n_fills} fills, {state.n_refusals} refused"
    )


def _gain(state: ServiceState) -> float:
    return state.equity / state.start_equity - 1.0 if state.start_equity else 0.0


def picture_of(state: ServiceState, equity: Sequence[float], width: int) -> RenderableType:
    """Return the whole picture: header, equity, positions, decisions, refusals, regimes.

    Parameters
    ----------
    equity : sequence of float
        Course so far, for the sparkline.
    width : int
        Of the terminal; a narrow one has everything below each other.
    """
    from rich.console import Group  # not for --help
    from rich.table import Table

    top = (_header(state), _equity(state, equity))
    if width < _WIDE:
        return Group(*top, _positions(state), _decisions(state), _refusals(state), _regimes(state))
    sides = Table.grid(expand=True, padding=(0, 1))
    sides.add_column(ratio=5)
    sides.add_column(ratio=6)
    sides.add_row(
        Group(_positions(state), _regimes(state)), Group(_decisions(state), _refusals(state))
    )
    return Group(*top, sides)


def _header(state: ServiceState) -> RenderableType:
    from rich.text import Text

    line = Text()
    line.append(" PAPER ", style="bold white on blue")
    line.append(f"  {state.run_id}  {state.feed} x{state.speed:g}  ", style="bold")
    line.append(state.mode.value.replace("_", " "), style=_MODES[state.mode.value])
    when = f"{iso(state.as_of)[:19]}Z" if state.ticks else "warming up"
    line.append(f"  {when}  tick {state.ticks:,}")
    age = state.market_data_age_s
    style = "bold white on red" if age > _STALE_S else "dim"
    line.append(f"  data {age:.1f} s old", style=style)
    if state.halted:
        line.append(f"\n halted, only closing: {state.halted}", style="bold red")
    if state.locked:
        line.append(f"\n locked until reconciled: {', '.join(state.locked)}", style="bold red")
    return line


def _equity(state: ServiceState, equity: Sequence[float]) -> RenderableType:
    from rich.panel import Panel
    from rich.text import Text

    gain = _gain(state)
    text = Text()
    text.append(f"{state.equity:,.2f}  ", style="bold")
    text.append(f"{gain:+.2%}", style="green" if gain >= 0 else "red")
    text.append(f"  drawdown {state.drawdown:.2%}  ")
    text.append(sparkline(equity), style="cyan")
    text.append(f"\n{state.n_orders} orders  {state.n_fills} fills  {state.n_refusals} refused")
    if state.api_url:
        text.append(f"  API {state.api_url}", style="dim")
    return Panel(text, title="equity", title_align="left")


def _positions(state: ServiceState) -> RenderableType:
    rows = [
        (
            row.instrument,
            f"{row.quantity:,.6g}",
            f"{row.average_price:,.6g}",
            f"{row.mark:,.6g}",
            f"{row.unrealised:+,.2f}",
            row.lead,
        )
        for row in sorted(state.positions, key=lambda row: -abs(row.weight))[:_ROWS]
    ]
    head = ("instrument", "quantity", "entry", "mark", "P&L", "lead")
    return _boxed(f"positions ({len(state.positions)})", head, rows, "none")


def _decisions(state: ServiceState) -> RenderableType:
    rows = [
        (
            iso(row.ts)[11:19],
            row.instrument,
            row.action,
            f"{row.confidence:.2f}",
            row.reason.replace("_", " "),
        )
        for row in state.decisions[:_ROWS]
    ]
    head = ("time", "instrument", "action", "conf.", "reason")
    return _boxed("last decisions", head, rows, "none yet")


def _refusals(state: ServiceState) -> RenderableType:
    rows = [
        (iso(row.ts)[11:19], row.instrument, row.rule.replace("_", " "), row.reason)
        for row in state.refusals[:_ROWS]
    ]
    title = f"refused ({state.n_refusals})"
    return _boxed(title, ("time", "instrument", "rule", "reason"), rows, "none")


def _regimes(state: ServiceState) -> RenderableType:
    from rich.panel import Panel
    from rich.text import Text

    named = {regime: regime.replace("_", " ").lower() for regime in state.regime.values()}
    counts = Counter(state.regime.values()).most_common()
    told = [f"{named[regime]} {count}" for regime, count in counts]
    if len(state.regime) <= _ROWS:
        told = [
            f"{name.partition('.')[0]} {named[regime]}" for name, regime in state.regime.items()
        ]
    text = Text(", ".join(told)) if told else Text("warming up", style="dim")
    return Panel(text, title="regime", title_align="left")


def _boxed(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], empty: str
) -> RenderableType:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return Panel(Text(empty, style="dim"), title=title, title_align="left")
    table = Table(box=None, pad_edge=False, expand=True)
    for index, name in enumerate(head):
        # the last column takes what is left and is cut; the figures before it are not
        ratio = 1 if index == len(head) - 1 else None
        title_of = Text(name, style="dim")
        table.add_column(title_of, no_wrap=True, overflow="ellipsis", ratio=ratio)
    for row in rows:
        table.add_row(*map(Text, row))
    return Panel(table, title=title, title_align="left")
