"""The last requests of the sources that ask for it, as they came: in this process's memory, and bounded.

They are for people who connect a sender: what was refused is here too, which the ledger never holds. Of a
source that masks places, the data of its events is kept in place of the body, and nothing of what could not
be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway.domain.ids import SourceId
from gateway.domain.source import Source
from gateway.pipeline.receive import Envelope
from gateway.spi.source_format import Decoded

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


class _Kept(NamedTuple):
    """The requests of one source, as they may be seen while it masks these places."""

    mask: tuple[str, ...]
    last: deque[Sighting]


class Sightings:
    """What was seen lately."""

    def __init__(self) -> None:
        self._seen: dict[SourceId, _Kept] = {}

    def note(
        self, source: Source, envelope: Envelope, decoded: Sequence[Decoded] = (), refused: str = ""
    ) -> None:
        """Keep a request of a source that asks for it."""
        body = envelope.body if not source.mask else b"\n".join(one.event.data or b"" for one in decoded)
        seen = Sighting(envelope.received_at, refused, envelope.tail, body[:MAX_BODY], len(envelope.body))
        kept = self._seen.get(source.id)
        if kept is None or kept.mask != source.mask or kept.last.maxlen != source.keep_requests:
            before = kept.last if kept is not None and kept.mask == source.mask else ()
            kept = _Kept(source.mask, deque(before, maxlen=source.keep_requests))
            self._seen[source.id] = kept
            if len(self._seen) > MAX_SOURCES:
                del self._seen[next(iter(self._seen))]
        kept.last.append(seen)

    def of(self, source: Source) -> Sequence[Sighting]:
        """The last requests of a source, newest first."""
        kept = self._seen.get(source.id) if source.keep_requests else None
        return [*reversed(kept.last)] if kept is not None and kept.mask == source.mask else []

    def forget(self, known: Mapping[SourceId, Source]) -> None:
        """Let go of what sources sent that are gone, do not ask for it any more, or mask other places."""
        for source_id in list(self._seen):
            source = known.get(source_id)
            if source is None or not source.keep_requests or source.mask != self._seen[source_id].mask:
                del self._seen[source_id]
