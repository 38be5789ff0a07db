"""Watching: taking what monitors saw into their memories, looking at the time, telling of what came of it.

Every node does this on its own; nobody is elected. What one step changes is written in one transaction, on
the condition that nobody else wrote it since, together with what there is to say. That is then accepted as
an event whose id follows from what it says: a crash between the two makes it twice, and it counts once.

A round goes by a mark of when some node took events last: where that is too long ago, nobody could have
heard anything, and the clocks of all monitors stood still (decision 0012).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import structlog

from gateway.domain.clock import Clock
from gateway.domain.errors import Malformed, Refused
from gateway.domain.ids import MonitorId
from gateway.domain.monitor import Monitor, Notice, Seen, Standing, Turn
from gateway.domain.schedule import Outage
from gateway.domain.standing import Step, advance, armed, observe
from gateway.pipeline.flow import Ingest
from gateway.pipeline.snapshot import Current, Snapshot
from gateway.ports import Monitors, Place, Registry
from gateway.service.announcing import notice
from gateway.spi.cloudevents.structured import decode
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""Seconds between two looks at the time."""
MARK_SECONDS = 2.0
"""Seconds between two notes that this node takes events."""
GAP_SECONDS = 5.0
"""An outage is longer than this; so much may pass between two notes of a node that is well."""
OUTAGE_DAYS = 800.0
"""Days that outages are kept: more than the longest period and its grace together."""
ROWS = 500
"""Observations that one step takes, and memories that one page holds."""
AWAKE = 100
"""Memories that one step moves on by the time."""
TOLD_AT_ONCE = 100
"""Notices that become events together."""
STEPS = 40
"""Steps of one round at most, so that the time is looked at under any load."""
DAY = 86_400.0


