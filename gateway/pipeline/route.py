"""Fifth station: which deliveries does this event cause? Decided before the commit, by an index.

A route table belongs to one source. It finds the rules that can match an event's type without asking
all of them, and asks the rest; `plan` then turns matched topics into one delivery for each
subscription and recipient.

A sender may name a topic, by name or id, in the attribute `tocsintopic`. A topic that lists the source then
takes the event whatever its rules say; other topics take it by their rules as ever. What names no topic that
is there goes to the source's default topic in the same way. So naming adds a topic and never loses an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog

from gateway.domain.delivery import Planned, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Invalid, Malformed, Problem
from gateway.domain.event import Event, forbidden_character
from gateway.domain.ids import DeliveryId, DestinationId, SubscriptionId, TopicId, new_id
from gateway.domain.topic import SourceRule, Topic
from gateway.domain.view import EventView
from gateway.rules.compile import compile_rule
from gateway.rules.evaluation import Predicate
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_rule as parse_ibm
from gateway.rules.necessary import Necessary, necessary_types
from gateway.rules.tree import Always, Never, Rule, all_of
from gateway.spi.source_format import Decoded

log = structlog.get_logger()

DISABLED = "destination_disabled"
"""The reason that deliveries to a disabled destination are held with."""

TRIAL_TOPIC, TRIAL_SUBSCRIPTION = TopicId(""), SubscriptionId("")
"""What a test delivery carries in place of a topic, and of a subscription where there is none."""

TOPIC_ATTRIBUTE = "tocsintopic"
"""The attribute in which an event names a topic."""
MAX_TOPIC_NAME = 255

CACHED_TYPES = 1024

_NOTHING = (compile_rule(Never()), necessary_types(Never()))
_EVERYTHING = (compile_rule(Always()), necessary_types(Always()))


@dataclass(frozen=True, slots=True)
class Exit:
    """A subscription as routing needs it: its own predicate and whom it reaches."""

    subscription: Subscription
    destination_id: DestinationId
    matches: Predicate
    recipients: tuple[str, ...]
    held: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rule of one topic, with the exits that the topic leads to. `order` is the topic's place."""

    order: int
    topic: Topic
    necessary: Necessary
    matches: Predicate
    exits: tuple[Exit, ...]


class RouteTable:
    """The rules of all topics that one source feeds, indexed by event type. `default` is a topic of these."""

    def __init__(
        self,
        feeds: Iterable[tuple[Topic, Sequence[SourceRule], Sequence[Exit]]],
        default: TopicId | None = None,
    ) -> None:
        numbered = list(enumerate(feeds))
        self._candidates = tuple(_candidates(numbered))
        self._by_type: dict[str, tuple[Candidate, ...]] = {}
        self._named: dict[object, Candidate] = {}
        for order, (topic, _, exits) in numbered:
            matches, necessary = _EVERYTHING
            whole = Candidate(order, topic, necessary, matches, tuple(exits))
            self._named[topic.id] = whole
            self._named.setdefault(topic.name, whole)
        self._default = self._named.get(default)

    def matching(self, view: EventView) -> Iterable[Candidate]:
        """One matching rule of each topic that takes the event, in the order of the topics; then the topic
        that the event names, unless it is among them."""
        name = view.event.attributes.get(TOPIC_ATTRIBUTE)
        asked = self._default if name is None else self._named.get(name, self._default)
        taken = -1
        for candidate in self._possible(view.event.type):
            if candidate.order != taken and candidate.matches(view):
                taken = candidate.order
                if asked is not None and asked.order == taken:
                    asked = None
                yield candidate
        if asked is not None:
            yield asked

    def _possible(self, event_type: str) -> tuple[Candidate, ...]:
        """The candidates that this type does not rule out; remembered for the types that really come."""
        known = self._by_type.get(event_type)
        if known is None:
            known = tuple(one for one in self._candidates if one.necessary.allows(event_type))
            if len(self._by_type) >= CACHED_TYPES:
                self._by_type.clear()
            self._by_type[event_type] = known
        return known


