"""The metrics of a service, by name."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from tutti.app.metrics import Metrics


def test_metrics_of_two_services_do_not_meet() -> None:
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.equity.set(5.0)
    assert b"\nequity 5.0" in generate_latest(one.registry)
    assert b"\nequity 0.0" in generate_latest(other.registry)


def test_metrics_are_all_named_before_anything_happened() -> None:
    text = generate_latest(Metrics(CollectorRegistry()).registry).decode()
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert named >= {
        "agent_calls_total",
        "agent_timeouts_total",
        "orders_sent_total",
        "orders_refused_total",
        "trades_executed_total",
        "loop_duration_seconds",
        "market_data_age_seconds",
        "drawdown",
    }
