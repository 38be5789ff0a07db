"""Handlers for those who run the gateway: alive, ready, metrics, instances, the API's own description."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web

from gateway.api.endpoint import Call, Reply
from gateway.api.shapes.base import Answer, Name, StrictGiven, timestamp
from gateway.domain.source import Instance
from gateway.ports import NodeState
from gateway.service.services import Services
from gateway.telemetry.metrics import CONTENT_TYPE


class HealthAnswer(Answer):
    """How the process is."""

    status: str
    reason: str | None = None


class InstanceCreate(StrictGiven):
    """A new tenant."""

    name: Name


class InstanceAnswer(Answer):
    """A tenant."""

    id: str
    name: str
    created_at: str
    default: bool


class InstanceList(Answer):
    """All tenants."""

    instances: list[InstanceAnswer]


class NodeAnswer(Answer):
    """A process on the store. `version` is the configuration that it routes with."""

    name: str
    id: str
    state: Literal["living", "ended"]
    since: str
    seen_at: str
    ended_at: str | None = None
    leases: int
    version: int | None = None


class NodeList(Answer):
    """The processes that share the store, and those that ended within the last hour."""

    nodes: list[NodeAnswer]


class OperationHandlers:
    """What the API does for operators."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def health(self, _: Call[Any, Any]) -> HealthAnswer:
        """The process answers."""
        return HealthAnswer(status="ok")

    async def ready(self, _: Call[Any, Any]) -> Reply:
        """The process takes events: its store writes, and it is not stopping."""
        if self._services.leaving:
            return Reply(HealthAnswer(status="stopping"), 503)
        if problem := await self._services.readiness.problem():
            return Reply(HealthAnswer(status="not ready", reason=problem), 503)
        return Reply(HealthAnswer(status="ready"))

    async def metrics(self, _: web.Request) -> web.Response:
        """Metrics in the OpenMetrics text format."""
        return web.Response(body=self._services.metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def create_instance(self, call: Call[InstanceCreate, Any]) -> InstanceAnswer:
        """Make a tenant."""
        return self._shown(await self._services.instances.create(call.body.name))

    async def list_instances(self, _: Call[Any, Any]) -> InstanceList:
        """All tenants by age."""
        rows = sorted(self._services.current.snapshot.instances.values(), key=lambda row: row.created_at)
        return InstanceList(instances=[self._shown(row) for row in rows])

    async def list_nodes(self, _: Call[Any, Any]) -> NodeList:
        """The processes that share the store."""
        return NodeList(nodes=[_node(row) for row in await self._services.nodes()])

    def _shown(self, instance: Instance) -> InstanceAnswer:
        default = self._services.current.snapshot.default_instance
        return InstanceAnswer(
            id=instance.id,
            name=instance.name,
            created_at=timestamp(instance.created_at),
            default=default is not None and default.id == instance.id,
        )


def _node(row: NodeState) -> NodeAnswer:
    return NodeAnswer(
        name=row.name,
        id=row.owner,
        state="living" if row.ended_at is None else "ended",
        since=timestamp(row.opened_at),
        seen_at=timestamp(row.seen_at),
        ended_at=None if row.ended_at is None else timestamp(row.ended_at),
        leases=row.leases,
        version=row.version,
    )
