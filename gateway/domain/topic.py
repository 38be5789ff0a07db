"""Topics: named landing places that say which events of which sources they take, by rule."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.ids import InstanceId, SourceId, TopicId
from gateway.domain.noise import UNSAID, NoisePolicy


@dataclass(frozen=True, slots=True)
class SourceRule:
    """One rule over the events of one source: all parts that are given must hold.

    `event_type_filter` and `notification_filter` are in IBM's dialect (`$.*` takes everything),
    `rule` is in the expression dialect and ours.
    """

    id: str
    enabled: bool = True
    event_type_filter: str = "$.*"
    notification_filter: str = ""
    rule: str = ""
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class TopicSource:
    """A source that feeds a topic. Its rules are alternatives; without a rule it takes nothing (IBM EN)."""

    source_id: SourceId
    rules: tuple[SourceRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Topic:
    """A named landing place. Its `policy` holds for the subscriptions that say nothing else.

    A `fallback` takes what no other topic of the instance took: of all sources or, if it names some, of
    those and by their rules.
    """

    id: TopicId
    instance_id: InstanceId
    name: str
    created_at: float
    updated_at: float
    description: str = ""
    enabled: bool = True
    sources: tuple[TopicSource, ...] = ()
    policy: NoisePolicy = UNSAID
    fallback: bool = False
