"""Bodies of explanations: every topic and subscription, the atoms that decided, and what then happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.shapes.base import Answer, StrictGiven
from gateway.api.shapes.records import (
    AttemptAnswer,
    DeliveryAnswer,
    ProblemAnswer,
    attempt_answer,
    delivery_answer,
    problem_answer,
)
from gateway.domain.delivery import Delivery
from gateway.domain.silence import Silence
from gateway.pipeline.explain import ExitVerdict, RuleVerdict, TopicVerdict, Why
from gateway.pipeline.snapshot import Snapshot
from gateway.rules.explain import Explained
from gateway.service.explaining import Explanation

MAX_ROWS = 1000
"""Subscriptions in one explanation; with more of them, ask for one topic or subscription."""

TEXTS = {
    Why.TOOK: "the topic took the event",
    Why.WANTED: "the subscription wanted it",
    Why.DISABLED: "it is disabled",
    Why.NO_SUCH_SOURCE: "the event's source does not feed this topic",
    Why.NO_RULE: "the topic has no enabled rule for the event's source",
    Why.RULE: "no rule held",
    Why.UNEVALUABLE: "the rule could not be evaluated on this event, so it matches nothing",
    Why.OTHERS_TOOK: "it is a fallback, and another topic took the event",
    Why.TOPIC: "the topic did not take the event",
    Why.NO_DESTINATION: "its destination is not there",
    Why.QUARANTINED: "the event fits no schema and is quarantined: nothing is routed",
}


class ExplainQuery(BaseModel):
    """By which configuration, and how much of it."""

    model_config = ConfigDict(extra="forbid")

    now: bool = Field(False, description="By today's configuration, not by that which routed the event.")
    topic_id: str | None = Field(None, description="Only this topic.")
    subscription_id: str | None = Field(None, description="Only this subscription, and its topic.")


class ExplainGiven(StrictGiven):
    """An event that may be sent one day."""

    source_id: str = Field(description="The registered source that would send it.")
    event: dict[str, Any] = Field(description="A CloudEvent in structured JSON.")


class FindingAnswer(Answer):
    """An atom that decided: whether it held, and what the event has there."""

    atom: str
    holds: bool
    found: str | None = Field(None, description="The value as JSON; missing where the event has none.")


class RuleVerdictAnswer(Answer):
    """A rule that was asked."""

    id: str
    rule: str | None = None
    event_type_filter: str | None = None
    notification_filter: str | None = None
    holds: bool
    problem: str | None = Field(None, description="The code of what could not be evaluated.")
    decided_by: list[FindingAnswer]


class ConsequenceAnswer(DeliveryAnswer):
    """A delivery that followed, with every try."""

    tries: list[AttemptAnswer]


class SilencedAnswer(Answer):
    """The silence that is over an event."""

    id: str
    author: str
    reason: str


class ExitVerdictAnswer(Answer):
    """What became of a subscription."""

    id: str
    name: str
    destination_id: str
    destination_name: str
    destination_type: str
    rule: str | None = None
    wanted: bool
    why: Why
    text: str
    problem: str | None = None
    decided_by: list[FindingAnswer]
    recipients: list[str]
    silence: SilencedAnswer | None = Field(None, description="What kept them from being told.")
    deliveries: list[ConsequenceAnswer]


class TopicVerdictAnswer(Answer):
    """What became of a topic."""

    id: str
    name: str
    fallback: bool | None = None
    took: bool
    why: Why
    text: str
    rules: list[RuleVerdictAnswer]
    subscriptions: list[ExitVerdictAnswer]


class ExplainAnswer(Answer):
    """Why an event went where it went. `other_deliveries` belong to no subscription that is listed."""

    event_id: str | None = None
    source_id: str
    source_name: str
    registry_version: int = Field(description="The configuration that was asked.")
    newest_version: int
    type: str
    quarantined: bool
    problems: list[ProblemAnswer] | None = None
    topics: list[TopicVerdictAnswer]
    other_deliveries: list[ConsequenceAnswer]
    left_out: int | None = Field(None, description="Subscriptions that are not listed, for want of room.")
    deliveries_cursor: str | None = None


def explain_answer(
    explanation: Explanation, event_type: str, query: ExplainQuery, snapshot: Snapshot
) -> ExplainAnswer:
    """An explanation for reading."""
    shown, left_out = _selected(explanation.verdicts, query)
    listed = {row.subscription.id for _, exits in shown for row in exits}
    source = snapshot.sources.get(explanation.source_id)
    stored = explanation.stored
    everything = not (query.topic_id or query.subscription_id or left_out)
    others = [
        row
        for subscription, rows in explanation.deliveries.items()
        if everything and subscription not in listed
        for row in rows
    ]
    return ExplainAnswer(
        event_id=stored.accepted.id if stored else None,
        source_id=explanation.source_id,
        source_name=source.name if source else "",
        registry_version=explanation.version,
        newest_version=snapshot.version,
        type=event_type,
        quarantined=bool(explanation.problems),
        problems=[problem_answer(one) for one in explanation.problems] or None,
        topics=[_topic(explanation, verdict, exits, snapshot) for verdict, exits in shown],
        other_deliveries=_consequences(explanation, others, snapshot),
        left_out=left_out or None,
        deliveries_cursor=explanation.cursor or None,
    )


_Shown = list[tuple[TopicVerdict, Sequence[ExitVerdict]]]


def _selected(verdicts: Iterable[TopicVerdict], query: ExplainQuery) -> tuple[_Shown, int]:
    """What was asked for, at most MAX_ROWS subscriptions, and how many were left out for that."""
    shown: _Shown = []
    room, left_out = MAX_ROWS, 0
    for verdict in verdicts:
        exits = [row for row in verdict.exits if query.subscription_id in (None, row.subscription.id)]
        if query.topic_id not in (None, verdict.topic.id) or (query.subscription_id and not exits):
            continue
        shown.append((verdict, exits[:room]))
        left_out += max(len(exits) - room, 0)
        room = max(room - len(exits), 0)
    return shown, left_out


def _topic(
    explanation: Explanation, verdict: TopicVerdict, exits: Sequence[ExitVerdict], snapshot: Snapshot
) -> TopicVerdictAnswer:
    return TopicVerdictAnswer(
        id=verdict.topic.id,
        name=verdict.topic.name,
        fallback=verdict.topic.fallback or None,
        took=verdict.took,
        why=verdict.why,
        text=TEXTS[verdict.why],
        rules=[_rule(one) for one in verdict.rules],
        subscriptions=[_exit(explanation, one, snapshot) for one in exits],
    )


def _rule(verdict: RuleVerdict) -> RuleVerdictAnswer:
    rule, explained = verdict
    type_filter = rule.event_type_filter
    return RuleVerdictAnswer(
        id=rule.id,
        rule=rule.rule or None,
        event_type_filter=None if type_filter in {"", "$.*"} else type_filter,
        notification_filter=rule.notification_filter or None,
        holds=explained.holds,
        problem=explained.problem or None,
        decided_by=_findings(explained),
    )


def _findings(explained: Explained | None) -> list[FindingAnswer]:
    return [
        FindingAnswer(atom=one.atom, holds=one.holds, found=one.found or None)
        for one in (explained.findings if explained else ())
    ]


def _exit(explanation: Explanation, verdict: ExitVerdict, snapshot: Snapshot) -> ExitVerdictAnswer:
    subscription, destination = verdict.subscription, verdict.destination
    return ExitVerdictAnswer(
        id=subscription.id,
        name=subscription.name,
        destination_id=subscription.destination_id,
        destination_name=destination.name if destination else "",
        destination_type=destination.kind if destination else "",
        rule=subscription.rule or None,
        wanted=verdict.wanted,
        why=verdict.why,
        text=TEXTS[verdict.why],
        problem=(verdict.explained.problem if verdict.explained else "") or None,
        decided_by=_findings(verdict.explained),
        recipients=[one for one in verdict.recipients if one],
        silence=_silence(verdict.silence),
        deliveries=_consequences(explanation, explanation.of(verdict), snapshot),
    )


def _silence(silence: Silence | None) -> SilencedAnswer | None:
    return SilencedAnswer(id=silence.id, author=silence.author, reason=silence.reason) if silence else None


def _consequences(
    explanation: Explanation, deliveries: Iterable[Delivery], snapshot: Snapshot
) -> list[ConsequenceAnswer]:
    return [
        ConsequenceAnswer(
            **delivery_answer(row, snapshot).model_dump(),
            tries=[attempt_answer(one) for one in explanation.attempts.get(row.id, ())],
        )
        for row in deliveries
    ]
