"""Bodies of monitors and of how their keys stand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.shapes.base import Answer, Description, Name, PageAnswer, StrictGiven, timestamp
from gateway.domain.ids import SourceId
from gateway.domain.monitor import FAILED, MAX_KEYS, MEASURING, SUCCEEDED, Monitor, MonitorKind, Standing
from gateway.domain.schedule import Schedule
from gateway.domain.severity import Severity
from gateway.service.monitors import Watched

YEAR = 366 * 86_400.0
Rule = Annotated[str, Field(max_length=4096)]
SeverityWord = Literal["info", "notice", "warning", "error", "critical"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Seconds = Annotated[float, Field(ge=0, le=YEAR, allow_inf_nan=False)]

RULE = "Which events it looks at, in the expression dialect; empty: all."
GRACE = "How long after its deadline a silence is late and not yet missed, in seconds."
REMIND = "While a breach lasts, an event every so many seconds; 0 for none."
RETIRE = "Periods after which a missed key is not expected any more; 0: it always is."
FROM_START = "Expect a first event too; else the first one begins it. Not with a key."
THRESHOLD = "`drop`, `rise`: a change beyond it is a breach; `limit`: a number over it."
UNLESS = "Events that tell of a change by themselves: their number is remembered, and nothing is said."
SETTLES = "`drop`, `rise`: a change that stays is the new normal; else a breach lasts until it is undone."
VALUE = "The number to look at: a path such as `data.score`, or a JSON pointer such as `/fields/Size`."


class ScheduleGiven(StrictGiven):
    """When a silence is too long: one of `every_seconds` and `by`."""

    every_seconds: float = Field(
        0.0, ge=0, le=YEAR, allow_inf_nan=False, description="At most so long after the last event."
    )
    by: str = Field("", max_length=5, description="By this time of day: `06:00`.")
    zone: str = Field("UTC", max_length=64, description="The IANA zone of that time: `Europe/Berlin`.")
    days: list[Weekday] = Field([], max_length=7, description="The weekdays of that time; empty: all.")


class MonitorCreate(StrictGiven):
    """Create a monitor."""

    name: Name
    description: Description = ""
    kind: MonitorKind = Field(MonitorKind.SILENCE, strict=False, description="What is watched.")
    rule: Rule = Field("", description=RULE)
    source_id: str | None = Field(None, description="Only events of this source; without it those of all.")
    key: str = Field(
        "", max_length=300, description="Split by this: a name such as `resource`, or a path below `data`."
    )
    max_keys: int = Field(1_000, ge=1, le=MAX_KEYS, description="Keys at most; events of others are ignored.")
    severity: SeverityWord = Field("error", description="The severity of a breach.")
    schedule: ScheduleGiven | None = Field(None, description="Of a `silence`.")
    grace_seconds: Seconds = Field(0.0, description=GRACE)
    remind_every_seconds: Seconds = Field(0.0, description=REMIND)
    retire_after: int = Field(0, ge=0, le=100, description=RETIRE)
    from_start: bool = Field(False, description=FROM_START)
    failure: Rule = Field(FAILED, description="`failures`: what counts as one.")
    success: Rule = Field(SUCCEEDED, description="`failures`: what ends a run of them.")
    count: int = Field(1, ge=1, le=1_000, description="`failures`: so many in a row are a breach.")
    value: str = Field("", max_length=300, description=VALUE)
    threshold: float = Field(0.0, allow_inf_nan=False, description=THRESHOLD)
    percent: bool = Field(False, description="The threshold is in percent of the number before.")
    unless: Rule = Field("", description=UNLESS)
    settles: bool = Field(False, description=SETTLES)
    paused: bool = False


class MonitorUpdate(StrictGiven):
    """Change a monitor; its kind, key and value stay."""

    name: Name | None = None
    description: Description | None = None
    rule: Rule | None = None
    source_id: str | None = Field(None, description="'' for events of all sources.")
    max_keys: int | None = Field(None, ge=1, le=MAX_KEYS)
    severity: SeverityWord | None = None
    schedule: ScheduleGiven | None = None
    grace_seconds: Seconds | None = None
    remind_every_seconds: Seconds | None = None
    retire_after: int | None = Field(None, ge=0, le=100)
    from_start: bool | None = None
    failure: Rule | None = None
    success: Rule | None = None
    count: int | None = Field(None, ge=1, le=1_000)
    threshold: float | None = Field(None, allow_inf_nan=False)
    percent: bool | None = None
    unless: Rule | None = None
    settles: bool | None = None
    paused: bool | None = None


class KeyQuery(BaseModel):
    """Which keys of a monitor to list."""

    model_config = ConfigDict(extra="forbid")

    after: str = Field("", max_length=300, description="Keys after this one.")
    limit: int = Field(100, ge=1, le=500, description="Keys in a page.")


class ScheduleAnswer(Answer):
    """When a silence is too long."""

    every_seconds: float | None = None
    by: str | None = None
    zone: str | None = None
    days: list[str] | None = None


class MonitorAnswer(Answer):
    """A monitor and how it stands."""

    id: str
    name: str
    description: str
    kind: str
    state: str = Field(
        description="As the worst of its keys: missed, breached, late, ok, waiting, retired; or paused."
    )
    keys: dict[str, int] = Field(description="How many keys stand how.")
    rule: str
    source_id: str | None = None
    key: str | None = None
    max_keys: int | None = None
    severity: str
    schedule: ScheduleAnswer | None = None
    grace_seconds: float | None = None
    remind_every_seconds: float
    retire_after: int | None = None
    from_start: bool | None = None
    failure: str | None = None
    success: str | None = None
    count: int | None = None
    value: str | None = None
    threshold: float | None = None
    percent: bool | None = None
    unless: str | None = None
    settles: bool | None = None
    paused: bool
    created_at: str
    updated_at: str


class MonitorPage(PageAnswer):
    """A page of monitors."""

    monitors: list[MonitorAnswer]


class StandingAnswer(Answer):
    """How one key stands; `key` is '' where the monitor is not split."""

    key: str
    state: str
    since: str
    last_seen: str | None = None
    last_event_id: str | None = None
    due: str | None = Field(None, description="The deadline that is open, before grace and outages.")
    looks_at: str | None = Field(None, description="When time alone changes something.")
    failures: int | None = None
    value: float | None = None
    before: float | None = Field(None, description="The number before the breach.")


class StandingPage(Answer):
    """Keys of a monitor; `after` continues after the last one, missing at the end."""

    keys: list[StandingAnswer]
    after: str | None = None


def monitor_fields(given: MonitorCreate | MonitorUpdate) -> dict[str, object]:
    """What was given, as fields of a Monitor."""
    fields = given.changes(grace_seconds="grace", remind_every_seconds="remind_every")
    if given.schedule is not None:
        fields["schedule"] = schedule_of(given.schedule)
    if given.severity is not None and "severity" in fields:
        fields["severity"] = Severity[given.severity.upper()]
    if given.source_id is not None:
        fields["source_id"] = SourceId(given.source_id) if given.source_id else None
    return fields


def schedule_of(given: ScheduleGiven) -> Schedule:
    """A schedule as it was given."""
    return Schedule(given.every_seconds, given.by, given.zone, tuple(given.days))


def monitor_answer(watched: Watched) -> MonitorAnswer:
    """A monitor for reading: only what its kind goes by."""
    monitor = watched.monitor
    silence, failures = monitor.kind is MonitorKind.SILENCE, monitor.kind is MonitorKind.FAILURES
    measuring = monitor.kind in MEASURING
    return MonitorAnswer(
        id=monitor.id,
        name=monitor.name,
        description=monitor.description,
        kind=monitor.kind.value,
        state=watched.state.value,
        keys=dict(watched.keys),
        rule=monitor.rule,
        source_id=monitor.source_id,
        key=monitor.key or None,
        max_keys=monitor.max_keys if monitor.key else None,
        severity=monitor.severity.word,
        schedule=_schedule_answer(monitor.schedule) if silence else None,
        grace_seconds=monitor.grace if silence else None,
        remind_every_seconds=monitor.remind_every,
        retire_after=monitor.retire_after if silence else None,
        from_start=monitor.from_start if silence else None,
        failure=monitor.failure if failures else None,
        success=monitor.success if failures else None,
        count=monitor.count if failures else None,
        value=monitor.value if measuring else None,
        threshold=monitor.threshold if measuring else None,
        percent=monitor.percent if measuring else None,
        unless=monitor.unless if measuring else None,
        settles=monitor.settles if measuring else None,
        paused=monitor.paused,
        created_at=timestamp(monitor.created_at),
        updated_at=timestamp(monitor.updated_at),
    )


def standing_answer(monitor: Monitor, standing: Standing) -> StandingAnswer:
    """How a key stands, for reading."""
    return StandingAnswer(
        key=standing.key,
        state="paused" if monitor.paused else standing.state.value,
        since=timestamp(standing.since),
        last_seen=_time(standing.last_seen),
        last_event_id=standing.last_event or None,
        due=_time(standing.due),
        looks_at=_time(standing.wake_at),
        failures=standing.run if monitor.kind is MonitorKind.FAILURES else None,
        value=standing.value,
        before=standing.before,
    )


def _schedule_answer(schedule: Schedule) -> ScheduleAnswer:
    if schedule.every:
        return ScheduleAnswer(every_seconds=schedule.every)
    return ScheduleAnswer(by=schedule.by, zone=schedule.zone, days=list(schedule.days))


def _time(moment: float | None) -> str | None:
    return None if moment is None else timestamp(moment)
