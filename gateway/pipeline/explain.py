"""Why an event went where it went: every topic and subscription of its instance, asked one by one.

This walks the configuration without the index that `gateway.pipeline.route` has, and asks each rule for the
atom that decided. Both have to come to the same deliveries (`tests/unit/pipeline/test_explain_agrees.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Invalid
from gateway.domain.ids import DestinationId, InstanceId, SourceId, TopicId
from gateway.domain.silence import Silence
from gateway.domain.source import Source
from gateway.domain.topic import SourceRule, Topic
from gateway.domain.view import EventView
from gateway.pipeline.direct import direct_recipients
from gateway.pipeline.route import TOPIC_ATTRIBUTE, feeding_rules, rule_tree
from gateway.pipeline.silence import by_age, silence_over
from gateway.pipeline.snapshot import address_of, default_topic, recipients_of
from gateway.ports import Entity
from gateway.rules.explain import Explained, explain_rule

UNCOMPILABLE = "rule_uncompilable"


class Why(StrEnum):
    """Why a topic took an event or did not, why a subscription wanted it or did not."""

    TOOK = "took"
    ASKED_FOR = "named_by_event_or_source"
    WANTED = "wanted"
    DISABLED = "disabled"
    NO_SUCH_SOURCE = "source_not_in_topic"
    NO_RULE = "no_rule_for_source"
    RULE = "rule_did_not_hold"
    UNEVALUABLE = "rule_not_evaluable"
    OTHERS_TOOK = "another_topic_took_it"
    TOPIC = "topic_did_not_take_it"
    NO_DESTINATION = "destination_missing"
    QUARANTINED = "event_quarantined"


class RuleVerdict(NamedTuple):
    """What one rule said, and which atoms made it say so."""

    rule: SourceRule
    explained: Explained


@dataclass(frozen=True, slots=True)
class ExitVerdict:
    """What became of a subscription: whether it wanted the event, whom it then reaches, and the silence that
    kept them from being told."""

    subscription: Subscription
    destination: Destination | None
    why: Why
    explained: Explained | None = None
    recipients: tuple[str, ...] = ()
    silence: Silence | None = None

    @property
    def wanted(self) -> bool:
        """Whether deliveries were planned for it."""
        return self.why is Why.WANTED


@dataclass(frozen=True, slots=True)
class TopicVerdict:
    """What became of a topic: whether it took the event, by which rules, and its subscriptions."""

    topic: Topic
    why: Why
    rules: tuple[RuleVerdict, ...]
    exits: tuple[ExitVerdict, ...]

    @property
    def took(self) -> bool:
        """Whether it took the event."""
        return self.why in (Why.TOOK, Why.ASKED_FOR)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The sources, topics, subscriptions, destinations and silences of one instance, as of one registry
    version; topics, subscriptions and silences by age."""

    topics: tuple[Topic, ...]
    subscriptions: Mapping[TopicId, Sequence[Subscription]]
    destinations: Mapping[DestinationId, Destination]
    sources: Mapping[SourceId, Source]
    silences: tuple[Silence, ...] = ()

    @classmethod
    def of(cls, instance_id: InstanceId, entities: Iterable[Entity]) -> Arrangement:
        """What of a configuration belongs to the instance."""
        topics: list[Topic] = []
        led: dict[TopicId, list[Subscription]] = defaultdict(list)
        destinations: dict[DestinationId, Destination] = {}
        sources: dict[SourceId, Source] = {}
        silences: list[Silence] = []
        for one in entities:
            if (
                isinstance(one, Topic | Subscription | Destination | Source | Silence)
                and one.instance_id == instance_id
            ):
                if isinstance(one, Topic):
                    topics.append(one)
                elif isinstance(one, Subscription):
                    led[one.topic_id].append(one)
                elif isinstance(one, Source):
                    sources[one.id] = one
                elif isinstance(one, Silence):
                    silences.append(one)
                else:
                    destinations[one.id] = one
        for subscriptions in led.values():
            subscriptions.sort(key=lambda row: (row.created_at, row.id))
        aged = tuple(sorted(topics, key=lambda row: (row.created_at, row.id)))
        return cls(aged, led, destinations, sources, tuple(by_age(silences)))


