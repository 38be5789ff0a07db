"""Schemas: what events must look like, checked before they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.ids import SchemaId, new_id
from gateway.domain.schema import KEPT_REVISIONS, Schema
from gateway.domain.source import Instance
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put, Registry, Remove
from gateway.service.configuration import Configurator, Decision
from gateway.service.sources import find_source
from gateway.spi.json_schema import check_schema


class Schemas:
    """Use cases over schemas."""

    def __init__(self, configurator: Configurator, registry: Registry) -> None:
        self._configurator, self._registry = configurator, registry

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Schema:
        """A new schema. Raises Invalid for a document that is no schema or not a safe one."""
        now = self._configurator.clock.now()
        blank = Schema(SchemaId(new_id()), instance.id, "", now, now, ())
        schema = replace(blank, **fields)  # type: ignore[arg-type]

        def decide(snapshot: Snapshot) -> Decision[Schema]:
            _check(snapshot, instance, schema)
            first = replace(schema, versions=(snapshot.version + 1,))
            return Decision(first, [Put(first, _unique(first))])

        return await self._configurator.change(decide)

    async def update(self, instance: Instance, schema_id: str, fields: Mapping[str, object]) -> Schema:
        """Change a schema; events keep the revision that judged them."""

        def decide(snapshot: Snapshot) -> Decision[Schema]:
            schema = find_schema(snapshot, instance, schema_id)
            changed = replace(schema, **fields, updated_at=self._configurator.clock.now())  # type: ignore[arg-type]
            _check(snapshot, instance, changed)
            versions = (*schema.versions, snapshot.version + 1)[-KEPT_REVISIONS:]
            changed = replace(changed, revision=schema.revision + 1, versions=versions)
            return Decision(changed, [Put(changed, _unique(changed))])

        return await self._configurator.change(decide)

    async def at_revision(self, instance: Instance, schema_id: str, revision: int) -> Schema:
        """A schema as one of its revisions had it. Raises NotFound for one that is not kept."""
        schema = find_schema(self._configurator.snapshot, instance, schema_id)
        if revision == schema.revision:
            return schema
        version = schema.version_of(revision)
        entities = (await self._registry.load(version)).entities if version is not None else ()
        for entity in entities:
            if isinstance(entity, Schema) and (entity.id, entity.revision) == (schema.id, revision):
                return entity
        oldest = schema.revision - max(len(schema.versions), 1) + 1
        raise NotFound(
            "revision_not_found",
            f"the schema has no revision {revision}",
            expected=f"one of {oldest} to {schema.revision}",
        )

    async def delete(self, instance: Instance, schema_id: str) -> None:
        """Remove a schema."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            return Decision(None, [Remove(find_schema(snapshot, instance, schema_id))])

        await self._configurator.change(decide)


def find_schema(snapshot: Snapshot, instance: Instance, schema_id: str) -> Schema:
    """A schema of this instance. Raises NotFound."""
    schema = snapshot.schemas.get(SchemaId(schema_id))
    if schema is None or schema.instance_id != instance.id:
        raise NotFound("schema_not_found", f"there is no schema {schema_id!r}")
    return schema


def _check(snapshot: Snapshot, instance: Instance, schema: Schema) -> None:
    if schema.source_id is not None:
        find_source(snapshot, instance, schema.source_id)
    try:
        check_schema(dict(schema.document))
    except Invalid as refusal:
        raise Invalid.of([one.below("/schema") for one in refusal.problems]) from None


def _unique(schema: Schema) -> tuple[str, ...]:
    return (f"name:{schema.name}",)
