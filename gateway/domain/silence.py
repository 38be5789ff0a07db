"""Silences: what nobody is told of for a while, because somebody said so and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.ids import InstanceId, SilenceId, TopicId

SILENCED_BY = "silenced_by:"
"""How the reason of a delivery begins that a silence suppressed; the id of the silence follows."""


class SilenceState(StrEnum):
    """Where a silence stands at a time."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


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

    def covers(self, moment: float) -> bool:
        """Whether it is in effect then; its end is not part of it any more."""
        return self.starts_at <= moment < self.ends_at

    def state(self, now: float) -> SilenceState:
        """Where it stands."""
        if now >= self.ends_at:
            return SilenceState.ENDED
        return SilenceState.ACTIVE if now >= self.starts_at else SilenceState.PENDING
