"""Every metric of the gateway, in one place; `docs/operating.md` lists the same and a test compares them."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        self.events_accepted = Counter(
            "tocsin_events_accepted", "Events that are durable, quarantined ones included.", registry=registry
        )
        self.events_duplicate = Counter(
            "tocsin_events_duplicate", "Events that were known already.", registry=registry
        )
        self.events_quarantined = Counter(
            "tocsin_events_quarantined",
            "Events stored apart because they do not fit a schema.",
            registry=registry,
        )
        self.requests_refused = Counter(
            "tocsin_requests_refused", "Requests refused, by error code.", ["code"], registry=registry
        )
        self.accept_seconds = Histogram(
            "tocsin_accept_seconds",
            "From request to durable, in seconds.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.reroutes = Counter(
            "tocsin_reroutes",
            "Requests routed again because the configuration changed meanwhile.",
            registry=registry,
        )
        self.deliveries_planned = Counter(
            "tocsin_deliveries_planned", "Deliveries decided at routing.", registry=registry
        )
        self.attempts = Counter(
            "tocsin_attempts",
            "Delivery attempts by kind and outcome ('' is success).",
            ["kind", "reason"],
            registry=registry,
        )
        self.attempt_seconds = Histogram(
            "tocsin_attempt_seconds",
            "Duration of delivery attempts, in seconds.",
            ["kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.delivery_seconds = Histogram(
            "tocsin_delivery_seconds",
            "From accepted to delivered, in seconds.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.dead_letters = Counter(
            "tocsin_dead_letters", "Deliveries that became dead letters.", ["kind"], registry=registry
        )
        self.stale_settles = Counter(
            "tocsin_stale_settles", "Results refused because the lease had been lost.", registry=registry
        )
        self.lapsed_leases = Counter(
            "tocsin_lapsed_leases",
            "Deliveries not tried because another node may have them by now.",
            registry=registry,
        )
        self.in_flight = Gauge(
            "tocsin_deliveries_in_flight", "Deliveries under way right now.", registry=registry
        )
        self.deliveries = Gauge(
            "tocsin_deliveries", "Deliveries in the ledger by state.", ["state"], registry=registry
        )
        self.oldest_due_seconds = Gauge(
            "tocsin_oldest_due_seconds",
            "Age of the oldest delivery that is due, in seconds.",
            registry=registry,
        )
        self.registry_version = Gauge(
            "tocsin_registry_version", "The configuration in force.", registry=registry
        )
        self.log_lines_dropped = Gauge(
            "tocsin_log_lines_dropped", "Log lines dropped because nobody read them.", registry=registry
        )

    @cache  # noqa: B019  lives as long as the process, with one entry for each kind and reason
    def attempt(self, kind: str, reason: str) -> tuple[Counter, Histogram]:
        """What one attempt is counted by; looking labels up each time costs more than counting."""
        return self.attempts.labels(kind, reason), self.attempt_seconds.labels(kind)

    def render(self) -> bytes:
        """The OpenMetrics text."""
        text: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call] # untyped upstream
        return text


CONTENT_TYPE = CONTENT_TYPE_LATEST
