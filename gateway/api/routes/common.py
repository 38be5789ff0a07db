"""What the routes of all nouns share."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Endpoint
from gateway.domain.errors import (
    Conflict,
    NotFound,
)

INSTANCE = "/v1/instances/{instance_id}"


def removal(path: str, handler: Any, tag: str, summary: str, *, ibm: bool = True) -> Endpoint[Any, Any]:
    """Declare a DELETE that answers 204."""
    return Endpoint(
        method="DELETE",
        path=path,
        handler=handler,
        tag=tag,
        summary=summary,
        status=204,
        ibm=ibm,
        raises=(NotFound, Conflict),
    )
