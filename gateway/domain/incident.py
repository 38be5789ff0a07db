"""Incidents: the run from a first failure of a thing to its recovery, told as one story.

A failure opens an incident of its key, failures after it join, a recovery closes it. A thing that fails and
recovers again and again is flapping: its incident stays open, what is told last is that it fails, and its
recovery is told once, when it has been well for a while. What an event means to an incident is decided in the
transaction that accepts it, by `met`; what only time brings, by `calmed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from gateway.domain.ids import DeliveryId, EventId, IncidentId, InstanceId, SubscriptionId
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome, Vocabulary

FAILING = frozenset({Outcome.FAILED, Outcome.CORRUPT, Outcome.MISSED})
"""Outcomes that open an incident or join it. `partial` and `warning` do neither and close nothing: something
was backed up, and a recovery is told only where all went well."""

FLAPS = 4
FLAP_SECONDS = 1_800.0
"""So many openings and closings within this time are flapping."""
CALM_SECONDS = 600.0
"""How long what was flapping has to be well before its recovery is told."""
FLAPPING = "flapping:"
"""How the reason of a delivery begins that damping suppressed; the id of the incident follows."""


class IncidentState(StrEnum):
    """Where an incident stands. `acknowledged`: somebody cares; it is told no more by itself."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Part(StrEnum):
    """What an event is in the story of an incident."""

    OPENING = "opening"
    REPEAT = "repeat"
    RECOVERY = "recovery"
    REMINDER = "reminder"


