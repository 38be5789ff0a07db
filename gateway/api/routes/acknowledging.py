"""Routes at which readers of messages acknowledge incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, RawEndpoint
from gateway.api.resources.acknowledging import AcknowledgeHandlers
from gateway.domain.errors import Malformed, TooLarge, TooMany, TooSlow, Unavailable
from gateway.security.acknowledging import PATH


def declare(handlers: AcknowledgeHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    place: dict[str, Any] = {
        "path": f"{PATH}/{{token}}",
        "tag": "incidents",
        "answer": {"type": "string"},
        "answer_type": "text/html",
        "also": (404,),
    }
    return [
        RawEndpoint(
            method="GET",
            handler=handlers.ask,
            summary="A page that asks a reader whether to acknowledge an incident; changes nothing",
            raises=(Unavailable,),
            **place,
        ),
        RawEndpoint(
            method="POST",
            handler=handlers.acknowledge,
            summary="Acknowledge an incident by the link of a message",
            description="The link is all that it takes; it is good for 7 days. Twice does nothing more.",
            content={"application/x-www-form-urlencoded": {"type": "object"}},
            raises=(Malformed, TooSlow, TooLarge, TooMany, Unavailable),
            **place,
        ),
    ]
