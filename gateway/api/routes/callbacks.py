"""The route that channels call back on."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.endpoint import Access, AnyEndpoint, RawEndpoint
from gateway.api.resources.callbacks import FORM, CallbackHandlers
from gateway.domain.errors import Forbidden, Malformed, NotFound, OutOfSpace, TooLarge, TooSlow, Unavailable
from gateway.spi.callback import CALLBACKS


def declare(handlers: CallbackHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    return [
        RawEndpoint(
            method="POST",
            path=f"{CALLBACKS}/{{destination_id}}/{{delivery_id}}",
            handler=handlers.take,
            tag="deliveries",
            access=Access.PUBLIC,
            content={FORM: {"type": "object", "additionalProperties": {"type": "string"}}},
            summary="What a channel says later of a delivery",
            description="Vendors call it; the kind of the destination checks their signature. What they say "
            "is kept as a receipt beside the delivery and changes no state.",
            status=204,
            raises=(Malformed, Forbidden, NotFound, TooSlow, TooLarge, Unavailable, OutOfSpace),
        )
    ]
