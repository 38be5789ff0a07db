"""Fifth station: which deliveries does this event cause? Decided before the commit, by an index.

A route table belongs to one source. It finds the rules that can match an event without asking all of
them, and asks those; `plan` then turns matched topics into one delivery for each subscription and
recipient. What no topic took goes to the fallback topics of the instance.

A sender may name a topic, by name or id, in the attribute `tocsintopic`. A topic that lists the source then
takes the event whatever its rules say; other topics take it by their rules as ever. What names no topic that
is there goes to the source's default topic in the same way. So naming adds a topic and never loses an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import msgspec
import structlog

from gateway.domain.delivery import Planned, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Invalid, Malformed, Problem
from gateway.domain.event import Event, forbidden_character
from gateway.domain.ids import DeliveryId, DestinationId, SourceId, SubscriptionId, TopicId, new_id
from gateway.domain.template import REFERENCES
from gateway.domain.topic import SourceRule, Topic
from gateway.domain.view import EventView
from gateway.pipeline.direct import direct_recipients
from gateway.pipeline.noise import Moment, Noise, Occasion, told_once
from gateway.rules.compile import compile_rule, compile_unguarded
from gateway.rules.evaluation import Predicate, guarded
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_rule as parse_ibm
from gateway.rules.index import Filing, RuleIndex, filing_of
from gateway.rules.tree import Always, Never, Rule, all_of
from gateway.spi.source_format import Decoded

log = structlog.get_logger()

DISABLED = "destination_disabled"
"""The reason that deliveries to a disabled destination are held with."""

NOBODY_ALLOWED = "no_allowed_recipient"
"""The reason that a delivery is suppressed with if the event holds no address that may be told."""

TRIAL_TOPIC, TRIAL_SUBSCRIPTION = TopicId(""), SubscriptionId("")
"""What a test delivery carries in place of a topic, and of a subscription where there is none."""

TOPIC_ATTRIBUTE = "tocsintopic"
"""The attribute in which an event names a topic."""
MAX_TOPIC_NAME = 255

EVERYTHING = SourceRule("")
"""The rule of a fallback topic that names no sources."""


OnProblem: TypeAlias = Callable[[Sequence[str], str], None]
"""Told whose rule could not be evaluated (a topic and its rule, or a subscription, by id), and the code."""


class Compiled(NamedTuple):
    """A rule made ready: its predicate, whether that has to be guarded, and how it is filed."""

    test: Predicate
    fallible: bool
    filing: Filing

    def owned(self, owners: Sequence[str], on_problem: OnProblem) -> Predicate:
        """The predicate for those who have this rule."""
        return guarded(self.test, lambda code: on_problem(owners, code)) if self.fallible else self.test


@dataclass(frozen=True, slots=True)
class Exit:
    """A subscription as routing needs it: its own predicate, whom it reaches, its policy if it has one."""

    subscription: Subscription
    destination_id: DestinationId
    matches: Predicate
    filing: Filing
    recipients: tuple[str, ...]
    held: bool
    noise: Noise | None = None

    def reached(self, view: EventView) -> tuple[str, ...]:
        """Whom it reaches with this event."""
        subscription = self.subscription
        return direct_recipients(subscription, view) if subscription.recipient_from else self.recipients


Exits: TypeAlias = RuleIndex[Exit]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rule of one topic, with the exits that the topic leads to. `order` is the topic's place."""

    order: int
    topic: Topic
    rule_id: str
    filing: Filing
    matches: Predicate
    exits: Exits


Feed: TypeAlias = tuple[Topic, Sequence[SourceRule], Exits]
"""A topic that a source feeds, by which rules, and where it leads."""


Silencer: TypeAlias = Callable[[Sequence[Planned]], list[Planned]]
"""Suppresses those deliveries of an event that a silence is over."""


class Plan(NamedTuple):
    """What an event causes: its deliveries, pending or held, and the topics that took it, by which rules."""

    deliveries: tuple[Planned, ...] = ()
    topics: tuple[TopicId, ...] = ()
    rules: tuple[str, ...] = ()


