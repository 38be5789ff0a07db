"""Routes that take events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import Access, AnyEndpoint, RawEndpoint
from gateway.api.resources.ingest import IngestHandlers
from gateway.api.routes.common import INSTANCE
from gateway.api.shapes.ingest import (
    BINARY,
    BULK,
    CLOUDEVENT,
    CLOUDEVENTS,
    NOTIFICATION,
    BulkAnswer,
    CapabilityQuery,
    EventsQuery,
    NativeQuery,
    TakenAnswer,
)
from gateway.domain.errors import (
    Forbidden,
    HeadTooLarge,
    Invalid,
    Malformed,
    NotFound,
    OutOfSpace,
    TooLarge,
    TooSlow,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
)

TAKING = (
    Malformed,
    Unauthorized,
    Forbidden,
    NotFound,
    TooSlow,
    TooLarge,
    UnsupportedMedia,
    Invalid,
    HeadTooLarge,
    Unavailable,
    OutOfSpace,
)


def declare(handlers: IngestHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    structured, batched = "application/cloudevents+json", "application/cloudevents-batch+json"
    taking: dict[str, Any] = {
        "method": "POST",
        "tag": "ingest",
        "access": Access.SENDER,
        "answer": TakenAnswer,
        "status": 202,
        "raises": TAKING,
    }
    return [
        RawEndpoint(
            path=f"{INSTANCE}/events",
            handler=handlers.events,
            quick=handlers.quick_events,
            query=EventsQuery,
            parameters=BINARY,
            content={structured: CLOUDEVENT, batched: CLOUDEVENTS, "*/*": {}},
            summary="Take CloudEvents 1.0: structured, batched, or binary with ce- headers",
            description="202 means that the events, and the deliveries they cause, are durable. A repeat of "
            "the same `source` and `id` is answered with the first one's id. A batch is taken whole or not "
            "at all.",
            **taking,
        ),
        RawEndpoint(
            path=f"{INSTANCE}/notifications",
            handler=handlers.notifications,
            ibm=True,
            content={"application/json": NOTIFICATION, structured: NOTIFICATION},
            summary="Take a notification as IBM Event Notifications does (send_notifications)",
            **taking,
        ),
        RawEndpoint(
            path="/event-notifications/v1/apps/{instance_id}/notifications",
            handler=handlers.notifications,
            content={"application/json": NOTIFICATION, structured: NOTIFICATION},
            summary="The same, at the path of IBM's older documents",
            **taking,
        ),
        RawEndpoint(
            path=f"{INSTANCE}/notifications/bulk",
            handler=handlers.bulk,
            ibm=True,
            content={"application/json": BULK},
            summary="Take notifications of one source together, as IBM's clients did until 2024",
            **{**taking, "answer": BulkAnswer},
        ),
        RawEndpoint(
            path=f"{INSTANCE}/sources/{{id}}/events",
            handler=handlers.native,
            query=NativeQuery,
            content={"*/*": {}},
            summary="Take what a product sends, in the format of its source",
            description="The key may come as bearer token, as password of basic authentication, or in the "
            "source's `key_header`; requests of a source with `signing` are signed instead. 200 means what "
            "202 means elsewhere.",
            **{**taking, "status": 200},
        ),
        *_capabilities(handlers),
        RawEndpoint(
            method="OPTIONS",
            path=f"{INSTANCE}/events",
            handler=handlers.consent,
            tag="ingest",
            access=Access.PUBLIC,
            summary="Consent to webhook deliveries (CloudEvents webhook specification, section 4)",
            raises=(Malformed, Unauthorized, NotFound),
            also=(204,),
        ),
    ]


def _capabilities(handlers: IngestHandlers) -> Sequence[AnyEndpoint]:
    """Capability URLs: the path is the credential."""
    shared: dict[str, Any] = {
        "tag": "ingest",
        "handler": handlers.by_url,
        "access": Access.PUBLIC,
        "query": CapabilityQuery,
        "answer": {},
        "answer_type": "*/*",
        "raises": TAKING,
    }
    ping = "A ping of a source"
    said = "`start`, `fail`, `log` or an exit code says what happened; a body is the log."
    return [
        RawEndpoint(
            method="POST",
            path="/in/{token}",
            content={"*/*": {}},
            summary="Take what a product sends to its capability URL",
            description="In the format of the source. A source of pings answers `OK`.",
            **shared,
        ),
        RawEndpoint(method="GET", path="/in/{token}", summary=f"{ping}: success", **shared),
        RawEndpoint(
            method="POST",
            path="/in/{token}/{tail}",
            content={"*/*": {}},
            summary=f"{ping}, or with `slack` a message for Slack",
            description=said,
            **shared,
        ),
        RawEndpoint(method="GET", path="/in/{token}/{tail}", summary=ping, description=said, **shared),
    ]
