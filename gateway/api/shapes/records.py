"""Bodies of events, deliveries and attempts: what happened, and why it did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from orjson import Fragment, dumps
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.shapes.base import Answer, StrictGiven, timestamp
from gateway.domain.delivery import AcceptedEvent, Attempt, Delivery, LateReceipt, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Problem
from gateway.domain.topic import Topic
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.correct import Correction
from gateway.pipeline.route import TRIAL_TOPIC
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import StoredEvent
from gateway.service.ledger import DeliveryWithAttempts, EventWithDeliveries, Progress
from gateway.spi.cloudevents.encode import structured


class CursorQuery(BaseModel):
    """Paging by cursor, stable under inserts."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=500, description="Rows in a page.")
    cursor: str = Field("", max_length=200, description="`cursor` of the page before.")


class EventQuery(CursorQuery):
    """Which events to list."""

    source_id: str | None = Field(None, description="Events of this registered source.")
    type: str | None = Field(None, description="Events of this type.")
    quarantined: bool | None = Field(
        None, description="Only those that are quarantined, or only those that are not."
    )
    search: str | None = Field(None, max_length=100, description="Text in id, type or title.")


class DeliveryQuery(CursorQuery):
    """Which deliveries to list."""

    event_id: str | None = None
    subscription_id: str | None = None
    destination_id: str | None = None
    state: State | None = Field(None, description="Where the deliveries stand; `dead` lists dead letters.")
    reason: str | None = Field(
        None, max_length=100, description="Why they stand there, whole: `silenced_by:<id of a silence>`."
    )


class ProblemAnswer(Answer):
    """One thing that is wrong with an event."""

    code: str
    detail: str
    pointer: str
    expected: str | None = None


class EventAnswer(Answer):
    """An event as it is listed."""

    id: str
    source_id: str
    received_at: str
    registry_version: int
    cloudevent: dict[str, Any] = Field(
        description="Context attributes; with the data when one event is shown."
    )
    vocabulary: dict[str, Any]
    quarantined: bool
    problems: list[ProblemAnswer] | None = None
    schema_revision: str | None = None
    replaced_by: str | None = None
    discarded: str | None = Field(None, description="Why it was let go of in quarantine.")
    flags: list[ProblemAnswer] | None = Field(
        None, description="What schemas found wrong that kept the event from nothing."
    )


class Release(StrictGiven):
    """What is corrected of a quarantined event; nothing: it is released as it is."""

    data: Any = Field(None, description="JSON in place of the data.")
    attributes: dict[str, str | int | bool | None] | None = Field(
        None, max_length=100, description="Attributes by name; null takes one away."
    )


class Discard(StrictGiven):
    """Why a quarantined event is let go of."""

    reason: str = Field(min_length=1, max_length=500)


class EventPage(Answer):
    """A page of events, newest first."""

    events: list[EventAnswer]
    cursor: str | None = None


class DeliveryAnswer(Answer):
    """A delivery as it is listed; `why` says by which topic and subscription it exists."""

    id: str
    event_id: str
    state: str
    reason: str | None = None
    recipient: str | None = None
    attempts: int
    rescues: int
    created_at: str
    due_at: str | None = None
    settled_at: str | None = None
    code: str | None = None
    detail: str | None = None
    duration_ms: float | None = None
    topic_id: str
    topic_name: str | None = None
    subscription_id: str
    subscription_name: str | None = None
    destination_id: str
    destination_name: str | None = None
    why: str


class AttemptAnswer(Answer):
    """One try."""

    number: int
    started_at: str
    duration_ms: float
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    excerpt: str | None = None


class ReceiptAnswer(Answer):
    """What the channel said later; it changes no state."""

    received_at: str
    status: str
    code: str | None = None
    detail: str | None = None
    vendor_id: str | None = None


class DeliveryPage(Answer):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryAnswer]
    cursor: str | None = None


class DeliveryDetail(DeliveryAnswer):
    """A delivery with every try, what was sent and the event behind it."""

    tries: list[AttemptAnswer]
    receipts: list[ReceiptAnswer] = Field(
        [], description="What the channel said later, oldest first: delivered, bounced."
    )
    sent: str | None = Field(None, description="What went out last, at most 16 KiB, secrets masked.")
    event: EventAnswer | None = None


class EventDetail(EventAnswer):
    """An event with all that it caused."""

    deliveries: list[DeliveryAnswer]
    deliveries_cursor: str | None = Field(
        None, description="Where further ones begin: `cursor` of GET deliveries; missing after the last."
    )


class StatusDetails(Answer):
    """How it went, in words; the code is an HTTP status."""

    status_code: int
    status_message: str


class StatusAnswer(Answer):
    """How a notification fares (IBM EN: get_notifications_status)."""

    status: Literal["success", "failure", "inprogress"]
    details: StatusDetails


def status_answer(progress: Progress) -> StatusAnswer:
    """In progress until nothing is open any more; then a failure if any delivery is dead."""
    told = ", ".join(f"{count} {state.value}" for state, count in sorted(progress.states.items()))
    if progress.stored.problems:
        problem = progress.stored.problems[0]
        became = "quarantined" if progress.stored.discarded is None else "discarded"
        return _status("failure", 422, f"{became}: {problem.detail}")
    if progress.open:
        return _status("inprogress", 202, told)
    if (dead := progress.dead) is not None:
        code = int(dead.code) if re.fullmatch(r"[1-5][0-9]{2}", dead.code) else 500
        return _status("failure", code, f"{told}; {dead.reason}: {dead.detail}")
    return _status("success", 200, told or "accepted; no subscription asked for it")


