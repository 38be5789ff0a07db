"""Bodies of how a source is doing."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import Field

from gateway.api.shapes.base import Answer, timestamp
from gateway.domain.polling import Poll
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
    body: str = Field(
        description="The beginning of the body, as text; of a source that masks, of its events' data."
    )
    size: int = Field(description="Bytes of the whole body.")


class PollAnswer(Answer):
    """What a source answers that the gateway asks."""

    asked_at: str | None = Field(None, description="When it was asked last; missing before the first time.")
    outcome: str | None = Field(None, description="How the last answer looked: ok, warning or failed.")
    answer: dict[str, Any] | None = Field(None, description="The beginning of the last answer.")
    settled: str | None = Field(None, description="What of an answer counts, until another is settled.")
    since: str | None = Field(None, description="When the settled answer was first heard.")
    candidate: str | None = Field(None, description="Another answer that did not come often enough yet.")
    seen: int | None = Field(None, description="How often that came in a row.")
    changes: int = Field(description="How many changes were events.")


class ActivityAnswer(Answer):
    """How a source is doing."""

    waiting: bool = Field(description="Whether its first event is still waited for.")
    last_seen: str | None = None
    looked_at: int = Field(description="How many of its last events were looked at.")
    unattached: list[UnattachedAnswer]
    secret_looking: list[str] | None = Field(
        None, description="Where secrets seem to stand in the data of those events, as `mask` takes it."
    )
    poll: PollAnswer | None = Field(None, description="Only of a source that the gateway asks.")
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
        poll=None if found.poll is None else _poll_answer(found.poll),
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


def _poll_answer(poll: Poll) -> PollAnswer:
    known = poll.settled is not None
    return PollAnswer(
        asked_at=None if poll.asked_at is None else timestamp(poll.asked_at),
        outcome=poll.last,
        answer=orjson.loads(poll.shown) if poll.shown else None,
        settled=poll.settled,
        since=timestamp(poll.since) if known else None,
        candidate=poll.candidate,
        seen=poll.seen or None,
        changes=poll.changes,
    )
