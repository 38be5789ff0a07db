"""Bodies of topics and their rules."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.shapes.base import Answer, Description, Given, Name, PageAnswer, timestamp
from gateway.api.shapes.counts import CountsAnswer, counts_answer
from gateway.api.shapes.noise import PolicyAnswer, PolicyGiven, policy_answer
from gateway.api.shapes.subscriptions import SubscriptionListItem
from gateway.domain.ids import SourceId
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.service.counting import History

FALLBACK = (
    "Takes what no other topic of the instance took: of every source or, if `sources` names some, of those."
)
POLICY = "Noise: what is held back for the subscriptions that say nothing else. What is not named stays."


class RuleGiven(Given):
    """One rule over the events of a source; all parts that are given must hold."""

    enabled: bool = True
    event_type_filter: str = Field(
        "$.*", max_length=4096, description="IBM's dialect; `$.*` takes everything."
    )
    notification_filter: str = Field("", max_length=4096, description="IBM's dialect, over the whole event.")
    rule: str = Field("", max_length=4096, description="Expression dialect: `severity >= error`.")


class SourceItem(Given):
    """A source that feeds the topic, and the rules that pick its events."""

    id: str
    rules: list[RuleGiven] = Field(max_length=100)


class TopicCreate(Given):
    """Create a topic (IBM EN: create_topic)."""

    name: Name
    description: Description = ""
    enabled: bool = True
    fallback: bool = Field(False, description=FALLBACK)
    sources: list[SourceItem] = Field([], max_length=100)
    policy: PolicyGiven | None = Field(None, description=POLICY)


class TopicReplace(Given):
    """Change a topic (IBM EN: replace_topic); `sources` replaces the whole set."""

    name: Name | None = None
    description: Description | None = None
    enabled: bool | None = None
    fallback: bool | None = Field(None, description=FALLBACK)
    sources: list[SourceItem] | None = Field(None, max_length=100)
    policy: PolicyGiven | None = Field(None, description=POLICY)


class TopicQuery(BaseModel):
    """What IBM's clients may ask for beside a topic."""

    model_config = ConfigDict(extra="forbid")

    include: str = Field("", max_length=100, description="Accepted for IBM's clients: all is included.")


class RuleAnswer(Answer):
    """A rule."""

    id: str
    enabled: bool
    event_type_filter: str
    notification_filter: str
    rule: str | None = None
    updated_at: str


class SourceItemAnswer(Answer):
    """A source of a topic."""

    id: str
    name: str
    rules: list[RuleAnswer]


class TopicListItem(Answer):
    """A topic in a list."""

    id: str
    name: str
    description: str
    enabled: bool
    source_count: int
    sources_names: list[str]
    subscription_count: int
    created_at: str
    updated_at: str
    fallback: bool | None = None


class TopicPage(PageAnswer):
    """A page of topics."""

    topics: list[TopicListItem]


class TopicAnswer(Answer):
    """A topic with its sources and subscriptions."""

    id: str
    name: str
    description: str
    enabled: bool
    created_at: str
    updated_at: str
    source_count: int
    sources: list[SourceItemAnswer]
    subscription_count: int
    subscriptions: list[SubscriptionListItem]
    policy: PolicyAnswer | None = None
    policy_targets: dict[str, str] | None = Field(
        None, description="The names of the subscriptions that the policy names, by id."
    )
    fallback: bool | None = Field(None, description=FALLBACK)
    warnings: list[str] | None = Field(None, description="What should be looked at again.")
    counts: CountsAnswer | None = Field(None, description="The last 90 days.")


def topic_fields(given: TopicCreate | TopicReplace) -> dict[str, object]:
    """What was given, as fields of a Topic."""
    fields = given.changes()
    if given.policy is not None and "policy" in fields:
        fields["policy"] = given.policy.edit
    if given.sources is not None and "sources" in fields:
        fields["sources"] = tuple(
            TopicSource(SourceId(item.id), tuple(map(source_rule, item.rules))) for item in given.sources
        )
    return fields


def rule_answer(rule: SourceRule) -> RuleAnswer:
    """A rule for reading."""
    return RuleAnswer(
        id=rule.id,
        enabled=rule.enabled,
        event_type_filter=rule.event_type_filter,
        notification_filter=rule.notification_filter,
        rule=rule.rule or None,
        updated_at=timestamp(rule.updated_at),
    )


def topic_answer(
    topic: Topic,
    source_names: dict[str, str],
    subscriptions: list[SubscriptionListItem],
    warnings: list[str],
    targets: dict[str, str],
    history: History | None = None,
) -> TopicAnswer:
    """A topic with everything that hangs on it."""
    feeds = [
        SourceItemAnswer(
            id=feed.source_id,
            name=source_names.get(feed.source_id, ""),
            rules=[rule_answer(rule) for rule in feed.rules],
        )
        for feed in topic.sources
    ]
    return TopicAnswer(
        id=topic.id,
        name=topic.name,
        description=topic.description,
        enabled=topic.enabled,
        created_at=timestamp(topic.created_at),
        updated_at=timestamp(topic.updated_at),
        source_count=len(feeds),
        sources=feeds,
        subscription_count=len(subscriptions),
        subscriptions=subscriptions,
        policy=policy_answer(topic.policy),
        policy_targets=targets or None,
        fallback=topic.fallback or None,
        warnings=warnings or None,
        counts=counts_answer(history),
    )


def topic_list_item(topic: Topic, source_names: dict[str, str], subscription_count: int) -> TopicListItem:
    """A topic for a list."""
    return TopicListItem(
        id=topic.id,
        name=topic.name,
        description=topic.description,
        enabled=topic.enabled,
        source_count=len(topic.sources),
        sources_names=[source_names.get(feed.source_id, "") for feed in topic.sources],
        subscription_count=subscription_count,
        created_at=timestamp(topic.created_at),
        updated_at=timestamp(topic.updated_at),
        fallback=topic.fallback or None,
    )


def source_rule(given: RuleGiven) -> SourceRule:
    """A rule that was given."""
    return SourceRule("", given.enabled, given.event_type_filter, given.notification_filter, given.rule)
