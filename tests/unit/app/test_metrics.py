"""The metrics of a service, by name."""

from __future__ import annotations

from decimal import Decimal

import pytest
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
        "agent_success_total",
        "agent_timeout_total",
        "agent_latency_seconds",
        "agent_tokens_used",
        "agent_cost_usd_total",
        "agent_queue_seconds",
        "agent_queue_late_total",
        "orchestrator_latency_seconds",
        "orders_sent_total",
        "orders_filled_total",
        "orders_failed_total",
        "order_latency_seconds",
        "slippage_bps",
        "venue_up",
        "data_age_seconds",
        "reconcile_differences_total",
        "orders_refused_total",
        "trades_executed_total",
        "loop_duration_seconds",
        "market_data_age_seconds",
        "drawdown",
    }


def test_everything_about_agents_is_labelled_with_their_name() -> None:
    metrics = Metrics(CollectorRegistry())
    for name in ("agent_calls_total", "agent_success_total", "agent_timeout_total"):
        metrics.count(name, "news")
    for name in ("agent_latency_seconds", "agent_queue_seconds"):
        metrics.observe(name, "news", 0.5)
    metrics.observe("orchestrator_latency_seconds", "panel", 0.5)
    metrics.used("news", 120, Decimal("0.002"))
    metrics.used("news", 30, Decimal("0.001"))
    value = metrics.registry.get_sample_value
    news = {"agent_name": "news"}
    assert value("agent_calls_total", news) == value("agent_success_total", news) == 1.0
    assert value("agent_timeout_total", news) == metrics.timeouts_of("news") == 1
    assert value("agent_latency_seconds_sum", news) == value("agent_queue_seconds_sum", news) == 0.5
    assert value("orchestrator_latency_seconds_count", {"agent_name": "panel"}) == 1.0
    assert value("agent_tokens_used", news) == 150.0
    assert value("agent_cost_usd_total", news) == pytest.approx(0.003)
    assert metrics.timeouts_of("social") == 0


def test_differences_are_counted_as_they_are_found() -> None:
    metrics = Metrics(CollectorRegistry())
    for counts in ({"A": 2}, {"A": 2}, {"A": 5, "B": 1}):
        metrics.differed(counts)
    value = metrics.registry.get_sample_value
    assert value("reconcile_differences_total", {"exchange": "A"}) == 5.0
    assert value("reconcile_differences_total", {"exchange": "B"}) == 1.0


def test_venue_that_tells_how_it_does_is_not_spoken_for() -> None:
    metrics = Metrics(CollectorRegistry())
    value = metrics.registry.get_sample_value
    metrics.up("KRAKEN", is_up=False)
    metrics.data_age("BINANCE", 0.5)
    metrics.failed("KRAKEN")
    metrics.heard(["KRAKEN", "BINANCE", "SIM"], 3.0)
    assert value("venue_up", {"exchange": "KRAKEN"}) == 0.0
    assert value("data_age_seconds", {"exchange": "BINANCE"}) == 0.5
    assert value("venue_errors_total", {"exchange": "KRAKEN"}) == 1.0
    assert value("venue_up", {"exchange": "SIM"}) == 1.0
    assert value("data_age_seconds", {"exchange": "SIM"}) == 3.0


def test_venue_that_is_traded_at_has_every_metric_before_its_first_order() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.orders_sent.labels("KRAKEN").inc()
    metrics.heard(["KRAKEN", "SIM"], 3.0)
    text = generate_latest(metrics.registry).decode()
    assert 'orders_sent_total{exchange="KRAKEN"} 1.0' in text
    for sample in (
        "orders_sent_total",
        "orders_filled_total",
        "orders_failed_total",
        "order_latency_seconds_count",
        "slippage_bps_count",
        "reconcile_differences_total",
        "venue_errors_total",
    ):
        assert f'\n{sample}{{exchange="SIM"}} 0.0' in text
    for sample in ("venue_up", "data_age_seconds"):
        assert f'\n{sample}{{exchange="SIM"}}' in text
