"""Silences: which planned deliveries are suppressed, because somebody said that nobody is to be told.

Asked when an event is routed, by the time at which it was received; so an explanation comes to the same.
What a silence held back is a row like any other, with the silence in its reason, and can be replayed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from gateway.domain.delivery import Planned, State
from gateway.domain.errors import Invalid
from gateway.domain.ids import InstanceId, TopicId
from gateway.domain.silence import SILENCED_BY, Silence
from gateway.domain.view import EventView
from gateway.pipeline.route import Compiled, OnProblem, Silencer, compiled
from gateway.rules.evaluation import Predicate
from gateway.rules.index import RuleIndex

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hush:
    """A silence made ready."""

    silence: Silence
    matches: Predicate


Hushes: TypeAlias = RuleIndex[Hush]


def hushes_by_instance(silences: Iterable[Silence], on_problem: OnProblem) -> Mapping[InstanceId, Hushes]:
    """The silences of each instance that has any, the oldest first."""
    ready: dict[InstanceId, list[tuple[Compiled, Hush]]] = defaultdict(list)
    for silence in by_age(silences):
        if (rule := _rule(silence)) is not None:
            hush = Hush(silence, rule.owned((silence.id,), on_problem))
            ready[silence.instance_id].append((rule, hush))
    return {
        instance: RuleIndex([(rule.filing, hush) for rule, hush in own]) for instance, own in ready.items()
    }


def silencer(hushes: Hushes | None, view: EventView, at: float) -> Silencer | None:
    """What suppresses those deliveries of an event, received `at`, that a silence is over; None: nothing."""
    return None if hushes is None else lambda planned: silenced(hushes, planned, view, at)


def silenced(hushes: Hushes | None, planned: Sequence[Planned], view: EventView, at: float) -> list[Planned]:
    """The deliveries of an event received `at`; those that a silence is over are suppressed, and wait for
    nothing."""
    if hushes is None or not planned:
        return list(planned)
    over = [one for one in hushes.possible(view) if one.silence.covers(at) and one.matches(view)]
    return [_hushed(row, over) for row in planned] if over else list(planned)


def silence_over(
    silences: Sequence[Silence], topic_id: TopicId, view: EventView, at: float
) -> Silence | None:
    """The first silence, of these by age, that is over what a topic tells of an event."""
    for one in silences:
        if one.covers(at) and one.topic_id in (None, topic_id) and _matches(one, view):
            return one
    return None


def by_age(silences: Iterable[Silence]) -> list[Silence]:
    """The oldest first, which is the one that is named where several are over an event."""
    return sorted(silences, key=lambda one: (one.created_at, one.id))


def _hushed(planned: Planned, over: Sequence[Hush]) -> Planned:
    for hush in over:
        if hush.silence.topic_id in (None, planned.topic_id):
            reason = SILENCED_BY + hush.silence.id
            return planned._replace(state=State.SUPPRESSED, reason=reason, hold=None, window=None)
    return planned


def _matches(silence: Silence, view: EventView) -> bool:
    rule = _rule(silence)
    return rule is not None and rule.owned((silence.id,), lambda *_: None)(view)


def _rule(silence: Silence) -> Compiled | None:
    """One that another version let in and this one cannot read silences nothing."""
    try:
        return compiled("", "", silence.rule)
    except Invalid as error:
        log.error("silence.uncompilable", silence=silence.id, code=error.code, detail=error.detail)
        return None
