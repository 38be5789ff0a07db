"""Sixth station: the event and its fan-out become durable in one transaction; then, and only then, 202."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gateway.domain.delivery import AcceptedEvent, Claim, Planned, State
from gateway.domain.event import Event
from gateway.domain.ids import DestinationId, EventId, InstanceId, SourceId, TopicId, new_id
from gateway.domain.incident import Chapter, Sign
from gateway.domain.monitor import Observation
from gateway.domain.source import Source
from gateway.pipeline.validate import Verdict
from gateway.ports import Appended, Entry, Ledger
from gateway.spi.source_format import Decoded

DIGEST_BYTES, HEAD_BYTES = 16, 16


class Routed(NamedTuple):
    """An event on its way in: what it is, what the schemas said, what it causes, which topics took it, by
    which of their rules, what monitors saw in it, and what it means to an incident."""

    decoded: Decoded
    verdict: Verdict
    planned: tuple[Planned, ...]
    topics: tuple[TopicId, ...] = ()
    rules: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    sign: Sign | None = None


class Lanes(Protocol):
    """What accept needs of the dispatcher: places before the commit, and to fill or free them after it."""

    def reserve(self, destination_id: DestinationId, event: Event) -> bool:
        """Keep a place; False: the delivery is to be claimed later."""

    def hand_over(self, claim: Claim) -> None:
        """Fill a reserved place with a delivery that is durable now."""

    def give_up(self, planned: Planned, event: Event) -> None:
        """Free a reserved place."""

    def wanted(self) -> None:
        """Something waits in the ledger to be claimed."""


async def accept(
    ledger: Ledger,
    source: Source,
    routed: Sequence[Routed],
    *,
    version: int,
    received_at: float,
    lanes: Lanes,
) -> Sequence[Appended]:
    """Append all of a request, then hand over what was born leased.

    Reserved places of what is not handed over are given up, whatever happens. Raises StaleRoutingError,
    Unavailable, OutOfSpace; then nothing was stored.
    """
    reserved: list[tuple[Planned, Event]] = []
    owner = ledger.owner
    try:
        entries = [_entry(source, one, version, received_at, lanes, reserved) for one in routed]
        appended = await ledger.append(entries, routed_with=version)
    except BaseException:
        for planned, event in reserved:
            lanes.give_up(planned, event)
        raise
    for entry, result in zip(entries, appended, strict=True):
        fresh = result.event_id == entry.accepted.id and not result.duplicate
        told = fresh and (result.chapter is None or result.chapter.told)
        for planned in entry.planned:
            if planned.state is State.LEASED and told and planned.id not in result.suppressed:
                repeats = result.repeats.get(planned.id, 0)
                lanes.hand_over(first_claim(entry.accepted, planned, owner, repeats, result.chapter))
            elif planned.state is State.LEASED:
                lanes.give_up(planned, entry.accepted.event)
            elif planned.state is State.PENDING:
                lanes.wanted()
    return appended


def first_claim(
    accepted: AcceptedEvent, planned: Planned, owner: str, repeats: int = 0, chapter: Chapter | None = None
) -> Claim:
    """The lease that a delivery is born with."""
    return Claim(
        planned.id,
        1,
        accepted,
        planned.topic_id,
        planned.subscription_id,
        planned.destination_id,
        planned.recipient,
        owner=owner,
        repeats=repeats,
        chapter=chapter,
    )


def event_key(instance_id: InstanceId, source_id: SourceId, event_source: str, event_id: str) -> bytes:
    """What makes a repeat: same instance, registered source, `source` and `id` (CloudEvents 1.0, id).

    U+0000 keeps the parts apart: no CloudEvents attribute may hold it (Type System). The digest tells
    events apart. The first bytes of the id stand before it, so that the keys of a sender that counts, or
    whose ids begin with the time, are neighbours in the store's index.
    """
    parts = f"{event_id}\0{event_source}\0{source_id}\0{instance_id}".encode()
    return parts[:HEAD_BYTES] + hashlib.blake2b(parts, digest_size=DIGEST_BYTES).digest()


def _entry(
    source: Source,
    one: Routed,
    version: int,
    received_at: float,
    lanes: Lanes,
    reserved: list[tuple[Planned, Event]],
) -> Entry:
    event = one.decoded.event
    accepted = AcceptedEvent(
        EventId(new_id()),
        source.instance_id,
        source.id,
        event,
        one.decoded.vocabulary,
        received_at,
        version,
    )
    key = event_key(source.instance_id, source.id, event.source, event.id)
    planned = tuple(_leased(row, event, lanes, reserved) for row in one.planned)
    verdict, seen = one.verdict, one.observations
    return Entry(accepted, key, planned, verdict.problems, verdict.revision, seen, verdict.flags, one.sign)


def _leased(planned: Planned, event: Event, lanes: Lanes, reserved: list[tuple[Planned, Event]]) -> Planned:
    """Born leased where this node has a place for it."""
    if planned.state is not State.PENDING or not lanes.reserve(planned.destination_id, event):
        return planned
    leased = planned._replace(state=State.LEASED)
    reserved.append((leased, event))
    return leased
