"""Bodies of the test of a topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from gateway.api.shapes.base import Answer, Given
from gateway.domain.delivery import State
from gateway.domain.severity import Severity
from gateway.pipeline.snapshot import Snapshot
from gateway.service.trials import TYPE, Sample, Trial

Word = Literal["info", "notice", "warning", "error", "critical"]


class TopicTest(Given):
    """What a test event says."""

    type: str = Field(
        TYPE, pattern=r"^[!-~]{1,255}$", description="Type of the event, such as `backup.failed`."
    )
    severity: Literal["info", "notice", "warning", "error", "critical"] = Field(
        "info", description="How bad it is."
    )
    data: dict[str, Any] = Field({}, description="Members of its data, beside a title and a summary.")


class TopicTestResult(Answer):
    """What became of the test at one subscription. `wanted`: its own rule takes such events."""

    subscription: str
    destination: str
    destination_type: str
    recipient: str | None = None
    wanted: bool
    delivery_id: str
    state: str
    code: str | None = None
    reason: str | None = None
    detail: str | None = None


class TopicTestAnswer(Answer):
    """What became of a test of all that a topic leads to: `success` if everything arrived."""

    status: str
    notification_id: str
    results: list[TopicTestResult]


def topic_sample(given: TopicTest) -> Sample:
    """What was given, as the test event's content."""
    return Sample(given.type, Severity[given.severity.upper()], given.data)


def topic_test_answer(trials: Sequence[Trial], snapshot: Snapshot) -> TopicTestAnswer:
    """The results of a test, in the order of the subscriptions."""
    results = [_test_result(trial, snapshot) for trial in trials]
    arrived = all(trial.found.delivery.state is State.DELIVERED for trial in trials)
    return TopicTestAnswer(
        status="success" if arrived else "failed",
        notification_id=trials[0].found.delivery.event_id,
        results=results,
    )


def _test_result(trial: Trial, snapshot: Snapshot) -> TopicTestResult:
    delivery = trial.found.delivery
    endpoint = snapshot.destinations.get(delivery.destination_id)
    return TopicTestResult(
        subscription=trial.subscription.name,
        destination=endpoint.name if endpoint else delivery.destination_id,
        destination_type=endpoint.kind if endpoint else "",
        recipient=delivery.recipient or None,
        wanted=trial.wanted,
        delivery_id=delivery.id,
        state=delivery.state.value,
        code=delivery.code or None,
        reason=delivery.reason or None,
        detail=delivery.detail or None,
    )
