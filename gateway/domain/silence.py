"""Silences: what nobody is told of for a while, because somebody said so and why."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.ids import InstanceId, SilenceId, TopicId


@dataclass(frozen=True, slots=True)
class Silence:
    """From `starts_at` until `ends_at` (epoch seconds), deliveries of events that `rule` (expression
    dialect) matches are suppressed: of all topics of the instance, or of one.
    """

    id: SilenceId
    instance_id: InstanceId
    rule: str
    starts_at: float
    ends_at: float
    author: str
    reason: str
    created_at: float
    updated_at: float
    topic_id: TopicId | None = None
