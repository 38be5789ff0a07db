"""Routes of subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.subscriptions import SubscriptionHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import subscriptions
from gateway.api.shapes.base import PageQuery
from gateway.api.shapes.counts import HistoryAnswer
from gateway.domain.errors import (
    Conflict,
    Invalid,
    Malformed,
    NotFound,
    Unavailable,
)


def declare(handlers: SubscriptionHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/subscriptions/{{id}}"
    shown: dict[str, Any] = {"tag": "subscriptions", "answer": subscriptions.SubscriptionAnswer, "ibm": True}
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/subscriptions",
            handler=handlers.create,
            summary="Subscribe a destination to a topic",
            body=subscriptions.SubscriptionCreate,
            status=201,
            raises=(NotFound, Malformed, Invalid, Conflict),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/subscriptions",
            handler=handlers.list,
            tag="subscriptions",
            summary="List subscriptions",
            query=PageQuery,
            answer=subscriptions.SubscriptionPage,
            ibm=True,
        ),
        Endpoint(
            method="GET",
            path=one,
            handler=handlers.show,
            summary="A subscription",
            raises=(NotFound,),
            **shown,
        ),
        Endpoint(
            method="PATCH",
            path=one,
            handler=handlers.update,
            summary="Change a subscription",
            body=subscriptions.SubscriptionUpdate,
            raises=(NotFound, Malformed, Invalid, Conflict),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{one}/counts",
            handler=handlers.counts,
            tag="subscriptions",
            summary="What a subscription did, by day",
            answer=HistoryAnswer,
            raises=(NotFound, Unavailable),
        ),
        removal(
            one, handlers.delete, "subscriptions", "Remove a subscription and cancel what is pending of it"
        ),
    ]