def explain(
    arrangement: Arrangement,
    source_id: SourceId,
    view: EventView,
    *,
    at: float = 0.0,
    quarantined: bool = False,
) -> Sequence[TopicVerdict]:
    """What every topic says of an event that this source sent `at` a time, fallbacks last; `quarantined` ones
    are not routed."""
    verdicts: list[TopicVerdict] = []
    asked = None if quarantined else _asked_for(arrangement, source_id, view)
    taken = asked is not None
    for topic in sorted(arrangement.topics, key=lambda topic: topic.fallback):
        stopped = Why.QUARANTINED if quarantined else Why.OTHERS_TOOK if topic.fallback and taken else None
        verdict = _of_topic(arrangement, topic, source_id, view, stopped, asked=topic is asked)
        verdicts.append(_silenced(arrangement, verdict, view, at))
        taken = taken or (verdicts[-1].took and not topic.fallback)
    return verdicts


def _silenced(arrangement: Arrangement, verdict: TopicVerdict, view: EventView, at: float) -> TopicVerdict:
    """The verdict with the silence that is over what it tells, if any."""
    silence = silence_over(arrangement.silences, verdict.topic.id, view, at) if verdict.took else None
    if silence is None:
        return verdict
    exits = [replace(one, silence=silence) if one.wanted else one for one in verdict.exits]
    return replace(verdict, exits=tuple(exits))


def _asked_for(arrangement: Arrangement, source_id: SourceId, view: EventView) -> Topic | None:
    """The topic that the event names, if the source feeds it; else the source's default topic."""
    source = arrangement.sources.get(source_id)
    default = default_topic(source, {one.id: one for one in arrangement.topics}) if source else None
    name = view.event.attributes.get(TOPIC_ATTRIBUTE)
    feeds = [one for one in arrangement.topics if one.enabled and not one.fallback and _feeds(one, source_id)]
    known = [one for one in [*feeds, default] if one is not None and name in (one.id, one.name)]
    return next(iter(sorted(known, key=lambda one: one.id != name)), default)


def _feeds(topic: Topic, source_id: SourceId) -> bool:
    return any(feed.source_id == source_id for feed in topic.sources)


def _of_topic(
    arrangement: Arrangement,
    topic: Topic,
    source_id: SourceId,
    view: EventView,
    stopped: Why | None,
    *,
    asked: bool,
) -> TopicVerdict:
    rules: list[RuleVerdict] = []
    why = stopped or _closed(topic, source_id)
    if why is None:
        for rule in feeding_rules(topic, source_id):
            if rule.enabled:
                rules.append(RuleVerdict(rule, _asked(rule, view)))
                if rules[-1].explained.holds:
                    break
        why = _of_rules([verdict.explained for verdict in rules])
    if asked and why is not Why.TOOK:
        why = Why.ASKED_FOR
    exits = [
        _of_exit(arrangement, subscription, view, why in (Why.TOOK, Why.ASKED_FOR))
        for subscription in arrangement.subscriptions.get(topic.id, ())
    ]
    return TopicVerdict(topic, why, tuple(rules), tuple(exits))


def _closed(topic: Topic, source_id: SourceId) -> Why | None:
    """Why a topic is not asked at all; None if it is."""
    if not topic.enabled:
        return Why.DISABLED
    if any(rule.enabled for rule in feeding_rules(topic, source_id)):
        return None
    return Why.NO_RULE if _feeds(topic, source_id) else Why.NO_SUCH_SOURCE


def _of_rules(explained: Sequence[Explained]) -> Why:
    if any(one.holds for one in explained):
        return Why.TOOK
    return Why.UNEVALUABLE if any(one.problem for one in explained) else Why.RULE


def _of_exit(
    arrangement: Arrangement, subscription: Subscription, view: EventView, took: bool
) -> ExitVerdict:
    destination = arrangement.destinations.get(subscription.destination_id)
    if not took or not subscription.enabled or destination is None:
        why = Why.DISABLED if not subscription.enabled else Why.NO_DESTINATION if took else Why.TOPIC
        return ExitVerdict(subscription, destination, why)
    explained = _asked(SourceRule("", event_type_filter="", rule=subscription.rule), view)
    if not explained.holds:
        why = Why.UNEVALUABLE if explained.problem else Why.RULE
        return ExitVerdict(subscription, destination, why, explained)
    if subscription.recipient_from:
        reached = direct_recipients(subscription, view)
    else:
        reached = recipients_of(destination, address_of(subscription, destination))
    return ExitVerdict(subscription, destination, Why.WANTED, explained, reached)


def _asked(rule: SourceRule, view: EventView) -> Explained:
    try:
        tree = rule_tree(rule.event_type_filter, rule.notification_filter, rule.rule)
        return explain_rule(tree, view)
    except Invalid:  # another version let it in
        return Explained(False, (), UNCOMPILABLE)