def _status(status: Literal["success", "failure", "inprogress"], code: int, message: str) -> StatusAnswer:
    return StatusAnswer(status=status, details=StatusDetails(status_code=code, status_message=message))


def correction(given: Release) -> Correction | None:
    """What is to be different; None where nothing was given."""
    if not given.model_fields_set:
        return None
    data = dumps(given.data) if "data" in given.model_fields_set else None
    return Correction(data, given.attributes or {})


def event_answer(stored: StoredEvent) -> EventAnswer:
    """An event for a list: everything but its data."""
    return EventAnswer(**_event(stored), cloudevent=dict(stored.accepted.event.attributes))


def event_detail(found: EventWithDeliveries, snapshot: Snapshot) -> Mapping[str, Any]:
    """The members of EventDetail. The data stays the bytes that came: no number in it is written anew."""
    shown = EventDetail(
        **_event(found.stored),
        cloudevent={},
        deliveries=[delivery_answer(row, snapshot) for row in found.deliveries],
        deliveries_cursor=found.cursor or None,
    )
    return {**shown.model_dump(), "cloudevent": Fragment(structured(found.stored.accepted.event))}


def delivery_answer(delivery: Delivery, snapshot: Snapshot) -> DeliveryAnswer:
    """A delivery for a list."""
    waiting = delivery.state in (State.PENDING, State.HELD)
    return DeliveryAnswer(
        id=delivery.id,
        event_id=delivery.event_id,
        state=delivery.state.value,
        reason=delivery.reason or None,
        recipient=delivery.recipient or None,
        attempts=delivery.attempts,
        rescues=delivery.rescues,
        created_at=timestamp(delivery.created_at),
        due_at=timestamp(delivery.due_at) if waiting else None,
        settled_at=timestamp(delivery.settled_at) if delivery.settled_at else None,
        code=delivery.code or None,
        detail=delivery.detail or None,
        duration_ms=None if delivery.duration is None else round(delivery.duration * 1000, 3),
        topic_id=delivery.topic_id,
        topic_name=_name(snapshot.topics.get(delivery.topic_id)),
        subscription_id=delivery.subscription_id,
        subscription_name=_name(snapshot.subscriptions.get(delivery.subscription_id)),
        destination_id=delivery.destination_id,
        destination_name=_name(snapshot.destinations.get(delivery.destination_id)),
        why=_why(delivery, snapshot),
    )


def delivery_detail(found: DeliveryWithAttempts, snapshot: Snapshot) -> DeliveryDetail:
    """A delivery with everything known about it."""
    return DeliveryDetail(
        **delivery_answer(found.delivery, snapshot).model_dump(),
        tries=[attempt_answer(one) for one in found.attempts],
        receipts=[_receipt(one) for one in found.receipts],
        sent=found.sent.decode("utf-8", "replace") or None,
        event=event_answer(found.stored) if found.stored else None,
    )


def _name(one: Topic | Subscription | Destination | None) -> str | None:
    return one.name if one else None


def _why(delivery: Delivery, snapshot: Snapshot) -> str:
    if delivery.topic_id == TRIAL_TOPIC:
        return "a test, sent whatever rules say"
    topic = snapshot.topics.get(delivery.topic_id)
    subscription = snapshot.subscriptions.get(delivery.subscription_id)
    return (
        f"topic {topic.name if topic else delivery.topic_id!r} took the event, "
        f"subscription {subscription.name if subscription else delivery.subscription_id!r} wanted it"
    )


def _event(stored: StoredEvent) -> dict[str, Any]:
    accepted: AcceptedEvent = stored.accepted
    return {
        "id": accepted.id,
        "source_id": accepted.source_id,
        "received_at": timestamp(accepted.received_at),
        "registry_version": accepted.registry_version,
        "vocabulary": vocabulary_answer(accepted.vocabulary),
        "quarantined": stored.quarantined,
        "problems": [problem_answer(one) for one in stored.problems] or None,
        "schema_revision": stored.schema_revision or None,
        "replaced_by": stored.replaced_by,
        "discarded": stored.discarded,
        "flags": [problem_answer(one) for one in stored.flags] or None,
    }


def vocabulary_answer(words: Vocabulary) -> dict[str, Any]:
    """What is known of an event's meaning."""
    known = {
        "severity": words.severity.word if words.severity else None,
        "outcome": words.outcome.value if words.outcome else None,
        "title": words.title,
        "summary": words.summary,
        "resource": words.resource,
        "job": words.job,
        "actor": words.actor,
        "task_id": words.task_id,
        "links": dict(words.links) or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def problem_answer(problem: Problem) -> ProblemAnswer:
    """A problem of an event."""
    return ProblemAnswer(
        code=problem.code, detail=problem.detail, pointer=problem.pointer, expected=problem.expected or None
    )


def attempt_answer(attempt: Attempt) -> AttemptAnswer:
    """A try of a delivery."""
    return AttemptAnswer(
        number=attempt.number,
        started_at=timestamp(attempt.started_at),
        duration_ms=round(attempt.duration * 1000, 3),
        reason=attempt.reason or None,
        code=attempt.code or None,
        detail=attempt.detail or None,
        excerpt=attempt.excerpt or None,
    )


def _receipt(receipt: LateReceipt) -> ReceiptAnswer:
    return ReceiptAnswer(
        received_at=timestamp(receipt.received_at),
        status=receipt.status,
        code=receipt.code or None,
        detail=receipt.detail or None,
        vendor_id=receipt.vendor_id or None,
    )
