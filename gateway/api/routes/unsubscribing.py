"""Routes at which recipients of messages unsubscribe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, RawEndpoint
from gateway.api.resources.unsubscribing import UnsubscribeHandlers
from gateway.domain.errors import Malformed, TooLarge, TooMany, TooSlow, Unavailable
from gateway.security.unsubscribing import PATH


def declare(handlers: UnsubscribeHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    place: dict[str, Any] = {
        "path": f"{PATH}/{{token}}",
        "tag": "subscriptions",
        "answer": {"type": "string"},
        "answer_type": "text/html",
        "also": (404,),
    }
    return [
        RawEndpoint(
            method="GET",
            handler=handlers.ask,
            summary="A page that asks a recipient whether to unsubscribe; changes nothing",
            **place,
        ),
        RawEndpoint(
            method="POST",
            handler=handlers.unsubscribe,
            summary="Unsubscribe a recipient, as mail programs do with one click (RFC 8058)",
            description="The link from the mail is all that it takes. Doing it twice does nothing more.",
            content={"application/x-www-form-urlencoded": {"type": "object"}},
            raises=(Malformed, TooSlow, TooLarge, TooMany, Unavailable),
            **place,
        ),
    ]
