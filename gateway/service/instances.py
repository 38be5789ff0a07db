"""Instances: the tenants, and what each has from the start."""

from __future__ import annotations

from gateway.domain.destination import Destination
from gateway.domain.errors import Conflict
from gateway.domain.ids import DestinationId, InstanceId, new_id
from gateway.domain.source import Instance
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put
from gateway.service.configuration import Configurator, Decision
from gateway.spi.discovery import destinations


class Instances:
    """Use cases over instances."""

    def __init__(self, configurator: Configurator) -> None:
        self._configurator = configurator

    async def create(self, name: str, instance_id: str | None = None) -> Instance:
        """A new tenant, with the destinations that every instance has by itself."""
        now = self._configurator.clock.now()
        instance = Instance(InstanceId(instance_id or new_id()), name, now, now)

        def decide(snapshot: Snapshot) -> Decision[Instance]:
            if instance.id in snapshot.instances:
                raise Conflict("already_exists", f"there is an instance {instance.id} already", pointer="/id")
            return Decision(instance, [Put(instance), *(Put(one) for one in _built_in(instance))])

        return await self._configurator.change(decide)


def _built_in(instance: Instance) -> list[Destination]:
    return [
        Destination(
            DestinationId(new_id()),
            instance.id,
            kind.title,
            kind.kind,
            instance.created_at,
            instance.created_at,
            description=kind.summary,
        )
        for kind in destinations().values()
        if not kind.creatable
    ]
