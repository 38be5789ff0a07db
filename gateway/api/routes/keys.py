"""Routes of keys."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.keys import KeyHandlers
from gateway.api.routes.common import INSTANCE, removal
from gateway.api.shapes import keys
from gateway.domain.errors import (
    Conflict,
    NotFound,
)


def declare(handlers: KeyHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    one = f"{INSTANCE}/sources/{{id}}"
    return [
        Endpoint(
            method="POST",
            path=f"{one}/keys",
            handler=handlers.issue_of_source,
            tag="keys",
            status=201,
            summary="Issue a key of a source; its text is shown this once",
            body=keys.SourceKeyCreate,
            answer=keys.IssuedKeyAnswer,
            raises=(NotFound, Conflict),
        ),
        Endpoint(
            method="GET",
            path=f"{one}/keys",
            handler=handlers.list_of_source,
            tag="keys",
            summary="List a source's keys",
            answer=keys.KeyList,
            raises=(NotFound,),
        ),
        removal(
            f"{one}/keys/{{key_id}}", handlers.revoke_of_source, "keys", "Revoke a key of a source", ibm=False
        ),
        Endpoint(
            method="POST",
            path=f"{INSTANCE}/keys",
            handler=handlers.issue,
            tag="keys",
            status=201,
            summary="Issue a key of the instance; its text is shown this once",
            body=keys.InstanceKeyCreate,
            answer=keys.IssuedKeyAnswer,
            raises=(Conflict,),
        ),
        Endpoint(
            method="GET",
            path=f"{INSTANCE}/keys",
            handler=handlers.list,
            tag="keys",
            summary="List all keys of the instance",
            answer=keys.KeyList,
        ),
        removal(f"{INSTANCE}/keys/{{key_id}}", handlers.revoke, "keys", "Revoke a key", ibm=False),
    ]