class RouteTable:
    """The rules of all topics that one source feeds, indexed by what they demand of an event.

    `fallbacks` take what none of `feeds` takes; `default` is one of `feeds`.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        fallbacks: Sequence[Feed] = (),
        on_problem: OnProblem = lambda *_: None,
        *,
        default: TopicId | None = None,
    ) -> None:
        self._candidates = _indexed(feeds, on_problem)
        self._fallbacks = _indexed(fallbacks, on_problem)
        self._named = _by_name(feeds)
        self._default = self._named.get(default)

    def asked_for(self, view: EventView) -> Candidate | None:
        """The topic that the event names, else the source's default topic, if there is one."""
        name = view.event.attributes.get(TOPIC_ATTRIBUTE)
        return self._default if name is None else self._named.get(name, self._default)

    def matching(self, view: EventView) -> Iterable[Candidate]:
        """One matching rule of each topic that takes the event, in the order of the topics; then the topic
        that the event names, unless it is among them."""
        asked = self.asked_for(view)
        taken = asked is not None
        for candidate in _taking(self._candidates, view):
            taken = True
            if asked is not None and asked.order == candidate.order:
                asked = None
            yield candidate
        if asked is not None:
            yield asked
        if not taken:
            yield from _taking(self._fallbacks, view)


def plan(
    table: RouteTable | None,
    view: EventView,
    moment: Moment | None = None,
    silence: Silencer | None = None,
) -> Plan:
    """What one event causes; which deliveries are born leased is decided at accept. Noise policies act on
    them if there is a `moment`, silences if there is one of those."""
    if table is None:
        return Plan()
    planned: list[Planned] = []
    taken: list[Candidate] = []
    noisy: list[tuple[Exit, int, int]] = []
    for candidate in table.matching(view):
        taken.append(candidate)
        for exit_ in candidate.exits.possible(view):
            if exit_.matches(view):
                rows = _planned_all(candidate, exit_, view)
                if exit_.noise is not None:
                    noisy.append((exit_, len(planned), len(planned) + len(rows)))
                planned += rows
    if noisy and moment is not None:
        planned = _quieted(planned, noisy, taken, Occasion(view, moment), silence)
    elif silence is not None:
        planned = silence(planned)
    return Plan(
        tuple(planned),
        tuple(one.topic.id for one in taken),
        tuple(one.rule_id for one in taken if one.rule_id),
    )


def _quieted(
    planned: list[Planned],
    noisy: Sequence[tuple[Exit, int, int]],
    taken: Sequence[Candidate],
    occasion: Occasion,
    silence: Silencer | None,
) -> list[Planned]:
    """Deliveries as policies leave them; `noisy` says which of them are of an exit that has one. What is
    silenced tells nobody in the place of what is not."""
    sparing = set()
    for exit_, start, end in noisy:
        assert exit_.noise is not None  # noqa: S101  else it was not noisy
        planned[start:end] = exit_.noise.applied(planned[start:end], occasion)
        if exit_.noise.in_force.once_per_target:
            sparing.add(exit_.subscription.id)
    if silence is not None:
        planned = silence(planned)
    if not sparing or len(planned) == 1:
        return planned
    exits = {
        one.subscription.id: one for candidate in taken for one in candidate.exits.possible(occasion.view)
    }
    return told_once(planned, sparing, lambda one: address_key(exits[one].subscription))


def address_key(subscription: Subscription) -> bytes:
    """What the addresses of two subscriptions have in common that lead to one place, however they word it."""
    place = {name: value for name, value in subscription.address.items() if name not in REFERENCES}
    return msgspec.json.encode(place, order="deterministic")


def _taking(candidates: RuleIndex[Candidate], view: EventView) -> Iterable[Candidate]:
    taken = -1
    for candidate in candidates.possible(view):
        if candidate.order != taken and candidate.matches(view):
            taken = candidate.order
            yield candidate


