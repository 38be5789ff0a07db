"""How a source is doing: whether it was ever heard, when last, and what it sends that nobody takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.polling import Poll
from gateway.domain.secrecy import MAX_TOLD, secret_looking
from gateway.domain.source import Source
from gateway.pipeline.counts import looking
from gateway.pipeline.recent import Recent
from gateway.pipeline.route import RouteTable
from gateway.pipeline.sightings import Sighting, Sightings
from gateway.pipeline.snapshot import Current
from gateway.ports import Ledger, Polls, StoredEvent
from gateway.spi.cloudevents.payload import payload
from gateway.spi.discovery import source_formats
from gateway.spi.polled_format import asked
from gateway.spi.source_format import Decoded


@dataclass(frozen=True, slots=True)
class Unattached:
    """A thing whose newest event no topic takes as topics are now: a resource, else a subject or a type."""

    name: str
    type: str
    received_at: float


@dataclass(frozen=True, slots=True)
class Activity:
    """What is known. `last_seen` is None as long as the first event is waited for. Of the last events, those
    that are stored are looked at for what no topic takes, and for what looks secret.

    `secret_looking` are JSON pointers into the data of its events where secrets seem to stand.
    `poll` is what a source answers that the gateway asks.
    """

    last_seen: float | None
    looked_at: int
    unattached: Sequence[Unattached]
    secret_looking: Sequence[str]
    requests: Sequence[Sighting]
    poll: Poll | None = None


class Activities:
    """Use cases of looking after sources."""

    def __init__(
        self, current: Current, ledger: Ledger, recent: Recent, sightings: Sightings, polls: Polls
    ) -> None:
        self._current, self._ledger, self._polls = current, ledger, polls
        self._recent, self._sightings = recent, sightings

    async def of(self, source: Source) -> Activity:
        """How a source is doing."""
        await self._recent.write()
        last = await self._ledger.last_heard(source.instance_id, source.id)
        table = self._current.snapshot.table(source.instance_id, source.id)
        decoded = [_decoded(row) for row in last.events]
        with looking():
            unattached = _unattached(decoded, table)
        suspicious = dict.fromkeys(place for one, _ in decoded for place in secret_looking(one.payload))
        return Activity(
            last.at,
            len(last.events),
            unattached,
            list(suspicious)[:MAX_TOLD],
            self._sightings.of(source),
            await self._poll(source),
        )

    async def _poll(self, source: Source) -> Poll | None:
        """What a source answers that is asked; a new one nothing yet."""
        if asked(source, source_formats()) is None:
            return None
        return await self._polls.of(source.id) or Poll(source.id)


def _unattached(decoded: Sequence[tuple[Decoded, float]], table: RouteTable | None) -> Sequence[Unattached]:
    """By name once, the newest event of each decides."""
    found: dict[str, Unattached | None] = {}
    for one, received_at in decoded:
        event = one.event
        name = one.vocabulary.resource or event.text("subject") or event.type
        if name not in found:
            taken = table is not None and any(True for _ in table.matching(one.view))
            found[name] = None if taken else Unattached(name, event.type, received_at)
    return [one for one in found.values() if one is not None]


def _decoded(row: StoredEvent) -> tuple[Decoded, float]:
    accepted = row.accepted
    return Decoded(accepted.event, accepted.vocabulary, payload(accepted.event)), accepted.received_at
