"""Bodies of how a source is doing."""

from __future__ import annotations

from pydantic import Field

from gateway.api.shapes.base import Answer, timestamp
from gateway.service.activity import Activity


class UnattachedAnswer(Answer):
    """A thing whose newest event no topic takes."""

    name: str = Field(description="The resource, else the subject, else the type.")
    type: str
    received_at: str


class RequestAnswer(Answer):
    """A request as it came."""

    received_at: str
    refused: str | None = Field(None, description="Code of the refusal; missing where it was taken.")
    tail: str | None = None
    body: str = Field(description="The beginning of the body, as text.")
    size: int = Field(description="Bytes of the whole body.")


class ActivityAnswer(Answer):
    """How a source is doing."""

    waiting: bool = Field(description="Whether its first event is still waited for.")
    last_seen: str | None = None
    looked_at: int = Field(description="How many of its last events were looked at.")
    unattached: list[UnattachedAnswer]
    secret_looking: list[str] | None = Field(
        None, description="JSON pointers into the data of those events where secrets seem to stand."
    )
    requests: list[RequestAnswer] = Field(
        description="Its last requests to this node, newest first, as many as `keep_requests` says."
    )


def activity_answer(found: Activity) -> ActivityAnswer:
    """What is known."""
    return ActivityAnswer(
        waiting=found.last_seen is None,
        last_seen=None if found.last_seen is None else timestamp(found.last_seen),
        looked_at=found.looked_at,
        unattached=[
            UnattachedAnswer(name=one.name, type=one.type, received_at=timestamp(one.received_at))
            for one in found.unattached
        ],
        secret_looking=list(found.secret_looking) or None,
        requests=[
            RequestAnswer(
                received_at=timestamp(one.received_at),
                refused=one.refused or None,
                tail=one.tail or None,
                body=one.body.decode("utf-8", "replace"),
                size=one.size,
            )
            for one in found.requests
        ],
    )
