"""Instances: the tenants, and what each has from the start."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from gateway.domain.destination import Destination
from gateway.domain.errors import Conflict, Refused
from gateway.domain.ids import DestinationId, InstanceId, new_id
from gateway.domain.source import Instance
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put
from gateway.service.configuration import Configurator, Decision
from gateway.spi.discovery import destinations

log = structlog.get_logger()


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
            return Decision(instance, [Put(instance), *_lacking(snapshot, [instance], now)])

        return await self._configurator.change(decide)

    async def complete(self) -> None:
        """Make what has to be there and is not: the first instance, and in each the destinations that every
        instance has by itself, of which a newer gateway may know more.

        Decided on the newest configuration, so that of several nodes that start at once one does it. Raises
        what `Configurator.change` raises if there is no instance at all.
        """
        now = self._configurator.clock.now()
        first = Instance(InstanceId(new_id()), "default", now, now)

        def decide(snapshot: Snapshot) -> Decision[None]:
            made = [] if snapshot.instances else [first]
            known = [*snapshot.instances.values(), *made]
            return Decision(None, [*map(Put, made), *_lacking(snapshot, known, now)])

        try:
            await self._configurator.change(decide)
        except Refused as error:
            if not self._configurator.snapshot.instances:
                raise
            log.warning("instances.incomplete", code=error.code, detail=error.detail)


def _lacking(snapshot: Snapshot, instances: Iterable[Instance], now: float) -> list[Put]:
    """The built-in destinations that these instances do not have yet."""
    there = {(row.instance_id, row.kind) for row in snapshot.destinations.values()}
    built_in = [kind for kind in destinations().values() if not kind.creatable]
    return [
        Put(
            Destination(
                DestinationId(new_id()),
                instance.id,
                kind.title,
                kind.kind,
                now,
                now,
                description=kind.summary,
            )
        )
        for instance in instances
        for kind in built_in
        if (instance.id, kind.kind) not in there
    ]
