"""The route at which keys become access tokens."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.endpoint import AnyEndpoint, RawEndpoint
from gateway.api.resources.identity import IdentityHandlers
from gateway.api.shapes.identity import TokenAnswer, TokenRequest
from gateway.domain.errors import (
    Malformed,
    TooLarge,
    TooSlow,
)


def declare(handlers: IdentityHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    return [
        RawEndpoint(
            method="POST",
            path="/identity/token",
            handler=handlers.token,
            tag="keys",
            ibm=True,
            summary="An access token for a key, as IBM Cloud IAM gives it to its clients",
            description="The token stands for the key for an hour, and ends when the key is revoked.",
            content={"application/x-www-form-urlencoded": TokenRequest},
            answer=TokenAnswer,
            raises=(Malformed, TooSlow, TooLarge),
        )
    ]
