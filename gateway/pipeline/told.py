"""Who is told what became of each request and of each try: metrics, counts, the last requests and
events of a source, the last result of a destination, the log. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from gateway.domain.delivery import DUPLICATE_OF, Claim, Planned, Settlement, State
from gateway.domain.destination import Destination
from gateway.domain.source import Source
from gateway.pipeline.accept import Routed
from gateway.pipeline.counts import Counts
from gateway.pipeline.receive import Envelope
from gateway.pipeline.recent import Recent
from gateway.pipeline.results import LastResults
from gateway.pipeline.send import Outcome
from gateway.pipeline.sightings import Sightings
from gateway.ports import Appended
from gateway.spi.source_format import Decoded
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger()


class Told(NamedTuple):
    """Everybody who keeps account."""

    metrics: Metrics
    counts: Counts
    sightings: Sightings
    results: LastResults
    recent: Recent

    def heard(
        self, source: Source, envelope: Envelope, decoded: Sequence[Decoded], refused: str = ""
    ) -> None:
        """A request of a source was taken, or refused with this code: kept for people where they asked for
        that. `decoded` is what could be read of it."""
        if source.keep_requests:
            self.sightings.note(source, envelope, decoded, refused)

    def accepted(
        self,
        source: Source,
        routed: Sequence[Routed],
        appended: Sequence[Appended],
        received_at: float,
        now: float,
    ) -> None:
        """Events of a source are durable, with what they cause."""
        metrics = self.metrics
        for one, result in zip(routed, appended, strict=True):
            if result.duplicate:
                metrics.events_duplicate.inc()
                continue
            metrics.events_accepted.inc()
            metrics.deliveries_planned.inc(len(one.planned))
            self.counts.routed(source.id, one, now)
            self._quieted(one.planned, result)
            self.recent.note(source, result.event_id, received_at)
            if one.verdict.problems:
                metrics.events_quarantined.inc()
        metrics.accept_seconds.observe(now - received_at)

    def held(self, reason: str) -> None:
        """A policy holds a delivery back that was about to go out."""
        self.metrics.deliveries_held.labels(reason).inc()

    def _quieted(self, planned: Sequence[Planned], result: Appended) -> None:
        """What policies did to the deliveries of an event."""
        for row in planned:
            if row.id in result.suppressed:
                self.counts.settled(row.topic_id, row.subscription_id, State.SUPPRESSED)
                self.metrics.deliveries_suppressed.labels(DUPLICATE_OF.rstrip(":")).inc()
            elif row.state is State.SUPPRESSED:
                self.metrics.deliveries_suppressed.labels(row.reason.partition(":")[0]).inc()
            elif row.state is State.HELD:
                self.held(row.reason)

    def ended(self, claim: Claim, destination: Destination, outcome: Outcome) -> None:
        """A try ended; how, is not written yet."""
        self.results.note(claim, destination, outcome)

    def settled(
        self, claim: Claim, kind: str, outcome: Outcome, settlement: Settlement, *, written: bool, now: float
    ) -> None:
        """A try is settled; `written` is False where somebody else had the delivery by then."""
        self._measure(claim, kind, outcome, settlement, written=written, now=now)
        attempt = settlement.attempt
        log.info(
            "delivery.attempted",
            delivery=claim.delivery_id,
            event_id=claim.accepted.id,
            kind=kind,
            instance=claim.accepted.instance_id,
            subscription=claim.subscription_id,
            destination=claim.destination_id,
            attempt=claim.attempts + 1,
            state=settlement.state.value,
            reason=attempt.reason if attempt else "",
            code=attempt.code if attempt else "",
            settled=written,
            duration_ms=round(outcome.duration * 1000, 3),
            due_at=settlement.due_at or None,
        )

    def _measure(
        self, claim: Claim, kind: str, outcome: Outcome, settlement: Settlement, *, written: bool, now: float
    ) -> None:
        metrics = self.metrics
        counted, timed = metrics.attempt(kind, settlement.attempt.reason if settlement.attempt else "")
        counted.inc()
        timed.observe(outcome.duration)
        if not written:
            metrics.stale_settles.inc()
            return
        self.counts.settled(claim.topic_id, claim.subscription_id, settlement.state)
        if settlement.state is State.DELIVERED:
            metrics.delivery_seconds.observe(now - claim.accepted.received_at)
        elif settlement.state is State.DEAD:
            metrics.dead_letters.labels(kind).inc()
