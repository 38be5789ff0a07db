"""Routes for those who run the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api.endpoint import Access, AnyEndpoint, Endpoint, RawEndpoint
from gateway.api.resources.operations import (
    HealthAnswer,
    InstanceAnswer,
    InstanceCreate,
    InstanceList,
    NodeList,
    OperationHandlers,
)
from gateway.domain.errors import Unavailable


def declare(handlers: OperationHandlers) -> Sequence[AnyEndpoint]:
    """The endpoints, in the order in which they are matched."""
    watched: dict[str, Any] = {
        "method": "GET",
        "tag": "operations",
        "access": Access.PUBLIC,
        "answer": HealthAnswer,
    }
    return [
        Endpoint(path="/healthz", handler=handlers.health, summary="The process answers", **watched),
        Endpoint(
            path="/readyz", handler=handlers.ready, summary="The process takes events", also=(503,), **watched
        ),
        RawEndpoint(
            method="GET",
            path="/metrics",
            handler=handlers.metrics,
            tag="operations",
            summary="Metrics (OpenMetrics)",
            answer={"type": "string"},
            answer_type="application/openmetrics-text",
        ),
        Endpoint(
            method="POST",
            path="/v1/instances",
            handler=handlers.create_instance,
            tag="operations",
            status=201,
            access=Access.OPERATOR,
            summary="Make an instance",
            body=InstanceCreate,
            answer=InstanceAnswer,
        ),
        Endpoint(
            method="GET",
            path="/v1/instances",
            handler=handlers.list_instances,
            tag="operations",
            access=Access.OPERATOR,
            summary="List instances",
            answer=InstanceList,
        ),
        Endpoint(
            method="GET",
            path="/v1/nodes",
            handler=handlers.list_nodes,
            tag="operations",
            access=Access.OPERATOR,
            summary="List the processes that share the store",
            answer=NodeList,
            raises=(Unavailable,),
        ),
    ]
