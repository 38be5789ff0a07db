"""Routes of destinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.destinations import DestinationHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import destinations
from gateway.api.shapes.base import PageQuery
from gateway.domain.errors import (
    Invalid,
    Malformed,
    NotFound,
)


def declare(handlers: DestinationHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/destinations/{{id}}"
    shown: dict[str, Any] = {"tag": "destinations", "answer": destinations.DestinationAnswer, "ibm": True}
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/destinations",
            handler=handlers.create,
            summary="Create a destination",
            body=destinations.DestinationCreate,
            status=201,
            multipart=True,
            raises=(Malformed, Invalid),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/destinations",
            handler=handlers.list,
            tag="destinations",
            summary="List destinations",
            query=PageQuery,
            answer=destinations.DestinationPage,
            ibm=True,
        ),
        Endpoint(
            method="GET",
            path=one,
            handler=handlers.show,
            summary="A destination",
            raises=(NotFound,),
            **shown,
        ),
        Endpoint(
            method="PATCH",
            path=one,
            handler=handlers.update,
            summary="Change a destination; what is not given stays",
            body=destinations.DestinationUpdate,
            multipart=True,
            raises=(NotFound, Malformed, Invalid),
            **shown,
        ),
        removal(one, handlers.delete, "destinations", "Remove a destination that no subscription uses"),
        Endpoint(
            method="POST",
            path=f"{one}/test",
            handler=handlers.test,
            tag="destinations",
            ibm=True,
            summary="Send a test event there, through the ledger, and wait for the result",
            query=destinations.DestinationTest,
            answer=destinations.DestinationTestAnswer,
            also=(202,),
            raises=(NotFound, Invalid),
        ),
        Endpoint(
            method="GET",
            path=f"{one}/public_key",
            handler=handlers.public_key,
            tag="destinations",
            ibm=True,
            summary="The public key that verifies its signatures",
            answer=destinations.PublicKeyAnswer,
            raises=(NotFound,),
        ),
    ]