def named(decoded: Decoded, topic: str) -> Decoded:
    """An event that names this topic, unless it names one itself. Raises Malformed for what is no name."""
    if TOPIC_ATTRIBUTE in decoded.event.attributes:
        return decoded
    if len(topic) > MAX_TOPIC_NAME or forbidden_character(topic) is not None:
        raise Malformed("topic_invalid", "`topic` is no name of a topic", expected="a name or an id")
    event = decoded.event
    attributes = {**event.attributes, TOPIC_ATTRIBUTE: topic}
    return decoded._replace(event=Event(attributes, event.data, event.form))


def _planned_all(candidate: Candidate, exit_: Exit, view: EventView) -> list[Planned]:
    reached = exit_.reached(view)
    if exit_.subscription.recipient_from and not reached:
        nobody = _planned(candidate, exit_, "")
        return [nobody._replace(state=State.SUPPRESSED, reason=NOBODY_ALLOWED)]
    return [_planned(candidate, exit_, recipient) for recipient in reached]


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
def compiled(event_type_filter: str, notification_filter: str, expression: str) -> Compiled:
    """A rule of both dialects together, compiled. Raises Invalid where one of its parts is not a rule."""
    return _compiled(rule_tree(event_type_filter, notification_filter, expression))


def _compiled(tree: Rule) -> Compiled:
    predicate, fallible = compile_unguarded(tree)
    return Compiled(predicate, fallible, filing_of(tree))


_NOTHING, _ALL = _compiled(Never()), _compiled(Always())


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


def exit_of(
    subscription: Subscription,
    destination: Destination,
    recipients: tuple[str, ...],
    on_problem: OnProblem = lambda *_: None,
    noise: Noise | None = None,
) -> Exit:
    """A subscription made ready for routing; one whose rule cannot be compiled wants nothing."""
    ready = _compiled_or_never("", "", subscription.rule, subscription=subscription.id)
    matches = ready.owned((subscription.id,), on_problem)
    held = not destination.enabled
    return Exit(subscription, destination.id, matches, ready.filing, recipients, held, noise)


def exits_of(exits: Sequence[Exit]) -> Exits:
    """The exits of a topic, indexed."""
    return RuleIndex([(one.filing, one) for one in exits])


def feeding_rules(topic: Topic, source_id: SourceId) -> Sequence[SourceRule]:
    """The rules by which a topic takes events of a source. A fallback without sources takes all of each."""
    if topic.fallback and not topic.sources:
        return (EVERYTHING,)
    return [rule for feed in topic.sources if feed.source_id == source_id for rule in feed.rules]


def _indexed(feeds: Iterable[Feed], on_problem: OnProblem) -> RuleIndex[Candidate]:
    return RuleIndex([(one.filing, one) for one in _candidates(feeds, on_problem)])


def _by_name(feeds: Sequence[Feed]) -> Mapping[object, Candidate]:
    """What takes every event for each topic, by its id and by its name; of two with a name the older one."""
    found: dict[object, Candidate] = {}
    for order, (topic, _, exits) in enumerate(feeds):
        whole = Candidate(order, topic, "", _ALL.filing, _ALL.test, exits)
        found[topic.id] = whole
        found.setdefault(topic.name, whole)
    return found


def _candidates(feeds: Iterable[Feed], on_problem: OnProblem) -> Iterable[Candidate]:
    for order, (topic, rules, exits) in enumerate(feeds):
        for rule in rules:
            if rule.enabled:
                ready = _compiled_or_never(
                    rule.event_type_filter, rule.notification_filter, rule.rule, topic=topic.id, rule=rule.id
                )
                matches = ready.owned((topic.id, rule.id), on_problem)
                yield Candidate(order, topic, rule.id, ready.filing, matches, exits)


def _compiled_or_never(
    event_type_filter: str, notification_filter: str, expression: str, **place: str
) -> Compiled:
    """As `compiled`; a rule that another version let in and this one refuses matches nothing."""
    try:
        return compiled(event_type_filter, notification_filter, expression)
    except Invalid as error:
        log.error("rule.uncompilable", code=error.code, detail=error.detail, **place)
        return _NOTHING
