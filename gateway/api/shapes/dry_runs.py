"""Bodies of dry runs: what is proposed, over which events, and what would come of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import Field, model_validator

from gateway.api.shapes.base import Answer, Given, StrictGiven, timestamp
from gateway.api.shapes.topics import RuleGiven, TopicReplace
from gateway.domain.errors import Invalid
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import StoredEvent
from gateway.service.dry_run import MOST_EVENTS, Change, DryRun, Proposal, Reached, Span


class SubscriptionProposal(Given):
    """A change of a subscription, or with `topic_id` and `destination_id` a new one."""

    topic_id: str | None = None
    destination_id: str | None = None
    enabled: bool | None = None
    rule: str | None = Field(None, max_length=4096)
    attributes: dict[str, Any] | None = None


class DryRunGiven(StrictGiven):
    """One of `rule`, `topic` and `subscription`, and which events to hold it against, newest first."""

    rule: RuleGiven | None = Field(None, description="A rule alone, as if a new topic had it.")
    source_id: str | None = Field(None, description="With `rule`: only events of this source.")
    topic_id: str | None = Field(None, description="The topic that `topic` changes; without it, a new one.")
    topic: TopicReplace | None = None
    subscription_id: str | None = Field(None, description="The subscription that `subscription` changes.")
    subscription: SubscriptionProposal | None = None
    last: int = Field(200, ge=1, le=MOST_EVENTS, description="Events to look at.")
    since: str | None = Field(None, max_length=64, description="Only events received since, RFC 3339.")
    until: str | None = Field(None, max_length=64, description="Only events received until, RFC 3339.")
    cursor: str = Field("", max_length=200, description="`cursor` of the answer before, to go on.")

    @model_validator(mode="after")
    def _one_proposal(self) -> Self:
        if sum(one is not None for one in (self.rule, self.topic, self.subscription)) != 1:
            raise ValueError("one of rule, topic and subscription")
        return self

    @property
    def span(self) -> Span:
        """Which events are meant. Raises Invalid for a time that is none."""
        since = _seconds("/since", self.since, 0.0)
        return Span(since, _seconds("/until", self.until, float("inf")), self.last, self.cursor)


class ReachedAnswer(Answer):
    """A subscription and, for kinds that have them, a recipient."""

    subscription_id: str
    subscription_name: str
    recipient: str | None = None


class TakenEventAnswer(Answer):
    """An event of the past."""

    event_id: str
    type: str
    received_at: str
    title: str | None = None


class ChangeAnswer(TakenEventAnswer):
    """An event that would go elsewhere than as configured today."""

    gained: list[ReachedAnswer]
    lost: list[ReachedAnswer]


class CountedAnswer(Answer):
    """Deliveries: at the time, as configured today, and with the proposal."""

    was: int
    now: int
    would: int


class SubscriptionCountedAnswer(CountedAnswer):
    """Deliveries of one subscription."""

    subscription_id: str
    subscription_name: str
    destination_name: str


class DryRunAnswer(Answer):
    """What would come of it. Nothing was stored or sent."""

    registry_version: int
    events: int = Field(description="Events that were looked at.")
    quarantined: int
    taken: int | None = Field(None, description="Events that the proposed topic or rule takes.")
    not_evaluable: dict[str, int] | None = Field(
        None, description="How often the proposal could not be evaluated, by code."
    )
    deliveries: CountedAnswer
    silenced: int | None = Field(None, description="Of those with it, how many a silence is over.")
    subscriptions: list[SubscriptionCountedAnswer]
    takes: list[TakenEventAnswer] = Field(description="The newest events that it takes, 50 at most.")
    changes: list[ChangeAnswer] = Field(description="The newest events that would go elsewhere, 50 at most.")
    oldest: str | None = Field(None, description="When the oldest of the events was received.")
    cursor: str | None = Field(None, description="Where further events begin; missing after the last.")


def dry_run_answer(run: DryRun, proposal: Proposal, snapshot: Snapshot) -> DryRunAnswer:
    """A dry run for reading."""
    names = {row.id: row.name for row in snapshot.subscriptions.values()}
    ends = {row.id: row.destination_id for row in snapshot.subscriptions.values()}
    if (new := proposal.subscription) is not None:
        names.setdefault(new.id, "the new subscription")
        ends.setdefault(new.id, new.destination_id)
    counted = sorted({*run.was, *run.now, *run.would}, key=lambda one: (names.get(one, ""), one))
    return DryRunAnswer(
        registry_version=run.version,
        events=run.looked_at,
        quarantined=run.quarantined,
        taken=run.taken if proposal.topic else None,
        not_evaluable=dict(run.problems) or None,
        deliveries=CountedAnswer(was=run.was.total(), now=run.now.total(), would=run.would.total()),
        silenced=run.silenced or None,
        subscriptions=[
            SubscriptionCountedAnswer(
                subscription_id=one,
                subscription_name=names.get(one, ""),
                destination_name=end.name if (end := snapshot.destinations.get(ends.get(one, one))) else "",  # type: ignore[arg-type]
                was=run.was[one],
                now=run.now[one],
                would=run.would[one],
            )
            for one in counted
        ],
        takes=[TakenEventAnswer(**_event(one)) for one in run.takes],
        changes=[_change(one, names) for one in run.changes],
        oldest=None if run.oldest is None else timestamp(run.oldest),
        cursor=run.cursor or None,
    )


def _change(change: Change, names: dict[Any, str]) -> ChangeAnswer:
    def reached(rows: Sequence[Reached]) -> list[ReachedAnswer]:
        return [
            ReachedAnswer(subscription_id=one, subscription_name=names.get(one, ""), recipient=who or None)
            for one, who in rows
        ]

    return ChangeAnswer(**_event(change.stored), gained=reached(change.gained), lost=reached(change.lost))


def _event(stored: StoredEvent) -> dict[str, Any]:
    accepted = stored.accepted
    return {
        "event_id": accepted.id,
        "type": accepted.event.type,
        "received_at": timestamp(accepted.received_at),
        "title": accepted.vocabulary.title,
    }


def _seconds(pointer: str, text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise Invalid(
        "invalid_value", "this is no time", pointer=pointer, expected="RFC 3339, as in 2026-03-01T08:00:00Z"
    )
