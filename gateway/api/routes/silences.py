"""Routes of silences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.silences import SilenceHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import silences
from gateway.domain.errors import Conflict, Invalid, Malformed, NotFound


def declare(handlers: SilenceHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/silences/{{id}}"
    shown: dict[str, Any] = {"tag": "silences", "answer": silences.SilenceAnswer}
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/silences",
            handler=handlers.create,
            body=silences.SilenceCreate,
            status=201,
            summary="Tell nobody of some events for a while",
            raises=(Malformed, Invalid, NotFound, Conflict),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/silences",
            handler=handlers.list,
            tag="silences",
            summary="List silences, those that ended too",
            query=silences.SilenceQuery,
            answer=silences.SilencePage,
        ),
        Endpoint(
            method="GET",
            path=one,
            handler=handlers.show,
            summary="A silence, and how much it held back",
            raises=(NotFound,),
            **shown,
        ),
        Endpoint(
            method="POST",
            path=f"{one}/end",
            handler=handlers.end,
            summary="End a silence now",
            raises=(NotFound, Conflict),
            **shown,
        ),
        removal(one, handlers.delete, "silences", "Remove a silence", ibm=False),
    ]
