"""Polling: asking the sources that send nothing themselves, and telling of answers that changed.

Every node does this on its own; nobody is elected. A node claims what is due by moving its time on, so that
one asks at a time, and writes what it heard on the condition that nobody else did since. A change is written
with the memory that it follows from and accepted as an event after that; its id follows from its number, so
it counts once although a crash between the two has it told twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import orjson
import structlog

from gateway.domain.clock import Clock
from gateway.domain.errors import OutOfSpace, Refused, Unavailable
from gateway.domain.ids import SourceId
from gateway.domain.polling import Heard, Poll, Turn, heard, watching
from gateway.domain.source import Source
from gateway.domain.view import Json
from gateway.pipeline.authenticate import DISABLED
from gateway.pipeline.flow import Ingest
from gateway.pipeline.snapshot import Current, Snapshot
from gateway.ports import Polls
from gateway.service.asking import Asking, excerpt
from gateway.spi.cloudevents.payload import parsed
from gateway.spi.discovery import source_formats
from gateway.spi.polled_format import PolledFormat, asked
from gateway.spi.url import parse_url
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""Seconds between two looks for what is due."""
KEEP_SECONDS = 60.0
"""Seconds between two looks whether every source has a memory, and one that is due in time."""
AT_ONCE = 64
"""Sources that a node asks at the same time."""
LEASE_SECONDS = 90.0
"""For how long a claimed source is this node's: longer than an answer may take and the store together."""
HOW = frozenset({"every", "equal_answers", "timeout"})
"""Options that say how a source is asked, not what."""
OTHER = "other"
"""An answer that is neither good nor bad, in metrics."""


class Polling:
    """One node's part in it."""

    def __init__(
        self,
        current: Current,
        polls: Polls,
        ingest: Ingest,
        asking: Asking,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._current, self._polls, self._ingest = current, polls, ingest
        self._asking, self._clock, self._metrics = asking, clock, metrics
        self._kept: Snapshot | None = None
        self._kept_at = 0.0
        self._known: frozenset[SourceId] = frozenset()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Poll until `stopping` is set; then what is under way is given up, and asked by the next node."""
        try:
            while not stopping.is_set():
                await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await stopping.wait()
        finally:
            await self.give_up()

    async def round(self) -> None:
        """Ask what is due by now, as far as there is room. Raises what the store raises."""
        snapshot = self._current.snapshot
        if snapshot is not self._kept or self._clock.monotonic() - self._kept_at > KEEP_SECONDS:
            await self._keep(snapshot)
        sources = {one: snapshot.sources[one] for one in self._known if snapshot.sources[one].enabled}
        room = AT_ONCE - len(self._under_way)
        if not sources or room < 1:
            return
        now = self._clock.now()
        claimed = await self._polls.claim([*sources], now=now, until=now + LEASE_SECONDS, limit=room)
        for poll in claimed:
            task = asyncio.create_task(self._turn(sources[poll.source_id], poll), name="poll")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def _look(self) -> None:
        try:
            await self.round()
        except Refused as error:
            log.warning("polls.failed", code=error.code, detail=error.detail)
        except Exception:
            log.error("polls.broke", exc_info=True)

    async def give_up(self) -> None:
        """End what is under way: whoever comes next asks again."""
        ending = [*self._under_way]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _keep(self, snapshot: Snapshot) -> None:
        """Have a memory of every polled source, and none of those that are not that any more."""
        now, formats = self._clock.now(), source_formats()
        polled = {one.id: one for one in snapshot.sources.values() if asked(one, formats) is not None}
        latest = {one: now + max(_every(source), LEASE_SECONDS) for one, source in polled.items()}
        await self._polls.keep(latest, now)
        if gone := self._known - polled.keys():
            await self._polls.forget([*gone])
        self._kept, self._kept_at, self._known = snapshot, self._clock.monotonic(), frozenset(polled)

    async def _turn(self, source: Source, poll: Poll) -> None:
        """Tell what is untold of a source that was claimed, then ask it."""
        try:
            if poll.untold:
                await self._tell(source, poll)
            await self._ask(source, replace(poll, untold=""))
        except Refused as error:
            log.warning("polls.failed", source=source.id, code=error.code, detail=error.detail)
        except Exception:
            log.error("polls.broke", source=source.id, exc_info=True)

    async def _ask(self, source: Source, poll: Poll) -> None:
        chosen = asked(source, source_formats())
        if chosen is None:
            return
        begun = self._clock.now()
        text = await self._asking.ask(source)
        poll, turn = _moved(source, chosen, watching(poll, _watched(source)), text, begun)
        self._metrics.polls.labels(poll.last or OTHER).inc()
        due_at = begun + _every(source)
        if turn is None:
            await self._polls.save(poll, due_at)
            return
        poll = replace(poll, untold=_document(source, turn, text))
        if await self._polls.save(poll, begun + LEASE_SECONDS):
            await self._tell(source, poll)
            await self._polls.save(replace(poll, revision=poll.revision + 1, untold=""), due_at)

    async def _tell(self, source: Source, poll: Poll) -> None:
        """Have a change accepted as an event.

        Raises Unavailable, OutOfSpace, and Forbidden while the source is disabled: then it is still untold.
        """
        try:
            await self._ingest.take_polled(source.id, poll.untold.encode())
        except (Unavailable, OutOfSpace):
            raise
        except Refused as error:
            if error.code == DISABLED:
                raise
            # A schema or the types of the source refuse it: trying again would not mend it
            log.error("poll.refused", source=source.id, change=poll.changes, code=error.code)
            return
        self._metrics.poll_changes.labels(poll.outcome or OTHER).inc()
        log.info("poll.changed", source=source.id, change=poll.changes, outcome=poll.outcome or OTHER)


def _moved(
    source: Source, chosen: PolledFormat, poll: Poll, text: bytes, at: float
) -> tuple[Poll, Turn | None]:
    """The memory after an answer, and the change that it makes."""
    answer = cast("dict[str, Json]", parsed(text))
    reading = chosen.reading(answer, source.options)
    needed = int(str(source.options.get("equal_answers", 1)))
    return heard(poll, Heard(reading.compared, reading.outcome, at, excerpt(answer)), needed)


def _document(source: Source, turn: Turn, answer: bytes) -> str:
    """A change as the payload that the source's format reads; the answer stays the bytes that came."""
    before = {"compared": turn.before, "outcome": turn.before_outcome}
    rest: Mapping[str, object] = {
        **({"before": {name: value for name, value in before.items() if value}} if turn.before else {}),
        "change": turn.number,
        "since": datetime.fromtimestamp(turn.since, UTC).isoformat().replace("+00:00", "Z"),
        "url": str(parse_url(str(source.options["url"]))),
    }
    return '{"answer":' + answer.decode() + "," + orjson.dumps(rest).decode()[1:]


def _every(source: Source) -> float:
    return float(str(source.options.get("every", 60)))


def _watched(source: Source) -> str:
    """What stands for what is asked of a source: how often, and how often in a row, is not part of it."""
    given = source.options.items()
    options = {name: value for name, value in given if name not in HOW and value not in (None, [], {})}
    written = orjson.dumps([source.format, options], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(written).hexdigest()[:16]
