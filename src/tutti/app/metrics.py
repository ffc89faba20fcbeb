"""Prometheus metrics of a service, under the names that dashboards and alert rules use."""

from __future__ import annotations

from collections import Counter as Counts
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tutti.agents.panel import CALLS, ERRORS, LATENCY, PANEL_LATENCY, SUCCESSES, TIMEOUTS
from tutti.agents.schedule import QUEUE_LATE, QUEUED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

_ORDER_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLIPPAGE_BUCKETS = (-50.0, -20.0, -10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_AGENT_BUCKETS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
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
        self._venues: set[str] = set()
        self._timed_out: Counts[str] = Counts()

        def by_agent(name: str, what: str) -> Counter:
            return Counter(name, what, ["agent_name"], registry=registry)

        def seconds(name: str, what: str) -> Histogram:
            return Histogram(name, what, ["agent_name"], buckets=_AGENT_BUCKETS, registry=registry)

        self.agent_calls = by_agent("agent_calls_total", "Opinions asked of an agent")
        self.agent_successes = by_agent("agent_success_total", "Questions an agent answered")
        self.agent_abstentions = by_agent("agent_abstentions_total", "Opinions not given")
        self.agent_cost = by_agent("agent_cost_usd_total", "Cost of an agent's language model")
        self.agent_information_ratio = Gauge(
            "agent_information_ratio", "A year, against the baseline, in the newest window",
            ["agent_name"], registry=registry,
        )  # fmt: skip
        self.agent_tokens = Gauge(
            "agent_tokens_used", "Tokens of an agent's language model, in and out", ["agent_name"],
            registry=registry,
        )  # fmt: skip
        self._counters = {
            CALLS: self.agent_calls,
            SUCCESSES: self.agent_successes,
            TIMEOUTS: by_agent(TIMEOUTS, "Opinions an agent didn't give in time"),
            ERRORS: by_agent(ERRORS, "Questions at which an agent broke or failed"),
            QUEUE_LATE: by_agent(QUEUE_LATE, "Answers that missed their tick waiting for a slot"),
        }
        self._latencies = {
            LATENCY: seconds(LATENCY, "Time an agent took to answer"),
            QUEUED: seconds(QUEUED, "Time a question to an agent waited for a slot"),
            PANEL_LATENCY: seconds(PANEL_LATENCY, "Time a tick waited for its agents"),
        }
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
        self._by_venue = (
            self.orders_sent,
            self.orders_filled,
            self.orders_failed,
            self.order_latency,
            self.slippage,
            self.venue_errors,
            self.reconcile_differences,
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
        self._counters[metric].labels(agent_name).inc()
        if metric == TIMEOUTS:
            self._timed_out[agent_name] += 1

    def observe(self, metric: str, agent_name: str, seconds: float) -> None:
        """Add to one of an agent's histograms."""
        self._latencies[metric].labels(agent_name).observe(seconds)

    def used(self, agent_name: str, tokens: int, usd: Decimal) -> None:
        """Add what an agent's language model took; see ``agents.llm.metered.ModelMetrics``."""
        self.agent_tokens.labels(agent_name).inc(tokens)
        self.agent_cost.labels(agent_name).inc(float(usd))

    def timeouts_of(self, agent_name: str) -> int:
        """Return how many opinions an agent didn't give in time."""
        return self._timed_out[agent_name]

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
        """Take note of the age of the data of venues that don't tell it themselves.

        From then on every metric of a venue is there: 0 is another answer than nothing.
        """
        for venue in venues:
            if venue not in self._venues:
                self._venues.add(venue)
                for each in self._by_venue:
                    each.labels(venue)
            if venue not in self.self_reporting:
                self.venue_up.labels(venue).set(1.0)
                self.data_age_seconds.labels(venue).set(seconds)
