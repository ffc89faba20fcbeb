"""Prometheus metrics of a service, under the names that dashboards and alert rules use."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_TICK_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters and gauges that a service keeps up to date.

    Parameters
    ----------
    registry : CollectorRegistry
        Where they are registered; each service has its own.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.agent_calls = Counter(
            "agent_calls_total", "Opinions asked of an agent", ["agent"], registry=registry
        )
        self.agent_abstentions = Counter(
            "agent_abstentions_total", "Opinions an agent didn't give", ["agent"], registry=registry
        )
        self.agent_timeouts = Counter(
            "agent_timeouts_total",
            "Opinions an agent didn't give in time",
            ["agent"],
            registry=registry,
        )
        self.agent_latency = Histogram(
            "agent_latency_seconds",
            "Time an agent took to answer",
            ["agent"],
            buckets=_TICK_BUCKETS,
            registry=registry,
        )
        self.decisions = Counter(
            "decisions_total", "Targets that asked for an order", ["reason"], registry=registry
        )
        self.orders_sent = Counter(
            "orders_sent_total", "Orders sent to a venue", ["exchange"], registry=registry
        )
        self.orders_refused = Counter(
            "orders_refused_total", "Intents that a risk rule refused", ["rule"], registry=registry
        )
        self.trades_executed = Counter(
            "trades_executed_total", "Fills of our orders", ["exchange"], registry=registry
        )
        self.loop_duration = Histogram(
            "loop_duration_seconds",
            "Wall time of one tick, market in to orders out",
            buckets=_TICK_BUCKETS,
            registry=registry,
        )
        self.equity = Gauge("equity", "Account value in quote currency", registry=registry)
        self.drawdown = Gauge("drawdown", "Fraction below the peak of equity", registry=registry)
        self.open_positions = Gauge("open_positions", "Instruments held", registry=registry)
        self.market_data_age = Gauge(
            "market_data_age_seconds", "Wall time since the last market event", registry=registry
        )

    def count(self, metric: str, agent_name: str) -> None:
        """Add one to one of an agent's counters; see ``agents.panel.AgentMetrics``."""
        counters = {
            "agent_calls_total": self.agent_calls,
            "agent_timeout_total": self.agent_timeouts,
            "agent_errors_total": self.agent_abstentions,
        }
        if metric in counters:
            counters[metric].labels(agent_name).inc()

    def observe(self, metric: str, agent_name: str, seconds: float) -> None:
        """Add to the histogram of an agent's latency."""
        if metric == "agent_latency_seconds":
            self.agent_latency.labels(agent_name).observe(seconds)
