"""What the gateway itself says of an incident, as a CloudEvent: the same id, whichever node makes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.event import allowed_text
from gateway.domain.ids import EventId, SubscriptionId, computed_id
from gateway.domain.incident import Chapter, Incident, Part, Thread
from gateway.domain.severity import Severity
from gateway.domain.source import SELF
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Outcome
from gateway.pipeline.accept import event_key
from gateway.pipeline.also import planned_again
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Entry
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode

TYPE = "io.tocsin.incident."
REMINDER, RECOVERED, RESOLVED = "reminder", "recovered", "resolved"
MAX_TITLE = 300


def reminder(
    incident: Incident,
    number: int,
    threads: Iterable[Thread],
    snapshot: Snapshot,
    now: float,
    opening: AcceptedEvent | None,
) -> Entry:
    """Once more to the receivers of one subscription; `number` counts its reminders. A silence over the
    `opening` is over what reminds of it."""
    told = list(threads)
    subscription_id = told[0].subscription_id if told else SubscriptionId("")
    known = replace(incident, last_at=now)
    event_id = computed_id(REMINDER, incident.id, subscription_id, str(number))
    return _entry(Chapter(known, Part.REMINDER), REMINDER, event_id, told, snapshot, now, opening)


def ending(incident: Incident, threads: Iterable[Thread], snapshot: Snapshot, now: float) -> Entry:
    """That it is over, to all who were told of it."""
    what = RESOLVED if incident.by_hand else RECOVERED
    chapter = Chapter(incident, Part.RECOVERY)
    return _entry(chapter, what, computed_id("end", incident.id), threads, snapshot, now)


def _entry(
    chapter: Chapter,
    what: str,
    event_id: str,
    threads: Iterable[Thread],
    snapshot: Snapshot,
    now: float,
    opening: AcceptedEvent | None = None,
) -> Entry:
    instance_id = chapter.incident.instance_id
    event = decode(_body(chapter, what, event_id, now))
    accepted = AcceptedEvent(
        EventId(event_id),
        instance_id,
        SELF,
        event,
        meaning(event, payload(event)),
        now,
        snapshot.version,
    )
    key = event_key(instance_id, SELF, event.source, event.id)
    about = opening and EventView(opening.event, opening.vocabulary, payload(opening.event))
    planned = planned_again(snapshot, threads, accepted, "", now, about)
    return Entry(accepted, key, planned, chapter=chapter)


def _body(chapter: Chapter, what: str, event_id: str, now: float) -> bytes:
    incident, over = chapter.incident, chapter.part is Part.RECOVERY
    thing = incident.key.partition("|")[2] or incident.key
    made = CloudEvent(
        {
            "id": event_id,
            "source": f"/instances/{incident.instance_id}/incidents/{incident.id}",
            "type": f"{TYPE}{what}",
            "specversion": "1.0",
            "time": datetime.fromtimestamp(now, UTC),
            "subject": allowed_text(thing),
            "datacontenttype": "application/json",
            "severity": (Severity.INFO if over else incident.severity).word,
        },
        {
            "title": _title(incident, what),
            "outcome": Outcome.OK if over else Outcome.FAILED,
            "resource": thing,
            "incident_id": incident.id,
            "state": incident.state,
            "failures": incident.failures,
            "opened_at": _time(incident.opened_at),
            **({"resolved_by": incident.resolved_by} if incident.by_hand else {}),
            **({"note": incident.note} if incident.note else {}),
        },
    )
    return to_structured_event(made, JSONFormat()).body


def _title(incident: Incident, what: str) -> str:
    said = {REMINDER: "Still failing", RECOVERED: "Recovered", RESOLVED: "Resolved"}[what]
    return f"{said}: {incident.title}"[:MAX_TITLE]


def _time(moment: float) -> str:
    shown = datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
    return shown.replace("+00:00", "Z")
