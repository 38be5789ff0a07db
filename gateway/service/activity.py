"""How a source is doing: whether it was ever heard, when last, and what it sends that nobody takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.source import Source
from gateway.pipeline.route import RouteTable
from gateway.pipeline.sightings import Sighting, Sightings
from gateway.pipeline.snapshot import Current
from gateway.ports import EventFilter, Ledger, StoredEvent
from gateway.spi.cloudevents.payload import payload
from gateway.spi.source_format import Decoded

LOOKED_AT = 50
"""Events of a source that are looked at for what no topic takes."""


@dataclass(frozen=True, slots=True)
class Unattached:
    """A thing whose newest event no topic takes as topics are now: a resource, else a subject or a type."""

    name: str
    type: str
    received_at: float


@dataclass(frozen=True, slots=True)
class Activity:
    """What is known. `last_seen` is None as long as the first event is waited for (or all are too old)."""

    last_seen: float | None
    looked_at: int
    unattached: Sequence[Unattached]
    requests: Sequence[Sighting]


class Activities:
    """Use cases of looking after sources."""

    def __init__(self, current: Current, ledger: Ledger, sightings: Sightings) -> None:
        self._current, self._ledger, self._sightings = current, ledger, sightings

    async def of(self, source: Source) -> Activity:
        """How a source is doing."""
        wanted = EventFilter(source_id=source.id)
        page = await self._ledger.events(source.instance_id, wanted, limit=LOOKED_AT)
        table = self._current.snapshot.routes.get(source.id)
        return Activity(
            page.rows[0].accepted.received_at if page.rows else None,
            len(page.rows),
            _unattached(page.rows, table),
            self._sightings.of(source),
        )


def _unattached(rows: Sequence[StoredEvent], table: RouteTable | None) -> Sequence[Unattached]:
    """By name once, the newest event of each decides."""
    found: dict[str, Unattached | None] = {}
    for row in rows:
        event, words = row.accepted.event, row.accepted.vocabulary
        name = words.resource or event.text("subject") or event.type
        if name not in found:
            view = Decoded(event, words, payload(event)).view
            taken = table is not None and any(True for _ in table.matching(view))
            found[name] = None if taken else Unattached(name, event.type, row.accepted.received_at)
    return [one for one in found.values() if one is not None]
