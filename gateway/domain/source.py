"""Instances, the sources registered in them, and the keys that speak for both.

A source is a registered sender. The CloudEvents attribute `source` is another thing: the sender's own
URI, which a source may be limited to (`allowed_sources`) but is never identified by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from gateway.domain.ids import EventId, InstanceId, KeyId, SourceId, TopicId

SELF = SourceId("io.tocsin")
"""The gateway itself, as the source of the events that it makes: a source of every instance, never stored."""
OWN_NAME = "Tocsin"


@dataclass(frozen=True, slots=True)
class Instance:
    """A tenant; everything else belongs to exactly one."""

    id: InstanceId
    name: str
    created_at: float
    updated_at: float


class Signing(StrEnum):
    """How requests of a source are signed: not at all, as Standard Webhooks, or as GitHub signs them."""

    NONE = ""
    STANDARD = "standard-webhooks"
    HUB = "x-hub-signature-256"


@dataclass(frozen=True, slots=True)
class Source:
    """A registered sender.

    `crn` is the identity that IBM's clients register as `source`: stored, returned, unique per
    instance, and never a filter. `instance_crn` is the name under which such a client knows the instance;
    it is stored and returned. Empty `allowed_types` or `allowed_sources` mean any; an entry ending
    in `*` is a prefix.

    `options` say to the format what it leaves open, as JSON values. `topic_id` is the topic of events that
    name none. `key_header` is the header in which its sender puts a key that it cannot put
    elsewhere. `signing` tells how its requests are signed, and `secrets` holds the sealed secrets for that.
    `keep_requests` is how many of its last requests are kept in memory for people to look at. `mask` are the
    places in the data of its events that nobody gets to see; `mask_salt`, which is told nobody, goes into the
    ids that would tell of them.

    Its failures are `incidents`, one of each thing that `incident_key` (operands of the expression dialect)
    tells apart, by default the resource or job, else the subject.
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
    options: Mapping[str, object] = field(default_factory=dict)
    topic_id: TopicId | None = None
    key_header: str = ""
    signing: Signing = Signing.NONE
    secrets: Mapping[str, str] = field(default_factory=dict)
    keep_requests: int = 0
    incidents: bool = True
    incident_key: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    mask_salt: str = ""


class Heard(NamedTuple):
    """An event of a source, as it is remembered to show how the source is doing."""

    instance_id: InstanceId
    source_id: SourceId
    received_at: float
    event_id: EventId


def own_source(instance: Instance) -> Source:
    """The gateway as a source of this instance: topics may take its events, nobody else may send as it."""
    return Source(
        SELF,
        instance.id,
        OWN_NAME,
        instance.created_at,
        instance.updated_at,
        description="This gateway: what its monitors tell.",
    )


class Role(StrEnum):
    """What a key may do. A source key may only send as its source."""

    OPERATOR = "operator"
    ADMIN = "admin"
    SENDER = "sender"
    SOURCE = "source"


class Use(StrEnum):
    """Where a key may stand: in a header, or in the path of a URL. Never in both."""

    HEADER = "header"
    URL = "url"


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
    use: Use = Use.HEADER
