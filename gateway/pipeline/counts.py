"""Counting what topics, rules, subscriptions and silences do, in memory, until somebody writes it down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from gateway.domain.clock import Clock
from gateway.domain.counting import Count, Counted, day_of
from gateway.domain.delivery import State
from gateway.domain.ids import SourceId, SubscriptionId, TopicId
from gateway.domain.silence import SILENCED_BY
from gateway.domain.source import SELF
from gateway.pipeline.accept import Routed
from gateway.telemetry.metrics import Metrics

ENDED = {
    State.DELIVERED: Counted.DELIVERED,
    State.DEAD: Counted.DEAD,
    State.SUPPRESSED: Counted.SUPPRESSED,
}

_looking: ContextVar[bool] = ContextVar("looking", default=False)


@contextmanager
def looking() -> Iterator[None]:
    """Ask the rules that are in force about events that did not come now: nothing of it is counted."""
    token = _looking.set(True)
    try:
        yield
    finally:
        _looking.reset(token)


class Counts:
    """Numbers that were not written down yet. What is held is bounded by what is configured."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock, self._metrics = clock, metrics
        self._open: Counter[tuple[str, int, Counted]] = Counter()

    def routed(self, source_id: SourceId, routed: Routed, now: float) -> None:
        """An event of this source is durable with what was decided for it."""
        day = day_of(now)
        numbers = self._open
        if source_id != SELF:  # which is the same source for every instance
            numbers[source_id, day, Counted.MATCHED] += 1
        for subject in (*routed.topics, *routed.rules):
            numbers[subject, day, Counted.MATCHED] += 1
        for subscription in {row.subscription_id for row in routed.planned}:
            numbers[subscription, day, Counted.MATCHED] += 1
        for row in routed.planned:
            if row.state is State.SUPPRESSED:
                self._ended(row.topic_id, row.subscription_id, Counted.SUPPRESSED, day)
                if row.reason.startswith(SILENCED_BY):
                    numbers[row.reason.removeprefix(SILENCED_BY), day, Counted.SUPPRESSED] += 1

    def settled(self, topic_id: TopicId, subscription_id: SubscriptionId, state: State) -> None:
        """A delivery came to this state; test deliveries have no topic and are not counted."""
        if topic_id and state in ENDED:
            self._ended(topic_id, subscription_id, ENDED[state], day_of(self._clock.now()))

    def not_evaluable(self, owners: Iterable[str], code: str) -> None:
        """A rule of these could not be evaluated on an event; while somebody only looks, that is no news."""
        if _looking.get():
            return
        day = day_of(self._clock.now())
        for owner in owners:
            self._open[owner, day, Counted.NOT_EVALUABLE] += 1
        self._metrics.rules_not_evaluable.labels(code).inc()

    def take(self) -> Sequence[Count]:
        """What is to be written down; it is forgotten here."""
        taken, self._open = self._open, Counter()
        return [Count(*key, number) for key, number in taken.items()]

    def put_back(self, counts: Iterable[Count]) -> None:
        """What could not be written down."""
        for subject, day, what, number in counts:
            self._open[subject, day, what] += number

    def of(self, subjects: Iterable[str]) -> Sequence[Count]:
        """What of these subjects is not written down yet."""
        wanted = frozenset(subjects)
        return [Count(*key, number) for key, number in self._open.items() if key[0] in wanted]

    def _ended(self, topic_id: TopicId, subscription_id: SubscriptionId, what: Counted, day: int) -> None:
        self._open[topic_id, day, what] += 1
        self._open[subscription_id, day, what] += 1
