"""Monitors: what is expected, and how it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.domain.errors import Conflict, Invalid, NotFound, Problem
from gateway.domain.ids import MonitorId, new_id
from gateway.domain.monitor import MEASURING, Monitor, MonitorKind, MonitorState, Standing
from gateway.domain.schedule import DAYS, Schedule
from gateway.domain.source import Instance
from gateway.pipeline.route import rule_problems
from gateway.pipeline.snapshot import Snapshot
from gateway.pipeline.watch import operand
from gateway.ports import Monitors as Memory
from gateway.ports import Put, Remove
from gateway.rules.moments import zone_of
from gateway.service.configuration import Configurator, Decision
from gateway.service.sources import find_source

MAX_MONITORS = 1_000
"""Monitors of one instance."""
EXPECTED_ANEW = frozenset({"schedule", "grace", "rule", "source_id", "from_start", "paused"})
"""What, when it changes, begins the expectation anew."""
WORST_FIRST = (
    MonitorState.MISSED,
    MonitorState.BREACHED,
    MonitorState.LATE,
    MonitorState.OK,
    MonitorState.WAITING,
    MonitorState.RETIRED,
)

_is_time = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]").fullmatch


@dataclass(frozen=True, slots=True)
class Watched:
    """A monitor and how many of its keys stand how."""

    monitor: Monitor
    keys: Mapping[str, int]

    @property
    def state(self) -> MonitorState:
        """Paused, or as the worst of its keys."""
        if self.monitor.paused:
            return MonitorState.PAUSED
        return next((state for state in WORST_FIRST if self.keys.get(state)), MonitorState.WAITING)


class Monitors:
    """Use cases over monitors."""

    def __init__(self, configurator: Configurator, memory: Memory) -> None:
        self._configurator, self._memory = configurator, memory

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Monitor:
        """A new monitor. Raises Invalid for what cannot be watched, NotFound for a source that is not there,
        Conflict for a name that is taken."""
        return await self._put(instance, None, fields)

    async def update(self, instance: Instance, monitor_id: str, fields: Mapping[str, object]) -> Monitor:
        """Change a monitor; another schedule or rule begins anew. Its kind, key and value stay what they are:
        what it remembers would mean something else."""
        return await self._put(instance, monitor_id, fields)

    def proposed(
        self, snapshot: Snapshot, instance: Instance, monitor_id: str | None, fields: Mapping[str, object]
    ) -> Monitor:
        """The monitor as it would be, a new one without an id; nothing is saved. Raises as `update` does."""
        now = self._configurator.clock.now()
        if monitor_id is None:
            _refuse_too_many(snapshot, instance)
            known = Monitor(MonitorId(new_id()), instance.id, "", now, now, since=now)
        else:
            known = find_monitor(snapshot, instance, monitor_id)
        changed = replace(known, **fields, updated_at=now)  # type: ignore[arg-type]
        if any(getattr(known, name) != getattr(changed, name) for name in EXPECTED_ANEW):
            changed = replace(changed, since=now)
        _check(snapshot, instance, changed)
        return changed

    async def _put(self, instance: Instance, monitor_id: str | None, fields: Mapping[str, object]) -> Monitor:
        def decide(snapshot: Snapshot) -> Decision[Monitor]:
            monitor = self.proposed(snapshot, instance, monitor_id, fields)
            return Decision(monitor, [Put(monitor, unique_texts(monitor))])

        return await self._configurator.change(decide)

    async def delete(self, instance: Instance, monitor_id: str) -> None:
        """Remove a monitor and what it remembers."""

        def decide(snapshot: Snapshot) -> Decision[MonitorId]:
            monitor = find_monitor(snapshot, instance, monitor_id)
            return Decision(monitor.id, [Remove(monitor)])

        await self.forget([await self._configurator.change(decide)])

    async def forget(self, monitor_ids: Iterable[MonitorId]) -> None:
        """Forget what monitors remember that are gone. Raises Unavailable."""
        for monitor_id in monitor_ids:
            await self._memory.forget(monitor_id)

    async def watched(self, monitors: Sequence[Monitor]) -> Sequence[Watched]:
        """How these stand. Raises Unavailable."""
        tally = await self._memory.tally([one.id for one in monitors])
        return [Watched(one, tally.get(one.id, {})) for one in monitors]

    async def standings(self, monitor: Monitor, after: str, limit: int) -> Sequence[Standing]:
        """How the keys of a monitor stand, by key, those after one. Raises Unavailable."""
        return await self._memory.standings_of(monitor.id, after=after or None, limit=limit)


def find_monitor(snapshot: Snapshot, instance: Instance, monitor_id: str) -> Monitor:
    """A monitor of this instance. Raises NotFound."""
    monitor = snapshot.monitors.get(MonitorId(monitor_id))
    if monitor is None or monitor.instance_id != instance.id:
        raise NotFound("monitor_not_found", f"there is no monitor {monitor_id!r}")
    return monitor


def unique_texts(monitor: Monitor) -> tuple[str, ...]:
    """What no other monitor of the instance may hold."""
    return (f"name:{monitor.name}",)


def _refuse_too_many(snapshot: Snapshot, instance: Instance) -> None:
    if sum(one.instance_id == instance.id for one in snapshot.monitors.values()) >= MAX_MONITORS:
        raise Conflict(
            "too_many_monitors",
            f"there are {MAX_MONITORS} monitors already",
            expected="one monitor split by a key, in place of many",
        )


def _check(snapshot: Snapshot, instance: Instance, monitor: Monitor) -> None:
    if monitor.source_id is not None:
        find_source(snapshot, instance, monitor.source_id)
    problems = [
        *_rule_problems(monitor),
        *_operand_problems("/key", monitor.key),
        *_operand_problems("/value", monitor.value),
    ]
    if monitor.kind is MonitorKind.SILENCE:
        problems += _schedule_problems(monitor.schedule)
    if monitor.kind in MEASURING and not monitor.value:
        problems.append(
            Problem("value_missing", f"a {monitor.kind} needs a value", "/value", "a path such as data.score")
        )
    if monitor.from_start and monitor.key:
        problems.append(
            Problem(
                "from_start_split",
                "a key is not known before its first event",
                "/from_start",
                "false, or a monitor without a key",
            )
        )
    if problems:
        raise Invalid.of(problems)


def _rule_problems(monitor: Monitor) -> list[Problem]:
    return [
        replace(problem, pointer=pointer)
        for pointer, text in (
            ("/rule", monitor.rule),
            ("/failure", monitor.failure),
            ("/success", monitor.success),
            ("/unless", monitor.unless),
        )
        for problem in rule_problems({"/rule": text})
    ]


def _operand_problems(pointer: str, text: str) -> list[Problem]:
    try:
        operand(text)
    except Invalid as error:
        return [replace(one, pointer=pointer) for one in error.problems]
    return []


def _schedule_problems(schedule: Schedule) -> list[Problem]:
    problems = []
    if bool(schedule.every) == bool(schedule.by):
        problems.append(
            Problem(
                "schedule_invalid",
                "a silence needs one of two: how often, or by what time of day",
                "/schedule",
                "every_seconds, or by",
            )
        )
    if schedule.by and not _is_time(schedule.by):
        problems.append(Problem("schedule_invalid", "this is no time of day", "/schedule/by", "as in 06:00"))
    if not set(schedule.days) <= set(DAYS):
        problems.append(
            Problem("schedule_invalid", "this is no weekday", "/schedule/days", "some of " + ", ".join(DAYS))
        )
    try:
        zone_of(schedule.zone)
    except Invalid as error:
        problems += [replace(one, pointer="/schedule/zone") for one in error.problems]
    return problems
