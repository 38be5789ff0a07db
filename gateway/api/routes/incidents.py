"""Routes of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.incidents import IncidentHandlers
from gateway.api.routes.common import INSTANCE
from gateway.api.shapes import incidents
from gateway.domain.errors import Conflict, Malformed, NotFound, Unavailable


def declare(handlers: IncidentHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/incidents/{{id}}"
    said: dict[str, Any] = {
        "method": "POST",
        "tag": "incidents",
        "body": incidents.IncidentNote,
        "answer": incidents.IncidentAnswer,
        "raises": (NotFound, Malformed, Conflict, Unavailable),
    }
    return [
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/incidents",
            handler=handlers.list,
            tag="incidents",
            summary="List incidents, the newest first",
            query=incidents.IncidentQuery,
            answer=incidents.IncidentPage,
            raises=(Malformed,),
        ),
        Endpoint(
            method="GET",
            path=one,
            handler=handlers.show,
            tag="incidents",
            summary="An incident with its events and what they caused",
            answer=incidents.IncidentDetail,
            raises=(NotFound,),
        ),
        Endpoint(
            path=f"{one}/acknowledge",
            handler=handlers.acknowledge,
            summary="Take an incident up: no more reminders, no escalation",
            **said,
        ),
        Endpoint(
            path=f"{one}/resolve",
            handler=handlers.resolve,
            summary="Close an incident by hand; the next failure opens another",
            **said,
        ),
    ]
