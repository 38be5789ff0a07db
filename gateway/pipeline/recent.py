"""The last events of each source: kept in memory and written a moment later, a few rows a source.

A busy source costs no more than a quiet one, and events no index of their own. What a process had not written
when it was killed, of WRITE_EVERY at most, is missing there; the events themselves are not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Container

import structlog

from gateway.domain.errors import Refused
from gateway.domain.ids import EventId, InstanceId, SourceId
from gateway.domain.source import Heard, Source
from gateway.ports import MOST_HEARD, Ledger

log = structlog.get_logger()

WRITE_EVERY = 5.0
"""Seconds between two writes at least; what comes after a silence is written at once."""


class Recent:
    """Takes note of every event, and writes the last of each source."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._unwritten: dict[tuple[InstanceId, SourceId], deque[tuple[float, EventId]]] = {}
        self._noted = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, source: Source, event_id: EventId, received_at: float) -> None:
        """An event of this source is durable."""
        place = (source.instance_id, source.id)
        kept = self._unwritten.get(place)
        if kept is None:
            kept = self._unwritten[place] = deque(maxlen=MOST_HEARD)
            self._noted.set()
        kept.append((received_at, event_id))

    def forget(self, known: Container[SourceId]) -> None:
        """Let go of sources that are gone."""
        self._unwritten = {place: kept for place, kept in self._unwritten.items() if place[1] in known}

    async def run(self) -> None:
        """Write what was noted, now and then, until cancelled."""
        while True:
            await self._noted.wait()
            await self.write()
            await asyncio.sleep(WRITE_EVERY)

    async def write(self) -> None:
        """Write what was noted since the last time; what the store cannot take now is kept for the next."""
        async with self._writing:
            self._noted.clear()
            writing, self._unwritten = self._unwritten, {}
            if not writing:
                return
            try:
                rows = [Heard(*place, *row) for place, kept in writing.items() for row in kept]
                await self._ledger.note_heard(rows)
            except Exception as error:
                unforeseen = not isinstance(error, Refused)
                log.warning("recent.unwritten", error=type(error).__name__, exc_info=unforeseen)
                for place, newer in self._unwritten.items():
                    writing.setdefault(place, deque(maxlen=MOST_HEARD)).extend(newer)
                self._unwritten = writing
                self._noted.set()
