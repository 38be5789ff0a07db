"""What taking events looks like from outside. These bodies are read by the codec, not by models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

import schemas
from gateway.api.shapes.base import Answer

CLOUDEVENT: dict[str, Any] = schemas.load("cloudevents/cloudevents")
CLOUDEVENTS: dict[str, Any] = {"type": "array", "items": CLOUDEVENT}
NOTIFICATION: dict[str, Any] = schemas.load("sources/ibm-event-notifications")
BULK: dict[str, Any] = {
    "type": "object",
    "required": ["bulk_messages"],
    "properties": {"bulk_messages": {"type": "array", "items": NOTIFICATION, "minItems": 1}},
}


BINARY: list[dict[str, Any]] = [
    {
        "name": f"ce-{name}",
        "in": "header",
        "required": False,
        "description": f"Binary mode: the attribute `{name}`, percent-encoded; required there. Every other "
        "attribute and extension has a header likewise.",
        "schema": {"type": "string", "minLength": 1},
    }
    for name in ("id", "source", "specversion", "type")
]


class EventsQuery(BaseModel):
    """Who sends, for keys that belong to no source."""

    model_config = ConfigDict(extra="forbid")

    source_id: str | None = Field(None, description="Id of the source; needed unless the key belongs to one.")


class NativeQuery(BaseModel):
    """What a request to a source's own route may add."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field("", max_length=255, description="Name or id of a topic, for events that name none.")


class CapabilityQuery(BaseModel):
    """What a request to a capability URL may add; anything else is ignored."""

    topic: str = Field("", max_length=255, description="Name or id of a topic, for events that name none.")
    job: str = Field("", description="Of a ping: what it is of; else the source's name.")
    rid: str = Field("", description="Of a ping: id of the run; the same one again is a repeat.")


class TakenAnswer(Answer):
    """The ids under which the events are known: one, or those of a batch in its order."""

    notification_id: str | None = None
    notification_ids: list[str] | None = None


class BulkAnswer(Answer):
    """The ids of a bulk's notifications in its order; the bulk itself is known by the first of them."""

    bulk_notification_id: str
    bulk_messages: list[TakenAnswer]
