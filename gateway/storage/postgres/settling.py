"""Writing the results of a group, fenced by the epochs of their leases.

One statement, unless something follows from them: holds, what comes forward for dead letters, the beginnings
of threads, deliveries to others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.domain.delivery import State
from gateway.domain.ids import EventId
from gateway.domain.incident import Thread
from gateway.storage.incoming import Settle
from gateway.storage.postgres.holds import hold_settled
from gateway.storage.postgres.incidents import add_planned
from gateway.storage.postgres.statements import Connection, columns, fetch, fetch_value
from gateway.storage.postgres.tally import Tally
from gateway.storage.postgres.windows import come_forward

COLUMNS = (
    "ids", "epochs", "states", "reasons", "due_ats", "settled_ats", "started_ats", "durations", "codes",
    "details", "excerpts", "attempt_numbers", "attempt_reasons", "bodies",
)  # fmt: skip
_UNTRIED = (None,) * 5

Lease = tuple[str, int]
"""A delivery's id and its epoch."""


class Settled(NamedTuple):
    """Whether each result was written, and whether another delivery has become due by one."""

    held: Sequence[bool]
    freed: bool


async def write_settles(
    connection: Connection, settles: Sequence[Settle], *, incarnation: int, now: float
) -> Settled:
    """Write results together, but those whose lease was not held any more.

    Of two results of one lease the first counts.
    """
    first: dict[tuple[str, int], Settle] = {}
    for settle in settles:
        first.setdefault(_lease(settle), settle)
    rows = [_row(settle) for settle in first.values()]
    given = {**columns(COLUMNS, rows), "incarnation": incarnation}
    freed = 0
    if any(map(_has_followers, first.values())):
        async with connection.transaction():
            held = await fetch(connection, "settle", **given, counting=False)
            written = {(row[0], row[1]): State(row[2]) for row in held}
            tally = Tally()
            freed = await _follow(connection, first, written, now, tally)
            await tally.write(connection, incarnation)
    else:
        held = await fetch(connection, "settle", **given, counting=True)
        written = {(row[0], row[1]): State(row[2]) for row in held}
    done = [first[_lease(settle)] is settle and _lease(settle) in written for settle in settles]
    return Settled(done, freed > 0)


async def _follow(
    connection: Connection,
    settles: Mapping[Lease, Settle],
    written: Mapping[Lease, State],
    now: float,
    tally: Tally,
) -> int:
    """What results bring about; how many other deliveries are due now."""
    for state in written.values():
        tally.move(State.LEASED, state, 1)
    dead = [delivery_id for (delivery_id, _), state in written.items() if state is State.DEAD]
    freed = await come_forward(connection, dead, now, tally)
    done = [settles[lease] for lease in written]
    await hold_settled(connection, done)
    if threads := [settle.thread for settle in done if settle.thread]:
        await fetch(connection, "keep_threads", **columns(Thread._fields, threads))
    return freed + await _tell_others(connection, done, now, tally)


async def _tell_others(connection: Connection, settles: Sequence[Settle], now: float, tally: Tally) -> int:
    """Plan what goes to others too, events in one order; how many that are."""
    events = [
        (EventId(await fetch_value(connection, "event_of_delivery", id=settle.result[0])), settle.also)
        for settle in settles
        if settle.also
    ]
    added = 0
    for event_id, also in sorted(events, key=lambda one: one[0]):
        added += await add_planned(connection, event_id, also, tally, now=now)
    return added


def _has_followers(settle: Settle) -> bool:
    return bool(settle.hold or settle.thread or settle.also) or settle.state == State.DEAD


def _lease(settle: Settle) -> Lease:
    return settle.result[0], settle.result[1]


def _row(settle: Settle) -> tuple[Any, ...]:
    result = tuple(_storable(value) for value in settle.result)
    tried = result if settle.tried else (*result, *_UNTRIED)
    number, reason = (settle.attempt[2], settle.attempt[5]) if settle.attempt else (None, None)
    return (*tried, number, reason, settle.sent[2] if settle.sent else None)


def _storable(value: object) -> object:
    """PostgreSQL's text holds every character but U+0000, which a receiver may well have answered."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
