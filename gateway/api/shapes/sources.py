"""Bodies of sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from gateway.api.shapes.base import Answer, Description, Given, Name, PageAnswer, timestamp
from gateway.api.shapes.keys import SetupAnswer, setup_answer
from gateway.domain.source import Signing, Source
from gateway.domain.topic import Topic
from gateway.pipeline.mask import MAX_PLACES
from gateway.pipeline.sightings import MAX_KEPT
from gateway.pipeline.signs import MAX_OPERANDS
from gateway.service.connecting import Setup
from gateway.service.source_options import shown
from gateway.service.sources import TOPIC, Registered
from gateway.settings import Settings

INCIDENT_KEY = """What tells one thing from another: names such as `job`, paths below `data`. Empty: the
resource or job, else the subject."""
MASKED = "JSON pointers into the data: what stands there is replaced by `***` before anything reads it."
MaskedPlace = Annotated[str, StringConstraints(max_length=500)]


class SourceCreate(Given):
    """Register a sender (IBM EN: create_sources)."""

    name: Name
    description: Description = ""
    enabled: bool = True
    store_notifications: bool = False
    source: str = Field("", max_length=1024, description="The sender's CRN; unique in the instance.")
    event_notifications_instance_crn: str = Field(
        "", max_length=1024, description="The instance as the sender knows it; stored and returned."
    )
    format: str = Field("cloudevents", description="Format of the payloads on the source's own route.")
    format_options: dict[str, Any] = Field({}, description="What the format leaves open.")
    default_topic: str = Field(
        "", max_length=255, description="Name or id of the topic that takes what names no topic."
    )
    key_header: str = Field(
        "", max_length=100, description="Header in which the sender puts its key, beside Authorization."
    )
    signing: Signing = Field(
        Signing.NONE, strict=False, description="How requests to the source's own route are signed."
    )
    keep_requests: int = Field(
        0, ge=0, le=MAX_KEPT, description="How many of its last requests are kept in memory, to be looked at."
    )
    incidents: bool = Field(True, description="Whether failures of a thing are told as one incident.")
    incident_key: list[Annotated[str, Field(max_length=300)]] = Field(
        [], max_length=MAX_OPERANDS, description=INCIDENT_KEY
    )
    mask: list[MaskedPlace] = Field([], max_length=MAX_PLACES, description=MASKED)
    allowed_types: list[str] = Field(
        [], max_length=100, description="Event types it may send; `x.*` is a prefix."
    )
    allowed_sources: list[str] = Field(
        [], max_length=100, description="`source` URIs it may send; `x*` is a prefix."
    )


class SourceUpdate(Given):
    """Change a source (IBM EN: update_source)."""

    name: Name | None = None
    description: Description | None = None
    enabled: bool | None = None
    store_notifications: bool | None = None
    source: str | None = Field(None, max_length=1024)
    event_notifications_instance_crn: str | None = Field(None, max_length=1024)
    format: str | None = None
    format_options: dict[str, Any] | None = None
    default_topic: str | None = Field(None, max_length=255)
    key_header: str | None = Field(None, max_length=100)
    signing: Signing | None = Field(
        None, strict=False, description="Given, it makes a new secret; the one before stays good."
    )
    keep_requests: int | None = Field(None, ge=0, le=MAX_KEPT)
    incidents: bool | None = None
    incident_key: list[Annotated[str, Field(max_length=300)]] | None = Field(
        None, max_length=MAX_OPERANDS, description=INCIDENT_KEY
    )
    mask: list[MaskedPlace] | None = Field(None, max_length=MAX_PLACES, description=MASKED)
    allowed_types: list[str] | None = Field(None, max_length=100)
    allowed_sources: list[str] | None = Field(None, max_length=100)


class SourceAnswer(Answer):
    """A source."""

    id: str
    name: str
    description: str
    type: str
    enabled: bool
    store_notifications: bool
    format: str
    format_options: dict[str, Any] | None = None
    default_topic: str | None = None
    key_header: str | None = None
    signing: str | None = None
    keep_requests: int | None = None
    incidents: bool | None = None
    incident_key: list[str] | None = None
    mask: list[str] | None = None
    created_at: str
    updated_at: str
    source: str | None = None
    event_notifications_instance_crn: str
    allowed_types: list[str] | None = None
    allowed_sources: list[str] | None = None
    topic_count: int
    topic_names: list[str]


class RegisteredAnswer(SourceAnswer):
    """A source that was just made or changed. `setup` and `signing_secret` are shown this once."""

    setup: SetupAnswer | None = None
    signing_secret: str | None = None


class SourcePage(PageAnswer):
    """A page of sources."""

    sources: list[SourceAnswer]


def registered_answer(
    registered: Registered, topics: Sequence[Topic], made: Setup | None = None
) -> RegisteredAnswer:
    """A source with what is shown this once."""
    return RegisteredAnswer(
        **source_answer(registered.source, topics).model_dump(),
        setup=setup_answer(made) if made else None,
        signing_secret=registered.signing_secret or None,
    )


def reached_at(settings: Settings, request: web.Request) -> str:
    """How senders reach this gateway: as the settings say, else as who asks has reached it."""
    return settings.public_url.rstrip("/") or str(request.url.origin())


def source_answer(source: Source, topics: Sequence[Topic]) -> SourceAnswer:
    """A source with the topics it feeds."""
    fed = [topic.name for topic in topics if any(feed.source_id == source.id for feed in topic.sources)]
    return SourceAnswer(
        id=source.id,
        name=source.name,
        description=source.description,
        type="api",
        enabled=source.enabled,
        store_notifications=source.store_notifications,
        format=source.format,
        format_options=shown(source) or None,
        default_topic=source.topic_id,
        key_header=source.key_header or None,
        signing=source.signing.value or None,
        keep_requests=source.keep_requests or None,
        incidents=None if source.incidents else False,
        incident_key=list(source.incident_key) or None,
        mask=list(source.mask) or None,
        created_at=timestamp(source.created_at),
        updated_at=timestamp(source.updated_at),
        source=source.crn or None,
        event_notifications_instance_crn=source.instance_crn or instance_crn(source.instance_id),
        allowed_types=list(source.allowed_types) or None,
        allowed_sources=list(source.allowed_sources) or None,
        topic_count=len(fed),
        topic_names=fed,
    )


def instance_crn(instance_id: str) -> str:
    """The CRN of an instance of this gateway, for a source that was registered without one."""
    return f"crn:v1:bluemix:public:event-notifications:tocsin:a/tocsin:{instance_id}::"


def source_fields(given: SourceCreate | SourceUpdate) -> dict[str, object]:
    """What was given, as fields of a Source."""
    fields = given.changes(
        source="crn",
        event_notifications_instance_crn="instance_crn",
        format_options="options",
        default_topic=TOPIC,
    )
    for name in ("allowed_types", "allowed_sources", "incident_key", "mask"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return fields
