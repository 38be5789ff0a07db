"""Every metric of the gateway, in one place; `docs/operating.md` lists the same and a test compares them.

Workers that share a port share files too (prometheus_client's multiprocess mode): whichever of them is asked
answers for all. `multiprocess_mode` says what a gauge of several workers is then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder of the shared files to a worker, for prometheus_client to read."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        self._shown = _shared() or registry
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
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
        self.deliveries_held = Counter(
            "tocsin_deliveries_held",
            "Deliveries held back, by reason: a policy's, or destination_disabled.",
            ["reason"],
            registry=registry,
        )
        self.deliveries_suppressed = Counter(
            "tocsin_deliveries_suppressed",
            "Deliveries that a policy suppressed, by reason.",
            ["reason"],
            registry=registry,
        )
        self.deliveries_folded = Counter(
            "tocsin_deliveries_folded",
            "Held deliveries that were folded into one message, by reason.",
            ["reason"],
            registry=registry,
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
            "tocsin_deliveries_in_flight",
            "Deliveries under way right now.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.deliveries = Gauge(
            "tocsin_deliveries",
            "Deliveries in the ledger by state.",
            ["state"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.oldest_due_seconds = Gauge(
            "tocsin_oldest_due_seconds",
            "Age of the oldest delivery that is due, in seconds.",
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.rules_not_evaluable = Counter(
            "tocsin_rules_not_evaluable",
            "Evaluations of rules that failed, by code; the rule then matched nothing.",
            ["code"],
            registry=registry,
        )
        self.monitor_events = Counter(
            "tocsin_monitor_events",
            "What monitors had to say: missed, failing, dropped, rose, exceeded, reminder, recovered.",
            ["happening"],
            registry=registry,
        )
        self.incident_reminders = Counter(
            "tocsin_incident_reminders",
            "Reminders of incidents that last, one for each subscription.",
            registry=registry,
        )
        self.incident_escalations = Counter(
            "tocsin_incident_escalations",
            "Incidents that were told to others, because nobody took them up or they did not arrive.",
            registry=registry,
        )
        self.monitor_keys_refused = Counter(
            "tocsin_monitor_keys_refused",
            "Observations of keys that a monitor has no room for.",
            registry=registry,
        )
        self.polls = Counter(
            "tocsin_polls",
            "Answers of sources that the gateway asks: ok, warning, failed, or other for neither.",
            ["outcome"],
            registry=registry,
        )
        self.poll_changes = Counter(
            "tocsin_poll_changes",
            "Changes of those answers that became events, by what they changed to.",
            ["outcome"],
            registry=registry,
        )
        self.watcher_pings = Counter(
            "tocsin_watcher_pings",
            "Pings of the outside watcher by outcome ('' is success).",
            ["reason"],
            registry=registry,
        )
        self.registry_version = Gauge(
            "tocsin_registry_version",
            "The configuration in force.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.log_lines_dropped = Gauge(
            "tocsin_log_lines_dropped",
            "Log lines dropped because nobody read them.",
            registry=registry,
            multiprocess_mode="sum",
        )

    @cache  # noqa: B019  lives as long as the process, with one entry for each kind and reason
    def attempt(self, kind: str, reason: str) -> tuple[Counter, Histogram]:
        """What one attempt is counted by; looking labels up each time costs more than counting."""
        return self.attempts.labels(kind, reason), self.attempt_seconds.labels(kind)

    def follow(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Have a gauge show a value that is counted elsewhere, as of the last `refresh`."""
        self._watched.append((gauge, value))

    def refresh(self) -> None:
        """Take what is counted elsewhere, for whichever worker is asked next."""
        for gauge, value in self._watched:
            gauge.set(value())

    def render(self) -> bytes:
        """The OpenMetrics text, of all workers that share a folder."""
        self.refresh()
        text: bytes = generate_latest(self._shown)  # type: ignore[no-untyped-call] # untyped upstream
        return text


def forget_worker(pid: int, folder: Path) -> None:
    """A worker has ended: what it counted stays, what it was doing is over."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call] # untyped upstream


def _shared() -> CollectorRegistry | None:
    """What reads the files of all workers; None where this process has no others."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # untyped upstream
    except ValueError:
        return None
    return registry


CONTENT_TYPE = CONTENT_TYPE_LATEST
