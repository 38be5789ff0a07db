"""Bodies of noise policies, as topics and subscriptions have them.

What is given is merged into what is there, member by member, as RFC 7396 (JSON Merge Patch) merges: what is
not named stays, null makes a member unsaid again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from gateway.api.shapes.base import Answer, StrictGiven
from gateway.api.shapes.spelled import Seconds, Switched
from gateway.domain import noise
from gateway.domain.severity import Severity

DAY = 86_400.0
WEEK, MONTH = 7 * DAY, 31 * DAY
MOST_OPERANDS = 8
"""Names and paths that make up one key."""

Rule: TypeAlias = Annotated[str, Field(max_length=4096)]
Operands: TypeAlias = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=MOST_OPERANDS)
]
TimeOfDay: TypeAlias = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Zone: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SeverityWord: TypeAlias = Literal["info", "notice", "warning", "error", "critical"]

SAME = "The operands that make events the same, such as `resource` or `data.job.id`; "


class RateLimitGiven(StrictGiven):
    """At most so many messages in any stretch of so long, for each receiver."""

    events: int = Field(60, ge=1, le=10_000)
    seconds: Annotated[float, Seconds(1, DAY)] = 60.0
    fold: bool = Field(False, description="What is over it goes as one message, not one by one.")


class DuplicatesGiven(StrictGiven):
    """For so long after an event nothing that is the same is told again."""

    seconds: Annotated[float, Seconds(1, WEEK)] = 300.0
    key: Operands = Field([], description=SAME + "none: all but id, time and task id.")


class DigestGiven(StrictGiven):
    """What the rule matches is told in one message at a time of day."""

    rule: Rule = Field("", description="In the expression dialect; empty: everything.")
    frequency: Literal["hourly", "daily", "weekly"] = "daily"
    time: TimeOfDay = Field("09:00", description="Of an hourly digest its minutes count.")
    zone: Zone = Field("UTC", description="The IANA zone of the time: `Europe/Berlin`.")
    weekday: Weekday = Field("mon", description="Of a weekly digest.")
    empty: bool = Field(False, description="Whether there is one too when nothing happened.")


class QuietHoursGiven(StrictGiven):
    """From start to end only what is bad enough is told at once; the rest waits for the end."""

    start: TimeOfDay = "22:00"
    end: TimeOfDay = "07:00"
    zone: Zone = "UTC"
    days: list[Weekday] = Field([], max_length=7, description="The days on which they start; none: all.")
    let_through: SeverityWord = Field("critical", description="What is told at once, and what is worse.")
    fold: bool = Field(False, description="What waited goes as one message.")


class GroupingGiven(StrictGiven):
    """What comes within so long of a first event, and is like it, is one message."""

    seconds: Annotated[float, Seconds(1, DAY)] = 30.0
    by: Operands = Field([], description=SAME + "none: all are.")


class RemindersGiven(StrictGiven):
    """While an incident lasts and nobody has acknowledged it, it is told again."""

    every: Annotated[float, Seconds(10, MONTH)] = 14_400.0


class EscalationGiven(StrictGiven):
    """An incident that is left alone for too long is told to another subscription too."""

    to: str | None = Field(None, max_length=64, description="A subscription by id; null: the same one again.")
    after: Annotated[float, Seconds(1, MONTH)] = 900.0
    unless: Literal["delivered", "acknowledged"] = "acknowledged"


class FallbackGiven(StrictGiven):
    """What failed so many times, or for good, goes to another subscription too."""

    to: str = Field(
        default_factory=str, min_length=1, max_length=64, description="A subscription by id; needed at first."
    )
    attempts: int = Field(3, ge=1, le=10)


class PolicyGiven(StrictGiven):
    """A noise policy. Of each member: true for its defaults, false for off, null to say nothing."""

    rate_limit: Annotated[RateLimitGiven | bool | None, Switched(RateLimitGiven)] = None
    duplicates: Annotated[DuplicatesGiven | bool | None, Switched(DuplicatesGiven)] = None
    digest: Annotated[DigestGiven | bool | None, Switched(DigestGiven)] = None
    quiet_hours: Annotated[QuietHoursGiven | bool | None, Switched(QuietHoursGiven)] = None
    grouping: Annotated[GroupingGiven | bool | None, Switched(GroupingGiven)] = None
    reminders: Annotated[RemindersGiven | bool | None, Switched(RemindersGiven)] = None
    escalation: Annotated[EscalationGiven | bool | None, Switched(EscalationGiven)] = None
    fallback: Annotated[
        FallbackGiven | Literal[False] | None, Switched(FallbackGiven, has_defaults=False)
    ] = None
    once_per_target: bool | None = Field(
        None, description="What several topics send to one address goes there once."
    )

    @property
    def edit(self) -> Mapping[str, object]:
        """The members that were given, as `gateway.service.noise` takes them."""
        return {name: _plain(getattr(self, name)) for name in self.model_fields_set}


def _plain(value: object) -> object:
    """What was given of an object."""
    if not isinstance(value, BaseModel):
        return value
    return {name: getattr(value, name) for name in value.model_fields_set}


class RateLimitAnswer(Answer):
    """At most so many messages in so many seconds."""

    events: int
    seconds: float
    fold: bool


class DuplicatesAnswer(Answer):
    """For so many seconds nothing that is the same."""

    seconds: float
    key: list[str]


class DigestAnswer(Answer):
    """What is told in one message."""

    rule: str
    frequency: str
    time: str
    zone: str
    weekday: str
    empty: bool


class QuietHoursAnswer(Answer):
    """When only what is bad enough is told at once."""

    start: str
    end: str
    zone: str
    days: list[str]
    let_through: str
    fold: bool


class GroupingAnswer(Answer):
    """What is one message."""

    seconds: float
    by: list[str]


class RemindersAnswer(Answer):
    """How often an incident is told again."""

    every: float


class EscalationAnswer(Answer):
    """Who is told too; without `to` the same one again."""

    to: str | None = None
    after: float
    unless: str


class FallbackAnswer(Answer):
    """Where it goes too."""

    to: str
    attempts: int


class PolicyAnswer(Answer):
    """A noise policy: the members that are set, true for the defaults, false for off."""

    rate_limit: RateLimitAnswer | bool | None = None
    duplicates: DuplicatesAnswer | bool | None = None
    digest: DigestAnswer | bool | None = None
    quiet_hours: QuietHoursAnswer | bool | None = None
    grouping: GroupingAnswer | bool | None = None
    reminders: RemindersAnswer | bool | None = None
    escalation: EscalationAnswer | bool | None = None
    fallback: FallbackAnswer | bool | None = None
    once_per_target: bool | None = None


def policy_answer(policy: noise.NoisePolicy | noise.NoiseInForce | None) -> PolicyAnswer | None:
    """A policy for reading; None where it says nothing."""
    if policy is None or policy == noise.UNSAID:
        return None
    members = {name: _shown(getattr(policy, name)) for name in PolicyAnswer.model_fields}
    if isinstance(policy, noise.NoiseInForce):
        members["once_per_target"] = policy.once_per_target or None
    return PolicyAnswer.model_validate(members)


def _shown(value: object) -> object:
    """A member as JSON."""
    if value is None or isinstance(value, bool):
        return value
    parts: dict[str, Any] = {name: getattr(value, name) for name in type(value).__slots__}  # type: ignore[attr-defined]
    return {name: _text(part) for name, part in parts.items()}


def _text(part: object) -> object:
    if isinstance(part, Severity):
        return part.word
    return list(part) if isinstance(part, tuple) else part
