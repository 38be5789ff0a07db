"""Dry runs: what a rule, a topic or a subscription that is not saved yet would do with events of the past.

Each event is planned twice, with today's configuration and with the proposal in it, and set beside what was
delivered at its time. Nothing is stored, nothing is sent. One call looks at a bounded number of events for
a bounded time and says where the next one goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.domain.clock import Clock
from gateway.domain.delivery import Delivery, Planned, State
from gateway.domain.destination import Subscription
from gateway.domain.errors import Invalid
from gateway.domain.ids import EventId, SourceId, SubscriptionId, new_id
from gateway.domain.source import Instance
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.pipeline.counts import looking
from gateway.pipeline.route import NOBODY_ALLOWED, TRIAL_TOPIC, RouteTable, plan
from gateway.pipeline.silence import silenced
from gateway.pipeline.snapshot import Current, Snapshot, proposed_routes
from gateway.ports import DeliveryFilter, EventFilter, Ledger, StoredEvent
from gateway.service.explaining import view_of
from gateway.service.sources import find_source
from gateway.service.subscriptions import Subscriptions
from gateway.service.topics import Topics, problems_of

MOST_EVENTS = 1000
"""Events that one call looks at."""
MOST_SECONDS = 10.0
"""Seconds after which a call ends, however many events are left."""
PAGE = 100
SHOWN_CHANGES = 50
"""Events whose deliveries would change that one call names."""
READ_DELIVERIES = 1000
"""Deliveries of one event that are compared."""

Reached = tuple[SubscriptionId, str]
"""A subscription and a recipient of it."""


class Span(NamedTuple):
    """Which events to look at, newest first: from a time on, up to a time, at most so many."""

    since: float = 0.0
    until: float = float("inf")
    last: int = MOST_EVENTS
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be saved. `topic` is the one whose events are counted as taken."""

    topic: Topic | None = None
    subscription: Subscription | None = None


class Change(NamedTuple):
    """An event that would be delivered to others than with today's configuration."""

    stored: StoredEvent
    gained: Sequence[Reached]
    lost: Sequence[Reached]


@dataclass(slots=True)
class DryRun:
    """What came out. Deliveries by subscription: `was` at the time, `now` as configured, `would` with it; of
    these last, so many are `silenced`."""

    version: int
    looked_at: int = 0
    quarantined: int = 0
    taken: int = 0
    was: Counter[SubscriptionId] = field(default_factory=Counter)
    now: Counter[SubscriptionId] = field(default_factory=Counter)
    would: Counter[SubscriptionId] = field(default_factory=Counter)
    silenced: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    takes: list[StoredEvent] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    oldest: float | None = None
    cursor: str = ""


