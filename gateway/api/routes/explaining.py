"""Routes of explanations."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.explaining import ExplainHandlers
from gateway.api.routes.common import INSTANCE
from gateway.api.shapes import explaining
from gateway.domain.errors import Forbidden, Invalid, Malformed, NotFound


def declare(handlers: ExplainHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    return [
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/events/{{id}}/explain",
            handler=handlers.stored,
            tag="events",
            summary="Why an event went where it went",
            description="Every topic and subscription of the instance, the atoms that decided, and what "
            "then happened, by the configuration that routed the event.",
            query=explaining.ExplainQuery,
            answer=explaining.ExplainAnswer,
            raises=(NotFound,),
        ),
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/explain",
            handler=handlers.pasted,
            tag="events",
            summary="Where an event would go, if it was sent now",
            description="Nothing is stored or sent. An event that would be refused is refused.",
            body=explaining.ExplainGiven,
            answer=explaining.ExplainAnswer,
            raises=(NotFound, Malformed, Forbidden, Invalid),
        ),
    ]
