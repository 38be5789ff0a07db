"""The noise policy of each subscription, compiled when the configuration changes.

What another version let in and this one cannot read holds nothing back and suppresses nothing: it is logged,
and events go out as if that part of the policy was not set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from gateway.domain.destination import Subscription
from gateway.domain.errors import Invalid
from gateway.domain.hours import digest_after, quiet_until
from gateway.domain.ids import SubscriptionId, TopicId
from gateway.domain.noise import UNSAID, Digest, NoiseInForce, QuietHours, in_force
from gateway.domain.topic import Topic
from gateway.pipeline.noise import Noise, Read
from gateway.pipeline.route import OnProblem, compiled
from gateway.pipeline.watch import operand
from gateway.rules.evaluation import Predicate

log = structlog.get_logger()

T = TypeVar("T")


def policies(
    topics: Mapping[TopicId, Topic], subscriptions: Iterable[Subscription], on_problem: OnProblem
) -> Mapping[SubscriptionId, Noise]:
    """The policy of each subscription that has one."""
    made = {}
    for subscription in subscriptions:
        topic = topics.get(subscription.topic_id)
        held = in_force(topic.policy if topic else UNSAID, subscription.policy, subscription.id)
        if held is not None:
            made[subscription.id] = _ready(subscription.id, held, on_problem)
    return made


def _ready(subscription_id: SubscriptionId, held: NoiseInForce, on_problem: OnProblem) -> Noise:
    def made(member: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except (Invalid, ValueError, KeyError) as error:  # a rule, a time of day, a zone
            log.error("policy.unreadable", subscription=subscription_id, member=member, detail=str(error))
            return None

    digest, duplicates, grouping, quiet = held.digest, held.duplicates, held.grouping, held.quiet_hours
    digested = made("digest", lambda: _predicate(digest, subscription_id, on_problem)) if digest else None
    same_by = made("duplicates", lambda: _operands(duplicates.key)) if duplicates else None
    grouped_by = made("grouping", lambda: _operands(grouping.by)) if grouping else None
    readable = replace(
        held,
        digest=None if digested is None else digest,
        duplicates=None if same_by is None else duplicates,
        grouping=None if grouped_by is None else grouping,
        quiet_hours=made("quiet_hours", lambda: _readable(quiet)) if quiet else None,
    )
    return Noise(subscription_id, readable, digested, same_by or (), grouped_by or ())


def _predicate(digest: Digest, subscription_id: SubscriptionId, on_problem: OnProblem) -> Predicate:
    digest_after(digest, 0.0)
    return compiled("", "", digest.rule).owned((subscription_id,), on_problem)


def _readable(quiet: QuietHours) -> QuietHours:
    quiet_until(quiet, 0.0)
    return quiet


def _operands(texts: Sequence[str]) -> tuple[Read, ...]:
    return tuple(operand(text) for text in texts)
