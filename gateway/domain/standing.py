"""How a monitor's key goes on: by an event that was seen, by time alone, by another schedule.

Pure: the same memory, event and time give the same answer on every node, ids of breaches included.
Each step returns the memory from then on, and what there is to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from gateway.domain.monitor import (
    MEASURING,
    Happening,
    Monitor,
    MonitorKind,
    MonitorState,
    Seen,
    Standing,
    Turn,
)
from gateway.domain.schedule import Outage, following, later, preceding, shown_at

TROUBLED = frozenset({MonitorState.MISSED, MonitorState.BREACHED})
_CROSSED = {
    MonitorKind.DROP: Happening.DROPPED,
    MonitorKind.RISE: Happening.ROSE,
    MonitorKind.LIMIT: Happening.EXCEEDED,
}


class Step(NamedTuple):
    """A memory, and what came to be told on the way to it."""

    standing: Standing
    turns: tuple[Turn, ...] = ()


def armed(monitor: Monitor, standing: Standing, now: float, outages: Sequence[Outage]) -> Standing:
    """The memory under a monitor that was made, paused, resumed, or given another schedule."""
    if standing.armed == monitor.since:
        return standing
    standing = replace(standing, armed=monitor.since, since=standing.since or monitor.since)
    if monitor.paused or standing.state is MonitorState.RETIRED:
        return replace(standing, wake_at=None)
    if standing.state in TROUBLED:
        return replace(standing, wake_at=now)
    if monitor.kind is not MonitorKind.SILENCE:
        return standing
    known = standing.last_seen is not None
    if not known and not monitor.from_start:
        return replace(standing, due=None, wake_at=None)
    seen_since = max(standing.last_seen or 0.0, monitor.since)
    state = MonitorState.OK if known else MonitorState.WAITING
    due = following(monitor.schedule, seen_since)
    standing = replace(standing, state=state, due=due, anchor=seen_since, wake_at=due)
    return _timed(monitor, standing, outages)


def advance(monitor: Monitor, standing: Standing, now: float, outages: Sequence[Outage]) -> Step:
    """What time alone has done by now."""
    if monitor.paused:
        return Step(replace(standing, wake_at=None))
    turns: tuple[Turn, ...] = ()
    if standing.due is not None and standing.state not in TROUBLED | {MonitorState.RETIRED}:
        standing, turns = _overdue(monitor, standing, now, outages)
    if standing.state in TROUBLED:
        standing, more = _lasting(monitor, standing, now, outages)
        turns += more
    return Step(_timed(monitor, standing, outages), turns)


def observe(monitor: Monitor, standing: Standing, seen: Seen, outages: Sequence[Outage]) -> Step:
    """What an event does. What was due before it came is told first."""
    standing, turns = advance(monitor, standing, seen.at, outages)
    if monitor.kind is MonitorKind.SILENCE:
        step = _heard(monitor, standing, seen)
    elif monitor.kind in MEASURING:
        step = _measured(monitor, standing, seen)
    else:
        step = _counted(monitor, standing, seen)
    standing = replace(
        step.standing,
        last_seen=max(seen.at, standing.last_seen or 0.0),
        last_event=seen.event_id,
        armed=monitor.since,
    )
    told = tuple(turn._replace(standing=standing) for turn in step.turns)
    return Step(_timed(monitor, standing, outages), turns + told)


def _timed(monitor: Monitor, standing: Standing, outages: Sequence[Outage]) -> Standing:
    """With the time at which to look again."""
    state, due = standing.state, standing.due
    if state in TROUBLED:
        moments = [_reminder(monitor, standing), _retiring(monitor, standing, outages)]
        return replace(standing, wake_at=min((one for one in moments if one is not None), default=None))
    if due is None or state is MonitorState.RETIRED:
        return replace(standing, wake_at=None)
    deadline = due + monitor.grace if state is MonitorState.LATE else due
    return replace(standing, wake_at=shown_at(deadline, since=standing.anchor, outages=outages))


def _overdue(monitor: Monitor, standing: Standing, now: float, outages: Sequence[Outage]) -> Step:
    """Past its deadline, and past the grace."""
    due = standing.due or 0.0
    late_at = shown_at(due, since=standing.anchor, outages=outages)
    missed_at = shown_at(due + monitor.grace, since=standing.anchor, outages=outages)
    if now >= missed_at:
        return _broken(standing, MonitorState.MISSED, Happening.MISSED, missed_at, f"{due:.3f}")
    if now >= late_at and standing.state is not MonitorState.LATE:
        standing = replace(standing, state=MonitorState.LATE, since=late_at)
    elif now < late_at and standing.state is MonitorState.LATE:  # an outage is known of only afterwards
        state = MonitorState.WAITING if standing.last_seen is None else MonitorState.OK
        standing = replace(standing, state=state, since=now)
    return Step(standing)


def _lasting(monitor: Monitor, standing: Standing, now: float, outages: Sequence[Outage]) -> Step:
    """A breach that lasts: reminders, of which only the newest is told, until the key is retired."""
    retiring = _retiring(monitor, standing, outages)
    if retiring is not None and now >= retiring:
        return Step(replace(standing, state=MonitorState.RETIRED, since=retiring))
    reminder = _reminder(monitor, standing)
    if reminder is None or now < reminder:
        return Step(standing)
    number = int((now - standing.since) // monitor.remind_every)
    at = standing.since + number * monitor.remind_every
    standing = replace(standing, reminded=number)
    return Step(standing, (Turn(Happening.REMINDER, at, f"{standing.breach}/{number}", standing),))


def _reminder(monitor: Monitor, standing: Standing) -> float | None:
    if not monitor.remind_every:
        return None
    return standing.since + (standing.reminded + 1) * monitor.remind_every


def _retiring(monitor: Monitor, standing: Standing, outages: Sequence[Outage]) -> float | None:
    if not monitor.retire_after or standing.due is None:
        return None
    last = later(monitor.schedule, standing.due, monitor.retire_after)
    return shown_at(last + monitor.grace, since=standing.anchor, outages=outages)


def _heard(monitor: Monitor, standing: Standing, seen: Seen) -> Step:
    due = _next_due(monitor, standing, seen.at)
    if monitor.schedule.every:
        anchor = max(seen.at, standing.last_seen or 0.0)
    else:
        anchor = preceding(monitor.schedule, due)
    on_time = replace(standing, due=due, anchor=anchor)
    if standing.state is MonitorState.OK:
        return Step(on_time)
    return _mended(on_time, seen)


def _next_due(monitor: Monitor, standing: Standing, at: float) -> float:
    """The deadline after the one that an event of this time answers.

    By a time of day, an event answers the deadline that is open: early if it came after the one before, else
    late. What comes earlier still is a second one of the same period.
    """
    schedule, open_ = monitor.schedule, standing.due
    if schedule.every:
        return following(schedule, max(at, standing.last_seen or 0.0))
    if open_ is None:
        return following(schedule, following(schedule, at - 0.001))
    if at > open_:
        return following(schedule, at)
    return following(schedule, open_) if at > preceding(schedule, open_) else open_


def _counted(monitor: Monitor, standing: Standing, seen: Seen) -> Step:
    run = standing.run + 1 if seen.observation.failed else 0
    standing = replace(standing, run=run)
    if run >= monitor.count and standing.state is not MonitorState.BREACHED:
        return _broken(standing, MonitorState.BREACHED, Happening.FAILING, seen.at, seen.event_id)
    if run == 0 or standing.state is MonitorState.WAITING:
        return _mended(standing, seen)
    return Step(standing)


def _measured(monitor: Monitor, standing: Standing, seen: Seen) -> Step:
    value, last = seen.observation.value, standing.value
    if value is None:
        return Step(standing)
    breached = standing.state is MonitorState.BREACHED
    before = standing.before if breached else last
    standing = replace(standing, value=value)
    limit = monitor.kind is MonitorKind.LIMIT
    if not (limit and breached) and _worse(monitor, value, last) and not seen.observation.failed:
        standing = replace(standing, before=before)
        return _broken(standing, MonitorState.BREACHED, _CROSSED[monitor.kind], seen.at, seen.event_id)
    if breached and _worse(monitor, value, last if monitor.settles and not limit else before):
        return Step(standing)
    return _mended(replace(standing, before=None), seen)


def _worse(monitor: Monitor, value: float, before: float | None) -> bool:
    """Whether the number is over the threshold, by itself or by how it changed."""
    if monitor.kind is MonitorKind.LIMIT:
        return value > monitor.threshold
    if before is None:
        return False
    change = before - value if monitor.kind is MonitorKind.DROP else value - before
    if monitor.percent:  # of nothing there is no part: it may be nothing because it could not be read
        return before != 0 and change > 0 and change * 100 > monitor.threshold * abs(before)
    return change > monitor.threshold


def _broken(standing: Standing, state: MonitorState, happening: Happening, at: float, breach: str) -> Step:
    broken = replace(standing, state=state, since=at, breach=breach, reminded=0)
    return Step(broken, (Turn(happening, at, breach, broken),))


def _mended(standing: Standing, seen: Seen) -> Step:
    """All is well, and that is told if there was a breach."""
    if standing.state is MonitorState.OK:
        return Step(standing)
    breach = standing.breach
    well = replace(standing, state=MonitorState.OK, since=seen.at, breach="", reminded=0)
    return Step(well, (Turn(Happening.RECOVERED, seen.at, breach, well),) if breach else ())