def plan(table: RouteTable | None, view: EventView) -> tuple[Planned, ...]:
    """The deliveries of one event, pending or held; which of them are born leased is decided at accept."""
    if table is None:
        return ()
    return tuple(
        _planned(candidate, exit_, recipient)
        for candidate in table.matching(view)
        for exit_ in candidate.exits
        if exit_.matches(view)
        for recipient in exit_.recipients
    )


def named(decoded: Decoded, topic: str) -> Decoded:
    """An event that names this topic, unless it names one itself. Raises Malformed for what is no name."""
    if TOPIC_ATTRIBUTE in decoded.event.attributes:
        return decoded
    if len(topic) > MAX_TOPIC_NAME or forbidden_character(topic) is not None:
        raise Malformed("topic_invalid", "`topic` is no name of a topic", expected="a name or an id")
    event = decoded.event
    attributes = {**event.attributes, TOPIC_ATTRIBUTE: topic}
    return decoded._replace(event=Event(attributes, event.data, event.form))


def _planned(candidate: Candidate, exit_: Exit, recipient: str) -> Planned:
    return Planned(
        DeliveryId(new_id()),
        candidate.topic.id,
        exit_.subscription.id,
        exit_.destination_id,
        recipient,
        State.HELD if exit_.held else State.PENDING,
        DISABLED if exit_.held else "",
    )


@lru_cache(maxsize=65_536)
def compiled(
    event_type_filter: str, notification_filter: str, expression: str
) -> tuple[Predicate, Necessary]:
    """A rule of both dialects together, compiled. Raises Invalid where one of its parts is not a rule."""
    tree = rule_tree(event_type_filter, notification_filter, expression)
    return compile_rule(tree), necessary_types(tree)


def rule_tree(event_type_filter: str, notification_filter: str, expression: str) -> Rule:
    """The syntax tree of a rule's parts, all of which must hold."""
    return all_of((parse_ibm(event_type_filter, notification_filter), parse_expression(expression)))


def joint_problems(
    pointer: str, event_type_filter: str, notification_filter: str, expression: str
) -> list[Problem]:
    """What is wrong with a rule whose parts are each in order: together they may be over a limit."""
    try:
        compiled(event_type_filter, notification_filter, expression)
    except Invalid as error:
        return [Problem(one.code, one.detail, pointer, one.expected) for one in error.problems]
    return []


def rule_problems(place: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the parts of a rule, by JSON pointer: {"/rule": "severity >= eror"}."""
    problems: list[Problem] = []
    for pointer, text in place.items():
        try:
            if pointer.endswith("rule"):
                compile_rule(parse_expression(text))
            else:
                compile_rule(parse_ibm(text, ""))
        except Invalid as error:
            problems += [Problem(one.code, one.detail, pointer, one.expected) for one in error.problems]
    return problems


def exit_of(subscription: Subscription, destination: Destination, recipients: tuple[str, ...]) -> Exit:
    """A subscription made ready for routing; one whose rule cannot be compiled wants nothing."""
    matches, _ = _compiled_or_never("", "", subscription.rule, subscription=subscription.id)
    return Exit(subscription, destination.id, matches, recipients, not destination.enabled)


def _candidates(
    feeds: Iterable[tuple[int, tuple[Topic, Sequence[SourceRule], Sequence[Exit]]]],
) -> Iterable[Candidate]:
    for order, (topic, rules, exits) in feeds:
        for rule in rules:
            if rule.enabled:
                matches, necessary = _compiled_or_never(
                    rule.event_type_filter, rule.notification_filter, rule.rule, topic=topic.id, rule=rule.id
                )
                yield Candidate(order, topic, necessary, matches, tuple(exits))


def _compiled_or_never(
    event_type_filter: str, notification_filter: str, expression: str, **place: str
) -> tuple[Predicate, Necessary]:
    """As `compiled`; a rule that another version let in and this one refuses matches nothing."""
    try:
        return compiled(event_type_filter, notification_filter, expression)
    except Invalid as error:
        log.error("rule.uncompilable", code=error.code, detail=error.detail, **place)
        return _NOTHING
