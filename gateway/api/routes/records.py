"""Routes of events, deliveries and the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import Access, AnyEndpoint, Endpoint
from gateway.api.resources.records import RecordHandlers
from gateway.api.routes.common import INSTANCE
from gateway.api.shapes import records
from gateway.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
)


def declare(handlers: RecordHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    listed: dict[str, Any] = {
        "method": "GET",
        "handler": handlers.events,
        "query": records.EventQuery,
        "answer": records.EventPage,
        "raises": (Malformed,),
    }
    return [
        Endpoint(path=f"{INSTANCE}/events", tag="events", summary="List events", **listed),
        Endpoint(
            path=f"{INSTANCE}/inbox", tag="events", summary="The inbox: every event, matched or not", **listed
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/events/{{id}}",
            handler=handlers.event,
            tag="events",
            summary="An event with everything it caused",
            answer=records.EventDetail,
            raises=(NotFound,),
        ),
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/events/{{id}}/release",
            handler=handlers.release,
            tag="events",
            summary="Let a quarantined event go its way, as it is or corrected",
            description="Answers the event that takes its place. A correction is judged like any event.",
            body=records.Release,
            answer=records.EventDetail,
            status=202,
            raises=(NotFound, Malformed, Forbidden, Invalid, Conflict),
        ),
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/events/{{id}}/discard",
            handler=handlers.discard,
            tag="events",
            summary="Let go of a quarantined event, with a reason",
            body=records.Discard,
            answer=records.EventDetail,
            raises=(NotFound, Malformed, Conflict),
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/notifications/{{id}}",
            handler=handlers.status,
            tag="events",
            access=Access.SENDER,
            ibm=True,
            summary="How an event fares (get_notifications_status)",
            description="In progress until every delivery has ended; then a failure if any is dead.",
            answer=records.StatusAnswer,
            raises=(NotFound,),
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/deliveries",
            handler=handlers.deliveries,
            tag="deliveries",
            summary="List deliveries; `state=dead` lists dead letters",
            query=records.DeliveryQuery,
            answer=records.DeliveryPage,
            raises=(Malformed,),
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/deliveries/{{id}}",
            handler=handlers.delivery,
            tag="deliveries",
            summary="A delivery with every try and what was sent",
            answer=records.DeliveryDetail,
            raises=(NotFound,),
        ),
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/deliveries/{{id}}/replay",
            handler=handlers.replay,
            tag="deliveries",
            summary="Send an ended delivery again, with the id it had",
            answer=records.DeliveryDetail,
            status=202,
            raises=(NotFound, Conflict),
        ),
    ]