class DryRuns:
    """Use cases that try a proposal."""

    def __init__(
        self, current: Current, ledger: Ledger, topics: Topics, subscriptions: Subscriptions, clock: Clock
    ) -> None:
        self._current, self._ledger, self._clock = current, ledger, clock
        self._topics, self._subscriptions = topics, subscriptions

    def rule(self, instance: Instance, rule: SourceRule, source_id: str | None) -> Proposal:
        """A rule alone, over one source or all of them. Raises NotFound, or Invalid for what is no rule."""
        if problems := problems_of("/rule", rule):
            raise Invalid.of(problems)
        snapshot = self._current.snapshot
        if source_id is not None:
            find_source(snapshot, instance, source_id)
        wanted = [
            row.id
            for row in snapshot.sources.values()
            if row.instance_id == instance.id and source_id in (None, row.id)
        ]
        feeds = tuple(TopicSource(SourceId(one), (rule,)) for one in wanted)
        return self.topic(instance, None, {"name": "this rule", "sources": feeds})

    def topic(self, instance: Instance, topic_id: str | None, fields: Mapping[str, object]) -> Proposal:
        """A change of a topic, or a new one. Raises as saving it would."""
        return Proposal(topic=self._topics.proposed(self._current.snapshot, instance, topic_id, fields))

    def subscription(
        self, instance: Instance, subscription_id: str | None, fields: Mapping[str, object]
    ) -> Proposal:
        """A change of a subscription, or a new one. Raises as saving it would."""
        given = {"name": new_id(), **fields} if subscription_id is None else fields
        changed = self._subscriptions.proposed(self._current.snapshot, instance, subscription_id, given)
        return Proposal(subscription=changed)

    async def run(self, instance: Instance, proposal: Proposal, span: Span) -> DryRun:
        """Look at the events of a span. Raises Malformed for a cursor that is none."""
        snapshot = self._current.snapshot
        wanted = _owners(proposal)
        run = DryRun(snapshot.version, cursor=span.cursor)
        routes = proposed_routes(
            snapshot,
            instance.id,
            topics=[proposal.topic] if proposal.topic else (),
            subscriptions=[proposal.subscription] if proposal.subscription else (),
            on_problem=lambda owners, code: run.problems.update([code] if wanted & {*owners} else ()),
        )
        ends = self._clock.now() + MOST_SECONDS
        while True:
            limit = min(PAGE, span.last - run.looked_at)
            page = await self._ledger.events(instance.id, EventFilter(), cursor=run.cursor, limit=limit)
            for stored in page.rows:
                if stored.accepted.received_at < span.since:
                    run.cursor = ""
                    return run
                if stored.accepted.received_at <= span.until:
                    await self._look(instance, run, stored, proposal, snapshot, routes)
            run.cursor = page.cursor
            if not run.cursor or run.looked_at >= span.last or self._clock.now() > ends:
                return run

    async def _look(
        self,
        instance: Instance,
        run: DryRun,
        stored: StoredEvent,
        proposal: Proposal,
        snapshot: Snapshot,
        routes: Mapping[SourceId, RouteTable],
    ) -> None:
        run.looked_at += 1
        run.oldest = stored.accepted.received_at
        was = await self._delivered(instance, stored.accepted.id)
        run.was.update(subscription for subscription, _ in was)
        if stored.problems:
            run.quarantined += 1
            return
        view, source = view_of(stored), stored.accepted.source_id
        with looking():
            now = plan(snapshot.table(instance.id, source), view)
        would = plan(routes.get(source), view)
        if proposal.topic and proposal.topic.id in would.topics:
            run.taken += 1
            run.takes += [stored] if len(run.takes) < SHOWN_CHANGES else []
        before, after = _reached(now.deliveries), _reached(would.deliveries)
        run.now.update(subscription for subscription, _ in before)
        run.would.update(subscription for subscription, _ in after)
        told = silenced(snapshot.hushes.get(instance.id), would.deliveries, view, stored.accepted.received_at)
        run.silenced += sum(row.state is State.SUPPRESSED for row in told)
        gained, lost = sorted(set(after) - set(before)), sorted(set(before) - set(after))
        if (gained or lost) and len(run.changes) < SHOWN_CHANGES:
            run.changes.append(Change(stored, gained, lost))

    async def _delivered(self, instance: Instance, event_id: EventId) -> list[Reached]:
        """What the event caused at its time, test deliveries aside."""
        wanted = DeliveryFilter(event_id=event_id)
        page = await self._ledger.deliveries(instance.id, wanted, limit=READ_DELIVERIES)
        return _reached([row for row in page.rows if row.topic_id != TRIAL_TOPIC])


def _reached(rows: Sequence[Planned] | Sequence[Delivery]) -> list[Reached]:
    """Whom deliveries are for; one that reaches nobody is for nobody."""
    return [(row.subscription_id, row.recipient) for row in rows if row.reason != NOBODY_ALLOWED]


def _owners(proposal: Proposal) -> set[str]:
    return {one.id for one in (proposal.topic, proposal.subscription) if one is not None}
