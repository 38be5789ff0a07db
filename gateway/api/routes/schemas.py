"""Routes of schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.schemas import SchemaHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import schemas
from gateway.api.shapes.base import PageQuery
from gateway.domain.errors import (
    Conflict,
    Invalid,
    Malformed,
    NotFound,
)


def declare(handlers: SchemaHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/schemas/{{id}}"
    shown: dict[str, Any] = {"tag": "schemas", "answer": schemas.SchemaAnswer}
    return [
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/schemas",
            handler=handlers.create,
            body=schemas.SchemaCreate,
            status=201,
            summary="Bind a JSON Schema to event types",
            raises=(Malformed, Invalid, NotFound, Conflict),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/schemas",
            handler=handlers.list,
            tag="schemas",
            summary="List schemas",
            query=PageQuery,
            answer=schemas.SchemaPage,
        ),
        Endpoint(
            method="GET", path=one, handler=handlers.show, summary="A schema", raises=(NotFound,), **shown
        ),
        Endpoint(
            method="PATCH",
            path=one,
            handler=handlers.update,
            summary="Change a schema",
            body=schemas.SchemaUpdate,
            raises=(NotFound, Malformed, Invalid, Conflict),
            **shown,
        ),
        Endpoint(
            method="GET",
            path=f"{one}/revisions/{{revision}}",
            handler=handlers.revision,
            summary="A schema as an earlier change made it; the last 100 are kept",
            raises=(NotFound,),
            **shown,
        ),
        removal(one, handlers.delete, "schemas", "Remove a schema", ibm=False),
    ]
