"""Monitors: what is expected of events, one after the other; and what a monitor remembers of each key.

How a memory goes on by an event or by time lives in `gateway.domain.standing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gateway.domain.ids import EventId, InstanceId, MonitorId, SourceId
from gateway.domain.schedule import Schedule
from gateway.domain.severity import Severity

FAILED = "outcome in (failed, corrupt, missed)"
SUCCEEDED = "outcome in (ok, partial)"
MAX_KEYS = 10_000
"""Keys that a monitor can be split into."""


class MonitorKind(StrEnum):
    """What is watched: that events come at all; failures one after the other; the numbers that they tell."""

    SILENCE = "silence"
    FAILURES = "failures"
    DROP = "drop"
    RISE = "rise"
    LIMIT = "limit"


MEASURING = frozenset({MonitorKind.DROP, MonitorKind.RISE, MonitorKind.LIMIT})
"""The kinds that read a number from each event."""


class MonitorState(StrEnum):
    """How a key stands. `waiting` was never seen; `late` is past its deadline and within the grace;
    `missed` is a silence, `breached` any other condition that does not hold; `retired` is not expected any
    more; `paused` is a whole monitor."""

    WAITING = "waiting"
    OK = "ok"
    LATE = "late"
    MISSED = "missed"
    BREACHED = "breached"
    RETIRED = "retired"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Monitor:
    """An expectation of the events that `rule` (expression dialect) matches, of one source or of all.

    Split by `key`, an operand of that dialect, it stands for each value of it by itself, as they appear, at
    most `max_keys`. `severity` is that of a breach; `remind_every` (seconds) is 0 for no reminders.

    `silence` goes by `schedule` and `grace` (seconds); `retire_after` is how many periods a missed key is
    kept up, 0 for ever; `from_start` expects a first event too. `failures` counts what matches `failure`
    until something matches `success`, up to `count`. The measuring kinds read the number at `value`, an
    operand, and compare its change, or itself, with `threshold`; `percent` takes a change as a part of the
    number before. An event that `unless` matches tells of it by itself: its number is remembered, and it
    breaches nothing. With `settles` a change that stays is the new normal: the next number that is no breach
    by itself ends the one before.

    `since` is when the expectation began (epoch seconds): when the monitor was made, resumed, or given
    another schedule.
    """

    id: MonitorId
    instance_id: InstanceId
    name: str
    created_at: float
    updated_at: float
    description: str = ""
    kind: MonitorKind = MonitorKind.SILENCE
    rule: str = ""
    source_id: SourceId | None = None
    key: str = ""
    max_keys: int = 1_000
    severity: Severity = Severity.ERROR
    schedule: Schedule = Schedule()  # noqa: RUF009  it is frozen
    grace: float = 0.0
    remind_every: float = 0.0
    retire_after: int = 0
    from_start: bool = False
    failure: str = FAILED
    success: str = SUCCEEDED
    count: int = 1
    value: str = ""
    threshold: float = 0.0
    percent: bool = False
    unless: str = ""
    settles: bool = False
    paused: bool = False
    since: float = 0.0


class Observation(NamedTuple):
    """What a monitor saw in one event: whose it is, whether it failed, the number that it tells.

    Where a number is measured, `failed` is whether the event tells of its breach by itself (`unless`).
    """

    monitor_id: MonitorId
    key: str = ""
    failed: bool = False
    value: float | None = None


class Seen(NamedTuple):
    """An observation of an accepted event. `number` is its place in the store, `at` when it was received."""

    number: int
    observation: Observation
    event_id: EventId
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What a monitor remembers of one key ('' where it is not split). Times in epoch seconds.

    `revision` is how often it was written. `since` is when its state began. `due` is the deadline that is
    open, counted from `anchor` on; `wake_at` is when time alone changes something. `breach` names the breach
    that lasts: by what, and so its events have the same ids whoever makes them; `reminded` counts its
    reminders. `run` is how many failures came one after the other, `value` the last number, `before` the one
    before the breach. `armed` is the `since` of the monitor that `due` was computed for.
    """

    monitor_id: MonitorId
    key: str = ""
    revision: int = 0
    state: MonitorState = MonitorState.WAITING
    since: float = 0.0
    last_seen: float | None = None
    last_event: str = ""
    due: float | None = None
    anchor: float = 0.0
    wake_at: float | None = None
    breach: str = ""
    reminded: int = 0
    run: int = 0
    value: float | None = None
    before: float | None = None
    armed: float | None = None


class Happening(StrEnum):
    """What a monitor says: the last part of the type of its event."""

    MISSED = "missed"
    FAILING = "failing"
    DROPPED = "dropped"
    ROSE = "rose"
    EXCEEDED = "exceeded"
    REMINDER = "reminder"
    RECOVERED = "recovered"


class Turn(NamedTuple):
    """Something to be told of a key: what, when, of which breach; `standing` as it is from then on."""

    happening: Happening
    at: float
    breach: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Notice:
    """What a monitor has to say, as an event (structured JSON) that is still to be accepted.

    `id` is that of the event, computed from what it says.
    """

    id: str
    instance_id: InstanceId
    body: bytes
