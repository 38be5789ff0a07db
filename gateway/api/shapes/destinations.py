"""Bodies of destinations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from gateway.api.shapes.base import Answer, Description, Given, Name, PageAnswer, timestamp
from gateway.domain.delivery import LastResult, State
from gateway.domain.destination import Destination
from gateway.pipeline.results import health
from gateway.pipeline.snapshot import Snapshot
from gateway.service.destinations import Shown
from gateway.service.ledger import DeliveryWithAttempts

MIN_RETRY_WAIT, MAX_RETRY_WAIT = 0.01, 7 * 86_400.0
"""Shortest and longest wait before a retry, in seconds."""

MAX_RETRY_TIME = 30 * 86_400.0
"""All waits together, in seconds: as long as events are kept by default."""


def _refuse_long(schedule: list[float]) -> list[float]:
    if sum(schedule) > MAX_RETRY_TIME:
        raise PydanticCustomError(
            "retry_schedule_too_long", "the waits together may be at most 2592000 seconds (30 days)"
        )
    return schedule


RetryWait = Annotated[float, Field(ge=MIN_RETRY_WAIT, le=MAX_RETRY_WAIT, allow_inf_nan=False)]
RetrySchedule = Annotated[list[RetryWait], Field(max_length=50), AfterValidator(_refuse_long)]


class ConfigGiven(Given):
    """IBM wraps a destination's settings in `params`."""

    params: dict[str, Any] = Field({}, description="Settings, as the kind of the destination defines them.")


class DestinationCreate(Given):
    """Create a destination (IBM EN: create_destination)."""

    name: Name
    type: str
    description: Description = ""
    collect_failed_events: bool = False
    config: ConfigGiven = Field(default_factory=ConfigGiven)
    enabled: bool = True
    retry_schedule: RetrySchedule = Field(
        [], description="Seconds before each retry, 30 days in all; empty: default."
    )


class DestinationUpdate(Given):
    """Change a destination (IBM EN: update_destination)."""

    name: Name | None = None
    description: Description | None = None
    collect_failed_events: bool | None = None
    config: ConfigGiven | None = None
    enabled: bool | None = None
    retry_schedule: RetrySchedule | None = None


class ConfigAnswer(Answer):
    """Settings for reading, secrets masked."""

    params: dict[str, Any]


class LastResultAnswer(Answer):
    """How the last try there ended; `reason` is missing when it arrived."""

    at: str
    delivery_id: str
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    succeeded_at: str | None = None


class DestinationListItem(Answer):
    """A destination in a list. `health`: untried, ok, failing, flagged (somebody has to look at its
    settings), disabled."""

    id: str
    name: str
    description: str
    type: str
    enabled: bool
    disabled_because: str | None = None
    health: str
    last_result: LastResultAnswer | None = None
    collect_failed_events: bool
    subscription_count: int
    subscription_names: list[str]
    created_at: str
    updated_at: str


class DestinationAnswer(DestinationListItem):
    """A destination. `generated` holds secrets that the gateway made, shown this once."""

    config: ConfigAnswer
    retry_schedule: list[float] | None = None
    generated: dict[str, str] | None = None
    warnings: list[str] | None = None


class DestinationPage(PageAnswer):
    """A page of destinations."""

    destinations: list[DestinationListItem]


class DestinationTest(BaseModel):
    """What a test may be told."""

    model_config = ConfigDict(extra="forbid")

    recipient: str = Field("", max_length=320, description="Who gets the test, for kinds with recipients.")


class DestinationTestAnswer(Answer):
    """What became of the test event: a real delivery through the ledger, awaited."""

    status: str
    notification_id: str
    destination_type: str
    delivery_id: str
    state: str
    code: str | None = None
    reason: str | None = None
    detail: str | None = None


class PublicKeyAnswer(Answer):
    """An Ed25519 public key in the form of Standard Webhooks: `whpk_` and base64 of 32 bytes."""

    public_key: str


def destination_fields(given: DestinationCreate | DestinationUpdate) -> dict[str, object]:
    """What was given, as fields of a Destination; kind and settings travel apart."""
    fields = given.changes()
    fields.pop("config", None)
    fields.pop("type", None)
    if "retry_schedule" in fields:
        fields["retry_schedule"] = tuple(fields["retry_schedule"])
    return fields


def destination_list_item(
    destination: Destination, snapshot: Snapshot, last: LastResult | None
) -> DestinationListItem:
    """A destination for a list."""
    users = [row.name for row in snapshot.subscriptions.values() if row.destination_id == destination.id]
    return DestinationListItem(
        id=destination.id,
        name=destination.name,
        description=destination.description,
        type=destination.kind,
        enabled=destination.enabled,
        disabled_because=destination.disabled_because or None,
        health=health(destination, last).value,
        last_result=last and _last_result(last),
        collect_failed_events=destination.collect_failed_events,
        subscription_count=len(users),
        subscription_names=users,
        created_at=timestamp(destination.created_at),
        updated_at=timestamp(destination.updated_at),
    )


def _last_result(last: LastResult) -> LastResultAnswer:
    return LastResultAnswer(
        at=timestamp(last.at),
        delivery_id=last.delivery_id,
        reason=last.reason or None,
        code=last.code or None,
        detail=last.detail or None,
        succeeded_at=timestamp(last.succeeded_at) if last.succeeded_at else None,
    )


def destination_answer(
    destination: Destination,
    snapshot: Snapshot,
    shown: Shown,
    last: LastResult | None = None,
    generated: dict[str, str] | None = None,
) -> DestinationAnswer:
    """A destination with its settings, secrets masked."""
    return DestinationAnswer(
        **destination_list_item(destination, snapshot, last).model_dump(),
        config=ConfigAnswer(
            params={name: value for name, value in shown.settings.items() if value is not None}
        ),
        warnings=list(shown.warnings) or None,
        retry_schedule=list(destination.retry_schedule) or None,
        generated=generated or None,
    )


def destination_test_answer(found: DeliveryWithAttempts, destination: Destination) -> DestinationTestAnswer:
    """The result of a test, in IBM's words and ours."""
    delivery = found.delivery
    return DestinationTestAnswer(
        status="success" if delivery.state is State.DELIVERED else "failed",
        notification_id=delivery.event_id,
        destination_type=destination.kind,
        delivery_id=delivery.id,
        state=delivery.state.value,
        code=delivery.code or None,
        reason=delivery.reason or None,
        detail=delivery.detail or None,
    )
