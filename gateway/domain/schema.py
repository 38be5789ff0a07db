"""Schemas: JSON Schemas bound to event types, and what happens to an event that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.ids import InstanceId, SchemaId, SourceId


class SchemaTarget(StrEnum):
    """What a schema describes: the event's data, or the whole event in its JSON form."""

    DATA = "data"
    EVENT = "event"


class SchemaMode(StrEnum):
    """What happens to an event that does not fit: refused with 422, stored apart and listed, or taken and
    delivered like any other, its problems shown beside it."""

    REJECT = "reject"
    QUARANTINE = "quarantine"
    FLAG = "flag"


KEPT_REVISIONS = 100
"""Revisions of a schema that can be looked up."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema for some event types (an entry ending in `*` is a prefix), of one source or of all.

    Each change makes another `revision`. `versions` are those of the registry that made the last
    KEPT_REVISIONS, this one last: there each of them stands as it was.
    """

    id: SchemaId
    instance_id: InstanceId
    name: str
    created_at: float
    updated_at: float
    event_types: tuple[str, ...]
    document: Mapping[str, object] = field(default_factory=dict)
    source_id: SourceId | None = None
    target: SchemaTarget = SchemaTarget.DATA
    mode: SchemaMode = SchemaMode.REJECT
    revision: int = 1
    versions: tuple[int, ...] = ()

    def version_of(self, revision: int) -> int | None:
        """The version of the registry in which a revision stands; None if it is not kept, or never was."""
        back = self.revision - revision
        return self.versions[-1 - back] if 0 <= back < len(self.versions) else None
