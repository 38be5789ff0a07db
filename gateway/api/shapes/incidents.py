"""Bodies of incidents: where they stand, what belongs to them, and what a person says of them."""

from __future__ import annotations

from pydantic import Field

from gateway.api.shapes.base import Answer, StrictGiven, timestamp
from gateway.api.shapes.records import CursorQuery, DeliveryAnswer, delivery_answer
from gateway.domain.incident import Incident, IncidentState, Thread
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Episode
from gateway.service.incidents import WholeIncident


class IncidentQuery(CursorQuery):
    """Which incidents to list."""

    state: IncidentState | None = Field(None, description="Where they stand; without it all of them.")


class IncidentNote(StrictGiven):
    """What a person says about an incident."""

    by: str = Field("", max_length=100, description="Who; without it the key that asks.")
    note: str = Field("", max_length=1000, description="What there is to say about it.")


class IncidentAnswer(Answer):
    """An incident as it is listed."""

    id: str = Field(description="That of the event that opened it.")
    key: str = Field(description="What it is about: the source, and what its key names.")
    about: str | None = Field(
        None, description="What is done with it: the type of its events, without its end."
    )
    state: str
    title: str
    severity: str = Field(description="The worst so far.")
    failures: int
    opened_at: str
    last_at: str
    lasted_seconds: float
    flapping: bool | None = Field(
        None, description="It comes and goes: its recovery is told once it is calm."
    )
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None
    resolved_at: str | None = None
    resolved_by: str | None = Field(None, description="The event that told of the recovery, or who did it.")
    note: str | None = None
    escalated: list[str] | None = Field(None, description="Subscriptions whose escalation was decided.")


class IncidentPage(Answer):
    """A page of incidents; `cursor` leads to the next one."""

    incidents: list[IncidentAnswer]
    cursor: str | None = None


class ChapterAnswer(Answer):
    """An event of an incident."""

    event_id: str
    received_at: str
    part: str = Field(description="opening, repeat, recovery or reminder.")
    told: bool = Field(description="False where the incident was flapping and nobody was told.")
    failures: int


class ThreadAnswer(Answer):
    """The first message of an incident that somebody got."""

    subscription_id: str
    recipient: str
    delivery_id: str
    at: str


class IncidentDetail(IncidentAnswer):
    """An incident with its newest events, what they caused, and who was told."""

    events: list[ChapterAnswer]
    deliveries: list[DeliveryAnswer]
    told: list[ThreadAnswer]


def incident_answer(incident: Incident) -> IncidentAnswer:
    """An incident for reading."""
    return IncidentAnswer(
        id=incident.id,
        key=incident.key,
        about=incident.about or None,
        state=incident.state.value,
        title=incident.title,
        severity=incident.severity.word,
        failures=incident.failures,
        opened_at=timestamp(incident.opened_at),
        last_at=timestamp(incident.last_at),
        lasted_seconds=round(incident.seconds, 3),
        flapping=incident.flapping or None,
        acknowledged_at=_time(incident.acknowledged_at),
        acknowledged_by=incident.acknowledged_by or None,
        resolved_at=_time(incident.resolved_at),
        resolved_by=incident.resolved_by or None,
        note=incident.note or None,
        escalated=list(incident.escalated) or None,
    )


def incident_detail(whole: WholeIncident, snapshot: Snapshot) -> IncidentDetail:
    """An incident with what belongs to it."""
    return IncidentDetail(
        **incident_answer(whole.incident).model_dump(),
        events=[_chapter(one) for one in whole.events],
        deliveries=[delivery_answer(row, snapshot) for row in whole.deliveries],
        told=[_thread(one) for one in whole.threads],
    )


def _chapter(told: Episode) -> ChapterAnswer:
    chapter = told.chapter
    return ChapterAnswer(
        event_id=told.event_id,
        received_at=timestamp(told.received_at),
        part=chapter.part.value,
        told=chapter.told,
        failures=chapter.incident.failures,
    )


def _thread(one: Thread) -> ThreadAnswer:
    return ThreadAnswer(
        subscription_id=one.subscription_id,
        recipient=one.recipient,
        delivery_id=one.delivery_id,
        at=timestamp(one.at),
    )


def _time(moment: float | None) -> str | None:
    return None if moment is None else timestamp(moment)
