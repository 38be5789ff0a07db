"""Routes of sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.sources import SourceHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import activity, rehearsal, sources
from gateway.api.shapes.base import PageQuery
from gateway.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)


def declare(handlers: SourceHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/sources/{{id}}"
    shown: dict[str, Any] = {"tag": "sources", "answer": sources.SourceAnswer, "ibm": True}
    registered = {**shown, "answer": sources.RegisteredAnswer}
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/sources",
            handler=handlers.create,
            summary="Register a source",
            body=sources.SourceCreate,
            status=201,
            raises=(Malformed, Conflict, Invalid),
            **registered,
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/sources",
            handler=handlers.list,
            tag="sources",
            summary="List sources",
            query=PageQuery,
            answer=sources.SourcePage,
            ibm=True,
        ),
        Endpoint(
            method="GET", path=one, handler=handlers.show, summary="A source", raises=(NotFound,), **shown
        ),
        Endpoint(
            method="PATCH",
            path=one,
            handler=handlers.update,
            summary="Change a source",
            body=sources.SourceUpdate,
            raises=(NotFound, Conflict, Invalid),
            **registered,
        ),
        Endpoint(
            method="GET",
            path=f"{one}/activity",
            handler=handlers.activity,
            tag="sources",
            summary="When it was heard last, what no topic takes of it, and its last requests",
            answer=activity.ActivityAnswer,
            raises=(NotFound, Unavailable),
        ),
        Endpoint(
            method="POST",
            path=f"{one}/try",
            handler=handlers.attempt,
            tag="sources",
            summary="What a payload would become; nothing is accepted",
            body=rehearsal.SourceTry,
            answer=rehearsal.TryAnswer,
            raises=(NotFound, Invalid, Malformed, Forbidden, TooLarge, UnsupportedMedia),
        ),
        removal(one, handlers.delete, "sources", "Remove a source and its keys"),
    ]
