"""Prometheus metrics of a service, under the names that dashboards and alert rules use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ORDER_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLIPPAGE_BUCKETS = (-50.0, -20.0, -10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_TICK_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters and gauges that a service keeps up to date.

    Parameters
    ----------
    registry : CollectorRegistry
        Where they are registered; each service has its own.

    Attributes
    ----------
    self_reporting : set of str
        Venues that tell by themselves how they do; see ``up``, ``data_age``, ``order_answered``.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.self_reporting: set[str] = set()
        self._differed: dict[str, int] = {}
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
        self.orders_filled = Counter(
            "orders_filled_total", "Orders filled whole", ["exchange"], registry=registry
        )
        self.orders_failed = Counter(
            "orders_failed_total",
            "Orders that a venue rejected, or that never reached it",
            ["exchange"],
            registry=registry,
        )
        self.order_latency = Histogram(
            "order_latency_seconds",
            "Time from an order's sending to the venue's first answer",
            ["exchange"],
            buckets=_ORDER_BUCKETS,
            registry=registry,
        )
        self.slippage = Histogram(
            "slippage_bps",
            "Price of a fill against the price at which it was decided; positive is worse",
            ["exchange"],
            buckets=_SLIPPAGE_BUCKETS,
            registry=registry,
        )
        self.venue_up = Gauge(
            "venue_up", "1 while the venue answers, else 0", ["exchange"], registry=registry
        )
        self.venue_errors = Counter(
            "venue_errors_total", "Requests that a venue failed", ["exchange"], registry=registry
        )
        self.data_age_seconds = Gauge(
            "data_age_seconds",
            "Age of the oldest of the newest data of a venue's instruments",
            ["exchange"],
            registry=registry,
        )
        self.reconcile_differences = Counter(
            "reconcile_differences_total",
            "Differences found between our account and a venue's",
            ["exchange"],
            registry=registry,
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

    # ---- what a venue tells of itself ----

    def up(self, venue: str, *, is_up: bool) -> None:
        """Take note whether a venue answers."""
        self.self_reporting.add(venue)
        self.venue_up.labels(venue).set(1.0 if is_up else 0.0)

    def failed(self, venue: str) -> None:
        """Count a request that failed."""
        self.venue_errors.labels(venue).inc()

    def data_age(self, venue: str, seconds: float) -> None:
        """Take note of the age of the oldest of the newest data, by the exchange's time."""
        self.self_reporting.add(venue)
        self.data_age_seconds.labels(venue).set(seconds)

    def order_answered(self, venue: str, seconds: float) -> None:
        """Take note of the time from an order's submission to its answer."""
        self.self_reporting.add(venue)
        self.order_latency.labels(venue).observe(seconds)

    def differed(self, counts: Mapping[str, int]) -> None:
        """Bring the differences found at each venue up to ``counts``, of this process so far."""
        for venue, count in counts.items():
            more = count - self._differed.get(venue, 0)
            if more:
                self.reconcile_differences.labels(venue).inc(more)
                self._differed[venue] = count

    def heard(self, venues: Iterable[str], seconds: float) -> None:
        """Take note of the age of the data of venues that don't tell it themselves."""
        for venue in venues:
            if venue not in self.self_reporting:
                self.venue_up.labels(venue).set(1.0)
                self.data_age_seconds.labels(venue).set(seconds)
