"""Instances, the sources registered in them, and the keys that speak for both.

A source is a registered sender. The CloudEvents attribute `source` is another thing: the sender's own
URI, which a source may be limited to (`allowed_sources`) but is never identified by.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.ids import InstanceId, KeyId, SourceId


@dataclass(frozen=True, slots=True)
class Instance:
    """A tenant; everything else belongs to exactly one."""

    id: InstanceId
    name: str
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Source:
    """A registered sender.

    `crn` is the identity that IBM's clients register as `source`: stored, returned, unique per
    instance, and never a filter. `instance_crn` is the name under which such a client knows the instance;
    it is stored and returned. Empty `allowed_types` or `allowed_sources` mean any; an entry ending
    in `*` is a prefix.
    """

    id: SourceId
    instance_id: InstanceId
    name: str
    created_at: float
    updated_at: float
    description: str = ""
    crn: str = ""
    instance_crn: str = ""
    format: str = "cloudevents"
    enabled: bool = True
    store_notifications: bool = False
    allowed_types: tuple[str, ...] = ()
    allowed_sources: tuple[str, ...] = ()


class Role(StrEnum):
    """What a key may do. A source key may only send as its source."""

    OPERATOR = "operator"
    ADMIN = "admin"
    SENDER = "sender"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Key:
    """A credential; only the SHA-256 digest of its secret is kept (hex, 64 characters)."""

    id: KeyId
    instance_id: InstanceId
    name: str
    role: Role
    digest: str
    created_at: float
    updated_at: float
    source_id: SourceId | None = None