class Sign(NamedTuple):
    """What an event says of the thing that `key` names: that it is `failing`, or that it is well. `about` is
    what is done with the thing: that its backup is well says nothing of its restore.

    `wake_after` is after how many seconds a policy of those that are told wants to look at it again, None for
    never.
    """

    key: str
    failing: bool
    severity: Severity
    title: str
    wake_after: float | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident; times in seconds since the epoch. Its id is that of the event that opened it.

    `revision` counts how often it was written. `title` is that of the first failure, `severity` the worst.
    `resolved_by` is the event that told of the recovery, or the person who resolved it. `turns` are the
    openings and closings of its key that still count towards flapping; `calm_since` is set while it is
    flapping and well. `step_at` is when to look whether its policies want something, None for never;
    `escalated` names the subscriptions whose escalation was decided. `by_hand` says that a person resolved
    it, `telling` that its end is still to be told to those who heard of it.
    """

    id: IncidentId
    instance_id: InstanceId
    key: str
    opened_at: float
    last_at: float
    title: str
    severity: Severity
    state: IncidentState = IncidentState.OPEN
    failures: int = 1
    revision: int = 1
    acknowledged_at: float | None = None
    acknowledged_by: str = ""
    resolved_at: float | None = None
    resolved_by: str = ""
    note: str = ""
    turns: tuple[float, ...] = ()
    calm_since: float | None = None
    step_at: float | None = None
    escalated: tuple[SubscriptionId, ...] = ()
    by_hand: bool = False
    telling: bool = False
    about: str = ""

    @property
    def flapping(self) -> bool:
        """Whether it is damped at this moment."""
        return self.state is not IncidentState.RESOLVED and len(self.turns) >= FLAPS

    @property
    def wake_at(self) -> float | None:
        """When time alone may change something, None for never."""
        if self.state is IncidentState.RESOLVED:
            return self.resolved_at if self.telling else None
        if self.calm_since is not None:
            return self.calm_since + CALM_SECONDS
        return self.step_at if self.state is IncidentState.OPEN else None

    @property
    def recovered_by(self) -> EventId | None:
        """The event that told of its recovery; None where time or a person ended it."""
        over = self.state is IncidentState.RESOLVED and not self.by_hand
        return EventId(self.resolved_by) if over and self.resolved_by else None

    @property
    def seconds(self) -> float:
        """How long it lasted, or lasts as far as is known."""
        end = self.last_at if self.resolved_at is None else self.resolved_at
        return max(end - self.opened_at, 0.0)


class Chapter(NamedTuple):
    """An incident as of one event, and what that is in it. One that is not `told` is suppressed."""

    incident: Incident
    part: Part
    told: bool = True


class Thread(NamedTuple):
    """The first message of an incident that reached somebody: `answer` is the id that the channel gave it, ''
    if none; `at` when it arrived (epoch seconds)."""

    incident_id: IncidentId
    subscription_id: SubscriptionId
    recipient: str
    delivery_id: DeliveryId
    answer: str = ""
    at: float = 0.0


def failing(words: Vocabulary) -> bool | None:
    """Whether something failed, by its outcome, else by its severity; None where it says neither."""
    if words.outcome is None:
        bad = words.severity is not None and words.severity >= Severity.ERROR
        return True if bad else None
    if words.outcome in FAILING:
        return True
    return False if words.outcome is Outcome.OK else None


def met(
    known: Incident | None, sign: Sign, *, instance_id: InstanceId, event_id: EventId, at: float
) -> Chapter | None:
    """What an event means to the newest incident of its key; None where it belongs to none."""
    if known is None or known.state is IncidentState.RESOLVED:
        return _opened(known, sign, instance_id, event_id, at) if sign.failing else None
    return _failed(known, sign, at) if sign.failing else _recovered(known, event_id, at)


def calmed(known: Incident, now: float) -> Incident | None:
    """The incident closed, if it was flapping and has been well for long enough by `now`."""
    since = known.calm_since
    if known.state is IncidentState.RESOLVED or since is None or now < since + CALM_SECONDS:
        return None
    return _written(known, state=IncidentState.RESOLVED, resolved_at=since, calm_since=None, telling=True)


def acknowledged(known: Incident, by: str, now: float, note: str = "") -> Incident | None:
    """The incident acknowledged; None for one that is not open."""
    if known.state is not IncidentState.OPEN:
        return None
    return _written(
        known,
        state=IncidentState.ACKNOWLEDGED,
        acknowledged_at=now,
        acknowledged_by=by,
        note=note or known.note,
    )


def resolved(known: Incident, by: str, now: float, note: str = "") -> Incident | None:
    """The incident closed by a person; None for one that is closed. The next failure opens another."""
    if known.state is IncidentState.RESOLVED:
        return None
    return _written(
        known,
        state=IncidentState.RESOLVED,
        resolved_at=now,
        resolved_by=by,
        note=note or known.note,
        calm_since=None,
        by_hand=True,
        telling=True,
    )


def ended(known: Incident) -> Incident:
    """The incident once its end was told."""
    return _written(known, telling=False)


def stepped(known: Incident, step_at: float | None, escalated: Iterable[SubscriptionId] = ()) -> Incident:
    """The incident after its policies were looked at, to be looked at again at `step_at`."""
    return _written(known, step_at=step_at, escalated=(*known.escalated, *escalated))


def story(chapter: Chapter) -> str:
    """What is to be said of an incident beside its event, as a sentence; '' for the first failure."""
    incident = chapter.incident
    if chapter.part is Part.OPENING:
        return ""
    lasted, failures = duration(incident.seconds), counted(incident.failures)
    if incident.by_hand:
        return f"Resolved by {incident.resolved_by} after {lasted}, {failures}."
    if chapter.part is Part.RECOVERY:
        return f"Recovered after {lasted}, {failures}."
    return f"Failing for {lasted}, {failures}."


def counted(failures: int) -> str:
    """So many failures, in words."""
    return "1 failure" if failures == 1 else f"{failures} failures"


def duration(seconds: float) -> str:
    """A time in its two largest units: `3 h 12 min`."""
    left = max(round(seconds), 0)
    parts = []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {name}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def _opened(
    before: Incident | None, sign: Sign, instance_id: InstanceId, event_id: EventId, at: float
) -> Chapter:
    incident = Incident(
        IncidentId(event_id),
        instance_id,
        sign.key,
        at,
        at,
        sign.title,
        sign.severity,
        turns=(*_recent(before.turns if before else (), at), at),
        step_at=_step(sign, at),
        about=sign.about,
    )
    return Chapter(incident, Part.OPENING)


def _failed(known: Incident, sign: Sign, at: float) -> Chapter:
    turned = known.calm_since is not None
    turns = (*_recent(known.turns, at), at) if turned else known.turns
    incident = _written(
        known,
        failures=known.failures + 1,
        last_at=max(at, known.last_at),
        severity=max(known.severity, sign.severity),
        turns=turns,
        calm_since=None,
        step_at=_step(sign, at) if known.step_at is None else known.step_at,
    )
    return Chapter(incident, Part.REPEAT, told=not turned or sign.severity > known.severity)


def _recovered(known: Incident, event_id: EventId, at: float) -> Chapter:
    if known.calm_since is not None:
        return Chapter(known, Part.RECOVERY, told=False)
    turns, last_at = (*_recent(known.turns, at), at), max(at, known.last_at)
    if len(turns) >= FLAPS:
        damped = _written(known, turns=turns, calm_since=at, last_at=last_at)
        return Chapter(damped, Part.RECOVERY, told=False)
    closed = _written(
        known,
        state=IncidentState.RESOLVED,
        resolved_at=max(at, known.opened_at),
        resolved_by=str(event_id),
        turns=turns,
        last_at=last_at,
        telling=True,
    )
    return Chapter(closed, Part.RECOVERY)


def _step(sign: Sign, at: float) -> float | None:
    return None if sign.wake_after is None else at + sign.wake_after


def _recent(turns: Iterable[float], at: float) -> tuple[float, ...]:
    return tuple(one for one in turns if one > at - FLAP_SECONDS)


def _written(known: Incident, **changes: object) -> Incident:
    return replace(known, revision=known.revision + 1, **changes)  # type: ignore[arg-type]
