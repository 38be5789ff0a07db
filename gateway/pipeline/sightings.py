"""The last requests of the sources that ask for it, as they came: in this process's memory, and bounded.

They are for people who connect a sender: what was refused is here too, which the ledger never holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.domain.ids import SourceId
from gateway.domain.source import Source
from gateway.pipeline.receive import Envelope

MAX_KEPT = 20
"""Requests of one source."""
MAX_BODY = 8 * 1024
"""Bytes of a body that are kept."""
MAX_SOURCES = 200
"""Sources whose requests are kept; beyond it those that were first to be kept are forgotten."""


class Sighting(NamedTuple):
    """One request. `refused` is the code of the refusal, '' where it was taken; `size` that of the body."""

    received_at: float
    refused: str
    tail: str
    body: bytes
    size: int


class Sightings:
    """What was seen lately."""

    def __init__(self) -> None:
        self._seen: dict[SourceId, deque[Sighting]] = {}

    def note(self, source: Source, envelope: Envelope, refused: str = "") -> None:
        """Keep a request of a source that asks for it."""
        body = envelope.body
        seen = Sighting(envelope.received_at, refused, envelope.tail, body[:MAX_BODY], len(body))
        kept = self._seen.get(source.id)
        if kept is None or kept.maxlen != source.keep_requests:
            kept = deque(kept or (), maxlen=source.keep_requests)
            self._seen[source.id] = kept
            if len(self._seen) > MAX_SOURCES:
                del self._seen[next(iter(self._seen))]
        kept.append(seen)

    def of(self, source: Source) -> Sequence[Sighting]:
        """The last requests of a source, newest first."""
        return list(reversed(self._seen.get(source.id, ()))) if source.keep_requests else []

    def forget(self, known: Mapping[SourceId, Source]) -> None:
        """Let go of what sources have sent that are gone, or do not ask for it any more."""
        for source_id in list(self._seen):
            source = known.get(source_id)
            if source is None or not source.keep_requests:
                del self._seen[source_id]
