"""What should be looked at again in topics and subscriptions: rules that hardly mean what they say, and rules
that never did anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from gateway.domain.counting import Counted, day_of
from gateway.domain.destination import Subscription
from gateway.domain.errors import Invalid
from gateway.domain.severity import Severity
from gateway.domain.topic import SourceRule, Topic
from gateway.pipeline.route import EVERYTHING, rule_tree
from gateway.pipeline.snapshot import Snapshot
from gateway.rules.lint import admits, warnings_of
from gateway.rules.tree import Rule, all_of, any_of
from gateway.service.counting import History
from gateway.service.noise import targets_of
from gateway.spi.discovery import destinations

CHATS = frozenset({"discord", "google-chat", "mattermost", "msteams", "rocketchat", "slack", "telegram"})
"""Kinds of destinations that people read all day: routine does not belong there."""
CHATTY = "events of severity info go to a chat; a rule such as `severity >= warning` keeps them out"
ENOUGH_EVENTS = 20
"""Events of a source after which a rule that took none of them is pointed out."""


def topic_warnings(topic: Topic, snapshot: Snapshot) -> list[str]:
    """Of a topic's rules, and of chats that would get its routine."""
    found = [
        f"rule {number} of source {name}: {warning}"
        for number, name, rule in _rules(topic, snapshot)
        for warning in _of_rule(rule)
    ]
    if any(_leads_to_chat(topic, row, snapshot) for row in _subscriptions(topic, snapshot)):
        found.append(CHATTY)
    return found + _lost_targets(topic, snapshot)


def subscription_warnings(subscription: Subscription, snapshot: Snapshot) -> list[str]:
    """Of a subscription's rule, and of a chat that would get routine."""
    found = _of_rule(SourceRule("", event_type_filter="", rule=subscription.rule))
    topic = snapshot.topics.get(subscription.topic_id)
    if topic is not None and _leads_to_chat(topic, subscription, snapshot):
        found.append(CHATTY)
    return found + _lost_targets(subscription, snapshot)


def idle_rules(topic: Topic, snapshot: Snapshot, histories: Mapping[str, History]) -> list[str]:
    """Rules that always fail to evaluate, or took nothing of many events; not counting a rule's first day."""
    found = []
    for number, name, rule in _rules(topic, snapshot):
        history = histories.get(rule.id, History())
        since = day_of(rule.updated_at) + 1
        if note := _idle(history, since, _events(topic, rule, since, histories), "event of its source"):
            found.append(f"rule {number} of source {name}: {note}")
    return found


def idle_subscription(subscription: Subscription, histories: Mapping[str, History]) -> list[str]:
    """The same of a subscription, beside what its topic took."""
    since = day_of(subscription.updated_at) + 1
    taken = histories.get(subscription.topic_id, History()).total(Counted.MATCHED, since)
    note = _idle(histories.get(subscription.id, History()), since, taken, "event of its topic")
    return [f"its rule {note.removeprefix('it ')}"] if note and subscription.rule else []


def _idle(history: History, since: int, events: int, what: str) -> str:
    failed = history.total(Counted.NOT_EVALUABLE)
    if history.total(Counted.MATCHED):
        return ""
    if failed:
        return f"it could not be evaluated on {failed} events, and has never matched"
    if events < ENOUGH_EVENTS:
        return ""
    day = datetime.fromtimestamp(since * 86_400, UTC).date()
    return f"it has matched no {what} out of {events} since {day}"


def _events(topic: Topic, rule: SourceRule, since: int, histories: Mapping[str, History]) -> int:
    """The events of the source that a rule is over, from a day on."""
    feeding = [feed.source_id for feed in topic.sources if any(one.id == rule.id for one in feed.rules)]
    return sum(histories.get(one, History()).total(Counted.MATCHED, since) for one in feeding)


def _lost_targets(owner: Topic | Subscription, snapshot: Snapshot) -> list[str]:
    """Escalations and fallbacks that lead nowhere."""
    found = []
    for member, to in targets_of(owner.policy):
        target = snapshot.subscriptions.get(to)
        if target is None or not target.enabled:
            state = "not there any more" if target is None else "disabled"
            found.append(f"its {member} leads to a subscription that is {state}")
    return found


def subjects_of(topic: Topic) -> list[str]:
    """Whose counts tell of a topic: its own, and those of its rules and sources."""
    rules = [rule.id for feed in topic.sources for rule in feed.rules]
    return [topic.id, *rules, *(feed.source_id for feed in topic.sources)]


def _rules(topic: Topic, snapshot: Snapshot) -> Iterator[tuple[int, str, SourceRule]]:
    """The enabled rules, each with its place from 1 and the name of its source."""
    for feed in topic.sources:
        source = snapshot.sources.get(feed.source_id)
        for number, rule in enumerate(feed.rules, 1):
            if rule.enabled:
                yield number, source.name if source else feed.source_id, rule


def _of_rule(rule: SourceRule) -> list[str]:
    tree = _tree(rule)
    if tree is None:
        return ["this rule cannot be read by this version, and matches nothing"]
    return warnings_of(tree, rule.event_type_filter, rule.notification_filter, rule.rule)


def _subscriptions(topic: Topic, snapshot: Snapshot) -> Sequence[Subscription]:
    return [row for row in snapshot.subscriptions.values() if row.topic_id == topic.id]


def _leads_to_chat(topic: Topic, subscription: Subscription, snapshot: Snapshot) -> bool:
    """Whether routine may go to a chat by this subscription."""
    destination = snapshot.destinations.get(subscription.destination_id)
    if destination is None or destination.kind not in CHATS or destination.kind not in destinations():
        return False
    rules = [rule for feed in topic.sources for rule in feed.rules if rule.enabled]
    taken = any_of(filter(None, map(_tree, rules or ([EVERYTHING] if topic.fallback else []))))
    wanted = _tree(SourceRule("", event_type_filter="", rule=subscription.rule))
    return wanted is not None and admits(all_of((taken, wanted)), Severity.INFO)


def _tree(rule: SourceRule) -> Rule | None:
    try:
        return rule_tree(rule.event_type_filter, rule.notification_filter, rule.rule)
    except Invalid:
        return None