class Watching:
    """One node's part in it."""

    def __init__(
        self,
        current: Current,
        registry: Registry,
        monitors: Monitors,
        ingest: Ingest,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._current, self._registry, self._monitors = current, registry, monitors
        self._ingest, self._clock, self._metrics = ingest, clock, metrics
        self._outages: Sequence[Outage] = ()
        self._newest = -1
        self._marked = -MARK_SECONDS
        self._marked_at = 0.0
        self._pruned_at = 0.0
        self._armed: dict[MonitorId, float] = {}
        self._untold = True
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A monitor saw something."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Watch until `stopping` is set."""
        while not stopping.is_set():
            self._woken.clear()
            try:
                if await self.round():
                    continue
            except Refused as error:
                log.warning("monitors.failed", code=error.code, detail=error.detail)
                await asyncio.sleep(LOOK_SECONDS)
            except Exception:
                log.error("monitors.broke", exc_info=True)
                await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()

    async def round(self) -> bool:
        """What there is to do by now, or much of it: True when more waits. Raises what the store raises."""
        snapshot, more = self._current.snapshot, False
        if snapshot.monitors:
            await self._mark()
            await self._arm(snapshot)
            more = await self._take_in(snapshot)
            more = await self._look(snapshot) or more
            self._untold = True
        if self._untold:
            self._untold = await self._tell()
        return more or self._untold

    async def _mark(self) -> None:
        """Note that events are taken here, and learn of outages."""
        now, fresh = self._clock.now(), self._clock.monotonic() - self._marked < MARK_SECONDS
        if fresh and not self._jumped(now):
            return
        newest = await self._monitors.alive(now, gap=GAP_SECONDS)
        self._marked, self._marked_at = self._clock.monotonic(), now
        if newest != self._newest:
            self._outages = await self._monitors.outages(now - OUTAGE_DAYS * DAY)
            if self._newest >= 0 or self._outages:
                log.info("monitors.clocks_stood_still", outages=len(self._outages))
            self._newest = newest
        if abs(now - self._pruned_at) > DAY:
            await self._monitors.forget_outages(now - OUTAGE_DAYS * DAY)
            self._pruned_at = now

    def _jumped(self, now: float) -> bool:
        """Whether this process stood still since it noted that it takes events, or its clock was set."""
        return abs(now - self._marked_at) > GAP_SECONDS

    async def _arm(self, snapshot: Snapshot) -> None:
        """Give memories the schedules of monitors that were changed."""
        monitors = snapshot.monitors
        self._armed = {one: since for one, since in self._armed.items() if one in monitors}
        for monitor in monitors.values():
            if self._armed.get(monitor.id) != monitor.since and await self._arm_one(monitor):
                self._armed[monitor.id] = monitor.since

    async def _arm_one(self, monitor: Monitor) -> bool:
        now, after = self._clock.now(), None
        while True:
            found = await self._monitors.standings_of(monitor.id, after=after, limit=ROWS)
            known = list(found) or (
                [] if monitor.key or after else [Standing(monitor.id, since=monitor.since)]
            )
            changed = [(one, armed(monitor, one, now, self._outages)) for one in known]
            if not await self._monitors.save([new for old, new in changed if new is not old]):
                return False
            if len(found) < ROWS:
                return True
            after = found[-1].key

    async def _take_in(self, snapshot: Snapshot) -> bool:
        """Take observations into memories; True when more wait."""
        for _ in range(STEPS):
            seen = await self._monitors.observations(ROWS)
            wanted = {one.observation.monitor_id for one in seen}
            if not seen or not await self._knows(snapshot, wanted):
                return False
            await self._take(snapshot, seen)
            if len(seen) < ROWS:
                return False
        return True

    async def _knows(self, snapshot: Snapshot, monitor_ids: set[MonitorId]) -> bool:
        """Whether monitors that this node does not know are gone; else it has not heard of them yet."""
        if monitor_ids <= snapshot.monitors.keys():
            return True
        return await self._registry.version() == snapshot.version

    async def _take(self, snapshot: Snapshot, seen: Sequence[Seen]) -> None:
        monitors = snapshot.monitors
        places: dict[Place, list[Seen]] = defaultdict(list)
        for one in seen:
            if one.observation.monitor_id in monitors:
                places[one.observation.monitor_id, one.observation.key].append(one)
        found = {(one.monitor_id, one.key): one for one in await self._monitors.standings(list(places))}
        for place in await self._new(monitors, [place for place in places if place not in found]):
            found[place] = Standing(*place, since=places[place][0].at, armed=monitors[place[0]].since)
        steps = [
            self._through(monitors[place[0]], found[place], several)
            for place, several in places.items()
            if place in found
        ]
        await self._save(steps, taken=[one.number for one in seen])

    async def _new(self, monitors: Mapping[MonitorId, Monitor], unknown: Sequence[Place]) -> list[Place]:
        """Of keys that appear now, those that their monitors have room for."""
        if not unknown:
            return []
        tally = await self._monitors.tally(list({monitor_id for monitor_id, _ in unknown}))
        keys = {one: sum(numbers.values()) for one, numbers in tally.items()}
        taken = []
        for monitor_id, key in unknown:
            monitor = monitors[monitor_id]
            if keys.get(monitor_id, 0) >= monitor.max_keys:
                self._metrics.monitor_keys_refused.inc()
                log.warning("monitor.too_many_keys", monitor=monitor_id, keys=monitor.max_keys)
            else:
                keys[monitor_id] = keys.get(monitor_id, 0) + 1
                taken.append((monitor_id, key))
        return taken

    def _through(self, monitor: Monitor, standing: Standing, several: Sequence[Seen]) -> tuple[Monitor, Step]:
        """A memory through what was seen, one after the other."""
        standing = armed(monitor, standing, several[0].at, self._outages)
        turns: list[Turn] = []
        for one in sorted(several, key=lambda one: (one.at, one.number)):
            standing, more = observe(monitor, standing, one, self._outages)
            turns += more
        return monitor, Step(standing, tuple(turns))

    async def _look(self, snapshot: Snapshot) -> bool:
        """What the time has done, as far as this node was there; True when more waits."""
        for _ in range(STEPS):
            now = self._clock.now()
            if self._jumped(now):
                return True  # first find out for how long nobody took events
            awake = await self._monitors.awake(now, AWAKE)
            gone = {one.monitor_id for one in awake} - snapshot.monitors.keys()
            if gone and not await self._knows(snapshot, gone):
                return False
            for monitor_id in gone:
                await self._monitors.forget(monitor_id)
            await self._move(snapshot, [one for one in awake if one.monitor_id not in gone], now)
            if len(awake) < AWAKE:
                return False
        return True

    async def _move(self, snapshot: Snapshot, awake: Sequence[Standing], now: float) -> None:
        steps = []
        for known in awake:
            monitor = snapshot.monitors[known.monitor_id]
            standing = armed(monitor, known, now, self._outages)
            steps.append((monitor, advance(monitor, standing, now, self._outages)))
        if not await self._save(steps, quiet=True):
            for one in steps:  # one of them was overtaken
                await self._save([one], quiet=True)

    async def _save(
        self, steps: Sequence[tuple[Monitor, Step]], *, taken: Sequence[int] = (), quiet: bool = False
    ) -> bool:
        if not steps and not taken:
            return True
        notices = [notice(monitor, turn) for monitor, step in steps for turn in step.turns]
        standings = [step.standing for _, step in steps]
        saved = await self._monitors.save(standings, taken=taken, notices=notices, quiet=quiet)
        if saved:
            self._note(steps)
        return saved

    def _note(self, steps: Sequence[tuple[Monitor, Step]]) -> None:
        for monitor, step in steps:
            for turn in step.turns:
                self._metrics.monitor_events.labels(turn.happening.value).inc()
                log.info(
                    "monitor.turned",
                    monitor=monitor.id,
                    key=turn.standing.key,
                    happening=turn.happening.value,
                )

    async def _tell(self) -> bool:
        """Have what there is to say accepted as events, many in one commit; True when there may be more."""
        waiting = await self._monitors.notices(TOLD_AT_ONCE)
        if not waiting:
            return False
        done = await asyncio.gather(*(self._accept(one) for one in waiting), return_exceptions=True)
        said = [one.id for one, failure in zip(waiting, done, strict=True) if failure is None]
        if said:
            await self._monitors.said(said)
        for failure in done:
            if failure is not None:
                raise failure
        return len(waiting) == TOLD_AT_ONCE

    async def _accept(self, one: Notice) -> None:
        try:
            event = decode(one.body)
        except Malformed as error:  # ours, and wrong: trying again would not mend it
            log.error("monitor.unspeakable", notice=one.id, code=error.code)
            return
        if not await self._ingest.take_own(one.instance_id, event):
            log.warning("monitor.instance_gone", instance=one.instance_id)
