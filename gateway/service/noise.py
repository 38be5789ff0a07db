"""Noise policies: changing what a topic or a subscription says, and whether that can be.

An edit holds plain values, as JSON has them: by member true, false, None for nothing said, or what changes
of it. When a policy acts is in `gateway.pipeline`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.domain.destination import Subscription
from gateway.domain.errors import Invalid, Problem
from gateway.domain.ids import InstanceId, SubscriptionId
from gateway.domain.noise import (
    USUAL,
    Digest,
    DuplicateWindow,
    Escalation,
    Fallback,
    Frequency,
    Grouping,
    NoisePolicy,
    QuietHours,
    Unless,
    in_force,
)
from gateway.domain.severity import Severity
from gateway.domain.topic import Topic
from gateway.pipeline.route import rule_problems
from gateway.pipeline.snapshot import Snapshot
from gateway.pipeline.watch import operand
from gateway.rules.moments import zone_of

Edit = Mapping[str, object]

POLICY = "policy"
PLACE = "/policy"
INVALID = "policy_invalid"

STANDARD: Final[Mapping[str, Any]] = {**USUAL, "fallback": Fallback(SubscriptionId(""))}
"""What an edit of a member changes that is off or unsaid so far."""

_READ: Final[Mapping[str, Callable[[Any], object]]] = {
    "frequency": Frequency,
    "unless": Unless,
    "let_through": lambda word: Severity[word.upper()],
    "key": tuple,
    "by": tuple,
    "days": tuple,
}
"""How plain values become those of the domain."""

_is_time = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]").fullmatch


def edited(known: NoisePolicy, edit: Edit) -> NoisePolicy:
    """A policy with an edit merged into it; what the edit does not name stays."""
    members: dict[str, Any] = {name: _member(known, name, value) for name, value in edit.items()}
    return replace(known, **members)


def with_policy(known: NoisePolicy, fields: Mapping[str, object]) -> dict[str, Any]:
    """The fields of a topic or a subscription with the edit among them made a policy."""
    edit = fields.get(POLICY)
    rest = {name: value for name, value in fields.items() if name != POLICY}
    return {**rest, POLICY: edited(known, edit)} if isinstance(edit, Mapping) else rest


def _member(known: NoisePolicy, name: str, value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    standard, before = STANDARD[name], getattr(known, name)
    base = before if isinstance(before, type(standard)) else standard
    return replace(base, **{part: _READ.get(part, _as_is)(given) for part, given in value.items()})


def _as_is(value: object) -> object:
    return value


def check_policy(snapshot: Snapshot, owner: Topic | Subscription, known: NoisePolicy) -> None:
    """Whether a topic or subscription as it would be can have its policy, where that changes.

    Raises Invalid with what is wrong, and where.
    """
    if owner.policy == known:
        return
    problems = [*policy_problems(owner.policy), *_target_problems(snapshot, owner)]
    if not problems:
        problems = _cycle_problems(snapshot, owner)
    if problems:
        raise Invalid.of(problems)


def policy_problems(policy: NoisePolicy) -> list[Problem]:
    """What is wrong with a policy by itself."""
    problems: list[Problem] = []
    if isinstance(policy.digest, Digest):
        place, digest = f"{PLACE}/digest", policy.digest
        found = rule_problems({"/rule": digest.rule})
        problems += [one.below(place) for one in found]
        problems += _time_problems(f"{place}/time", digest.time)
        problems += _zone_problems(f"{place}/zone", digest.zone)
    if isinstance(policy.quiet_hours, QuietHours):
        problems += _quiet_problems(policy.quiet_hours)
    if isinstance(policy.duplicates, DuplicateWindow):
        problems += _operand_problems(f"{PLACE}/duplicates/key", policy.duplicates.key)
    if isinstance(policy.grouping, Grouping):
        problems += _operand_problems(f"{PLACE}/grouping/by", policy.grouping.by)
    return problems


def _quiet_problems(quiet: QuietHours) -> list[Problem]:
    place = f"{PLACE}/quiet_hours"
    problems = [
        *_time_problems(f"{place}/start", quiet.start),
        *_time_problems(f"{place}/end", quiet.end),
        *_zone_problems(f"{place}/zone", quiet.zone),
    ]
    if quiet.start == quiet.end:
        problems.append(Problem(INVALID, "they end as they begin", f"{place}/end", "another time than start"))
    return problems


def _time_problems(place: str, text: str) -> list[Problem]:
    return [] if _is_time(text) else [Problem(INVALID, "this is no time of day", place, "as in 09:00")]


def _zone_problems(place: str, zone: str) -> list[Problem]:
    try:
        zone_of(zone)
    except Invalid as error:
        return [replace(one, pointer=place) for one in error.problems]
    return []


def _operand_problems(place: str, operands: Sequence[str]) -> list[Problem]:
    problems: list[Problem] = []
    for number, text in enumerate(operands):
        try:
            operand(text)
        except Invalid as error:
            problems += [replace(one, pointer=f"{place}/{number}") for one in error.problems]
    return problems


def targets_of(policy: NoisePolicy) -> Iterable[tuple[str, SubscriptionId]]:
    """The members that name a subscription, each with the one that it names."""
    if isinstance(policy.escalation, Escalation) and policy.escalation.to is not None:
        yield "escalation", policy.escalation.to
    if isinstance(policy.fallback, Fallback):
        yield "fallback", policy.fallback.to


def target_names(policy: NoisePolicy, snapshot: Snapshot) -> dict[str, str]:
    """The names of the subscriptions that a policy names, by id; '' for one that is gone."""
    found = {to: snapshot.subscriptions.get(to) for _, to in targets_of(policy)}
    return {to: row.name if row else "" for to, row in found.items()}


def users_of(snapshot: Snapshot, subscription: Subscription) -> list[str]:
    """The topics and subscriptions whose policies name this subscription, but not itself."""
    rows: list[tuple[str, Topic | Subscription]] = [
        *(("topic", one) for one in snapshot.topics.values()),
        *(("subscription", one) for one in snapshot.subscriptions.values()),
    ]
    return [
        f"{noun} {row.name}"
        for noun, row in rows
        if row.id != subscription.id and any(to == subscription.id for _, to in targets_of(row.policy))
    ]


def _target_problems(snapshot: Snapshot, owner: Topic | Subscription) -> list[Problem]:
    problems = []
    for member, to in targets_of(owner.policy):
        place = f"{PLACE}/{member}/to"
        found = snapshot.subscriptions.get(to)
        if found is None or found.instance_id != owner.instance_id:
            detail = f"there is no subscription {to[:100]!r}" if to else "it does not say where to"
            problems.append(Problem(INVALID, detail, place, "the id of a subscription of this instance"))
        elif to == owner.id:
            problems.append(
                Problem(INVALID, "a subscription cannot stand in for itself", place, "another one")
            )
    return problems


def _cycle_problems(snapshot: Snapshot, owner: Topic | Subscription) -> list[Problem]:
    """Chains that come back to where they began: of fallbacks, and of escalations."""
    problems = []
    for member in ("escalation", "fallback"):
        if any(name == member for name, _ in targets_of(owner.policy)):
            cycle = _cycle(_leads(snapshot, owner, member), _rows(snapshot, owner))
            if cycle:
                detail = f"this goes round in a circle: {' to '.join(cycle)}"
                expected = "a subscription that leads to none of these"
                problems.append(Problem(INVALID, detail, f"{PLACE}/{member}/to", expected))
    return problems


def _rows(snapshot: Snapshot, owner: Topic | Subscription) -> Mapping[SubscriptionId, Subscription]:
    """The subscriptions of the instance as they would be."""
    own = _own(snapshot, owner.instance_id)
    return {**own, owner.id: owner} if isinstance(owner, Subscription) else own


def _own(snapshot: Snapshot, instance_id: InstanceId) -> Mapping[SubscriptionId, Subscription]:
    return {id: row for id, row in snapshot.subscriptions.items() if row.instance_id == instance_id}


def _leads(
    snapshot: Snapshot, owner: Topic | Subscription, member: str
) -> Mapping[SubscriptionId, SubscriptionId]:
    """Where each subscription leads to by what is in force for it. One that has itself from its topic leads
    nowhere: it is the end of the chain."""
    leads = {}
    for row in _rows(snapshot, owner).values():
        topic = owner if isinstance(owner, Topic) and owner.id == row.topic_id else None
        topic = topic or snapshot.topics.get(row.topic_id)
        held = in_force(topic.policy, row.policy, row.id) if topic else None
        to = getattr(getattr(held, member, None), "to", None)
        if to is not None and to != row.id:
            leads[row.id] = to
    return leads


def _cycle(
    leads: Mapping[SubscriptionId, SubscriptionId], rows: Mapping[SubscriptionId, Subscription]
) -> list[str]:
    """The names along one circle, its first one again at the end."""
    done: set[SubscriptionId] = set()
    for first in leads:
        path: list[SubscriptionId] = []
        at: SubscriptionId | None = first
        while at is not None and at not in done:
            done.add(at)
            path.append(at)
            at = leads.get(at)
        if at in path:
            around = [*path[path.index(at) :], at]
            return [row.name if (row := rows.get(one)) else one for one in around]
    return []
