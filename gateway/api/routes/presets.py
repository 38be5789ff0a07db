"""Routes of presets."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.endpoint import AnyEndpoint, Endpoint
from gateway.api.resources.presets import PresetHandlers
from gateway.api.routes.common import INSTANCE
from gateway.api.shapes import presets
from gateway.domain.errors import Conflict, Invalid, Malformed, NotFound

ALL = f"{INSTANCE}/presets"


def declare(handlers: PresetHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    return [
        Endpoint(
            method="GET",
            path=ALL,
            handler=handlers.list,
            tag="presets",
            summary="List presets: setups of products that ship with Tocsin",
            answer=presets.PresetList,
        ),
        Endpoint(
            method="GET",
            path=f"{ALL}/{{name}}",
            handler=handlers.show,
            tag="presets",
            summary="A preset with its roles, topics and monitors",
            answer=presets.PresetAnswer,
            raises=(NotFound,),
        ),
        Endpoint(
            method="POST",
            path=f"{ALL}/{{name}}/apply",
            handler=handlers.apply,
            tag="presets",
            summary="Make the topics, subscriptions and monitors of a preset, or say what would be made",
            description="All in one change. Applied again, it changes what was made; nothing is made twice.",
            body=presets.PresetApply,
            answer=presets.AppliedAnswer,
            raises=(NotFound, Malformed, Invalid, Conflict),
        ),
    ]
