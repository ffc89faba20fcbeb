"""A trace in words: one line for each link of the chain, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.kernel.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.ledger.kinds import DecisionItem, Routed, Started, Told
    from tutti.ledger.records import Entry
    from tutti.ledger.trace import Trace
    from tutti.model.order import Settlement


def tell(trace: Trace) -> tuple[tuple[str, str], ...]:
    """Return pairs of a label and a line, from the fills back to the data that was read."""
    return tuple(_lines(trace))


def _lines(trace: Trace) -> Iterator[tuple[str, str]]:
    intent = trace.intent.body
    split = bool(trace.routes)
    for fill in reversed(trace.fills):
        made = fill.body
        where = f" {made.instrument}" if split else ""
        yield (
            "fill",
            f"{iso(fill.ts)} {made.side} {made.quantity}{where} at {made.price}, fee {made.fee}, "
            f"{'maker' if made.is_maker else 'taker'}, slippage {made.slippage_bps:+.2f} bps",
        )
    for order in reversed(trace.orders):
        state = order.body
        detail = f" ({state.detail})" if state.detail else ""
        filled = f"filled {state.filled} of {state.quantity}"
        where = f"{state.instrument} " if split and state.parent else ""
        yield "order", f"{iso(order.ts)} {where}{state.status}, {filled}{detail}"
    if trace.settlement is not None:
        yield "settled", _settled(trace.settlement)
    for route in reversed(trace.routes):
        yield "route", f"{iso(route.ts)} {_parts(route.body)}"
    if trace.approval is not None:
        rules = ", ".join(trace.approval.body.rules)
        yield "approved", f"{iso(trace.approval.ts)} by {rules}"
    if trace.refusal is not None:
        refusal = trace.refusal.body
        yield "refused", f"{iso(trace.refusal.ts)} by {refusal.rule}: {refusal.reason}"
    price = "" if intent.price is None else f" {intent.price}"
    yield (
        "intent",
        f"{iso(trace.intent.ts)} {intent.side} {intent.quantity} {intent.instrument} "
        f"{intent.type}{price}, reference {intent.reference_price}: {intent.reason}, "
        f"led by {intent.lead}",
    )
    yield from _behind(trace)


def _behind(trace: Trace) -> Iterator[tuple[str, str]]:
    if trace.command is not None:
        said = trace.command.body
        because = f": {said.detail}" if said.detail else ""
        yield "command", f"{iso(trace.command.ts)} {said.name}, by {said.by}{because}"
    if trace.decision is not None:
        made_by = trace.decision.body
        flagged = f"; flagged: {', '.join(made_by.flags)}" if made_by.flags else ""
        yield (
            "decision",
            f"{iso(made_by.as_of)} equity {made_by.equity:.2f}, {made_by.mode}{flagged}",
        )
    if trace.item is not None:
        yield from _seen(trace.item)
    for told in trace.opinions:
        yield from _said(told.body)
    if trace.started is not None:
        yield from _run(trace.started.body)


def _settled(settlement: Entry[Settlement]) -> str:
    said = settlement.body
    against = f", though its venue said: {said.said}" if said.said else ""
    return (
        f"{iso(settlement.ts)} as {said.outcome}, filled {said.filled}, by {said.by}{against}: "
        f"{said.reason}"
    )


def _parts(routed: Routed) -> str:
    parts = [
        f"{child.quantity} to {child.instrument.venue}"
        + ("" if child.expected_price is None else f" at {child.expected_price:.8g}")
        for child in routed.children
    ]
    left = f", {routed.left} left over" if routed.left else ""
    why = f" ({routed.detail})" if routed.detail else ""
    sent = ", ".join(parts) or "nowhere"
    return f"by {routed.strategy}: {sent}{left}; arrival {routed.arrival_price}{why}"


def _seen(item: DecisionItem) -> Iterator[tuple[str, str]]:
    signal = f"score {_number(item.score)}, confidence {_number(item.confidence)}"
    yield "target", f"weight {item.weight:+.4f} of equity, {signal}: {item.reason}"
    if item.context is not None:
        context = item.context
        yield (
            "context",
            f"bias {context.bias:+.4f}, confidence {context.confidence:.4f}, "
            f"{context.regime.name.lower()} ({context.regime_confidence:.2f})",
        )
        for voice in context.voices:
            view = f"bias {_number(voice.bias)}, confidence {_number(voice.confidence)}"
            if voice.heard is not None:
                view += f" heard as {voice.heard:.4f}"
            yield "voice", f"{voice.agent} {view}, weight {voice.weight:.3f}: {voice.rationale}"
    if item.features:
        values = (f"{name} {_number(value)}" for name, value in item.features.items())
        yield "features", ", ".join(values)
    bar = {
        "open": item.open,
        "high": item.high,
        "low": item.low,
        "close": item.close,
        "volume": item.volume,
    }
    yield "bar", ", ".join(f"{name} {v:g}" for name, v in bar.items() if v is not None)


def _said(told: Told) -> Iterator[tuple[str, str]]:
    view = f"bias {_number(told.bias)}, confidence {_number(told.confidence)}"
    stamp = f", {told.knowledge}" if told.knowledge else ""
    yield "opinion", f"{iso(told.as_of)} {told.agent} {view}{stamp}: {told.rationale}"
    if told.sources:
        yield "sources", f"{told.agent} read {', '.join(told.sources)}"
    for quote in told.quotes:
        yield "read", f"{told.agent} {quote}"
    if told.call:
        yield "call", f"{told.agent} {told.call}"


def _run(started: Started) -> Iterator[tuple[str, str]]:
    versions = ", ".join(f"{name} {version}" for name, version in started.versions.items())
    commit = f", commit {started.commit}" if started.commit else ""
    yield (
        "run",
        f"{started.run_id}, configuration {started.configuration}, seed {started.seed}, "
        f"{versions}{commit}",
    )
    for source in started.data:
        yield "data", f"{source.path} {source.sha256}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:+.4f}"
