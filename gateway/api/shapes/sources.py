"""Bodies of sources."""

from __future__ import annotations

from pydantic import Field

from gateway.api.shapes.base import Answer, Description, Given, Name, PageAnswer, timestamp
from gateway.domain.source import Source
from gateway.domain.topic import Topic


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
    created_at: str
    updated_at: str
    source: str | None = None
    event_notifications_instance_crn: str
    allowed_types: list[str] | None = None
    allowed_sources: list[str] | None = None
    topic_count: int
    topic_names: list[str]


class SourcePage(PageAnswer):
    """A page of sources."""

    sources: list[SourceAnswer]


def source_answer(source: Source, topics: list[Topic]) -> SourceAnswer:
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
    """The CRN of an instance of this gateway, for a source that was registered without one (IBM-13)."""
    return f"crn:v1:bluemix:public:event-notifications:tocsin:a/tocsin:{instance_id}::"


def source_fields(given: SourceCreate | SourceUpdate) -> dict[str, object]:
    """What was given, as fields of a Source."""
    fields = given.changes(source="crn", event_notifications_instance_crn="instance_crn")
    for name in ("allowed_types", "allowed_sources"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return fields
