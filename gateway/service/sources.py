"""Sources: the registered senders of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.ids import SourceId, new_id
from gateway.domain.source import Instance, Source
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put, Remove
from gateway.service.configuration import Configurator, Decision
from gateway.spi.discovery import source_formats

CLOUDEVENTS = "cloudevents"


class Sources:
    """Use cases over sources."""

    def __init__(self, configurator: Configurator) -> None:
        self._configurator = configurator

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Source:
        """Register a sender. Raises Conflict when another source of the instance has the same CRN."""
        now = self._configurator.clock.now()
        source = Source(SourceId(f"{new_id()}:api"), instance.id, "", now, now)
        source = replace(source, **fields)  # type: ignore[arg-type]
        _check_format(source.format)

        def decide(snapshot: Snapshot) -> Decision[Source]:
            _check_crn(snapshot, source)
            return Decision(source, [Put(source, _unique(source))])

        return await self._configurator.change(decide)

    async def update(self, instance: Instance, source_id: str, fields: Mapping[str, object]) -> Source:
        """Change some fields of a source."""

        def decide(snapshot: Snapshot) -> Decision[Source]:
            source = find_source(snapshot, instance, source_id)
            changed = replace(source, **fields, updated_at=self._configurator.clock.now())  # type: ignore[arg-type]
            _check_format(changed.format)
            _check_crn(snapshot, changed)
            return Decision(changed, [Put(changed, _unique(changed))])

        return await self._configurator.change(decide)

    async def delete(self, instance: Instance, source_id: str) -> None:
        """Remove a source, its keys, and its place in topics. What it sent stays."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            source = find_source(snapshot, instance, source_id)
            keys = [Remove(key) for key in snapshot.key_rows if key.source_id == source.id]
            topics = [
                Put(
                    replace(
                        topic, sources=tuple(feed for feed in topic.sources if feed.source_id != source.id)
                    )
                )
                for topic in snapshot.topics.values()
                if any(feed.source_id == source.id for feed in topic.sources)
            ]
            return Decision(None, [Remove(source), *keys, *topics])

        await self._configurator.change(decide)


def find_source(snapshot: Snapshot, instance: Instance, source_id: str) -> Source:
    """A source of this instance. Raises NotFound."""
    source = snapshot.sources.get(SourceId(source_id))
    if source is None or source.instance_id != instance.id:
        raise NotFound("source_not_found", f"there is no source {source_id!r}")
    return source


def _unique(source: Source) -> tuple[str, ...]:
    return (f"crn:{source.crn}",) if source.crn else ()


def _check_crn(snapshot: Snapshot, source: Source) -> None:
    for other in snapshot.sources.values():
        rival = other.instance_id == source.instance_id and other.id != source.id
        if rival and source.crn and other.crn == source.crn:
            raise Conflict(
                "already_exists", "a source with this CRN is registered already", pointer="/source"
            )


def _check_format(name: str) -> None:
    known = {CLOUDEVENTS, *source_formats()}
    if name not in known:
        raise Invalid(
            "unknown_format",
            f"there is no source format {name!r}",
            pointer="/format",
            expected=", ".join(sorted(known)),
        )
