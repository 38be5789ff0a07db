"""Routes of monitors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.monitors import MonitorHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import monitors
from gateway.api.shapes.base import PageQuery
from gateway.domain.errors import (
    Conflict,
    Invalid,
    Malformed,
    NotFound,
)


def declare(handlers: MonitorHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/monitors/{{id}}"
    shown: dict[str, Any] = {"tag": "monitors", "answer": monitors.MonitorAnswer}
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/monitors",
            handler=handlers.create,
            body=monitors.MonitorCreate,
            status=201,
            summary="Expect something of events",
            raises=(Malformed, Invalid, NotFound, Conflict),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/monitors",
            handler=handlers.list,
            tag="monitors",
            summary="List monitors and how they stand",
            query=PageQuery,
            answer=monitors.MonitorPage,
        ),
        Endpoint(
            method="GET", path=one, handler=handlers.show, summary="A monitor", raises=(NotFound,), **shown
        ),
        Endpoint(
            method="GET",
            path=f"{one}/keys",
            handler=handlers.keys,
            tag="monitors",
            summary="How the keys of a monitor stand",
            query=monitors.KeyQuery,
            answer=monitors.StandingPage,
            raises=(NotFound,),
        ),
        Endpoint(
            method="PATCH",
            path=one,
            handler=handlers.update,
            summary="Change a monitor",
            body=monitors.MonitorUpdate,
            raises=(NotFound, Malformed, Invalid, Conflict),
            **shown,
        ),
        Endpoint(
            method="POST",
            path=f"{one}/pause",
            handler=handlers.pause,
            summary="Stop watching for a while",
            raises=(NotFound, Conflict),
            **shown,
        ),
        Endpoint(
            method="POST",
            path=f"{one}/resume",
            handler=handlers.resume,
            summary="Watch again",
            raises=(NotFound, Conflict),
            **shown,
        ),
        removal(one, handlers.delete, "monitors", "Remove a monitor", ibm=False),
    ]
