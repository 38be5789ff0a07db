"""Effects on deliveries, a batch of rows in a short transaction."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.delivery import State
from gateway.ports import Effect
from gateway.storage.effects import CANCEL, UNHOLD, Remainder, Step
from gateway.storage.postgres.statements import Connection, fetch, fetch_row, fetch_value
from gateway.storage.postgres.tally import Tally

LOOK_SECONDS = 5.0
"""How soon a node goes on with what another one left that ended."""


async def begin(
    connection: Connection, effects: Sequence[Effect], *, incarnation: int, now: float, batch: int
) -> bool:
    """Carry out at most `batch` rows of the effects of a change, note the rest; whether there is any.

    What another node may be at is waited for before any delivery is locked: that node may need it. For the
    same reason deliveries are counted when all of them are locked: who claims or settles has theirs locked
    when it counts.
    """
    up_to: int = await fetch_value(connection, "newest_number")
    remainders = [Remainder.of(effect, up_to) for effect in effects]
    for one in remainders:
        if one.name != CANCEL:
            await fetch(connection, "drop_holds", destination_id=one.destination_id, reason=one.reason)
    left, noted, moved = batch, False, Tally()
    for one in remainders:
        if one.name == CANCEL:
            cancelled: int = await fetch_value(connection, "cancel_leased", **_given(one, now))
            moved.move(State.LEASED, State.CANCELLED, cancelled)
        remainder, looked_at = await _carry_on(connection, one, moved, now=now, limit=left)
        left -= looked_at
        if remainder is not None:
            await fetch(connection, "add_effect", **remainder.written())
            noted = True
    await moved.write(connection, incarnation)
    return noted


async def step(connection: Connection, *, incarnation: int, now: float, batch: int) -> Step:
    """Carry the next effect on by one batch."""
    async with connection.transaction():
        row = await fetch_row(connection, "next_effect")
        if row is None:
            return Step.IDLE
        before, moved = Remainder.read(row[1:]), Tally()
        remainder, _ = await _carry_on(connection, before, moved, now=now, limit=batch)
        if remainder is None:
            await fetch(connection, "end_effect", number=row[0])
        else:
            await fetch(connection, "move_effect", **remainder.written(), number=row[0])
        await moved.write(connection, incarnation)
    return Step.DUE if remainder is None or before.frees else Step.MORE


async def _carry_on(
    connection: Connection, remainder: Remainder, moved: Tally, *, now: float, limit: int
) -> tuple[Remainder | None, int]:
    """Go through at most `limit` rows; what is left then, and how many were looked at."""
    looked_at = 0
    left: Remainder | None = remainder
    while left is not None and looked_at < limit:
        wanted = limit - looked_at
        pending = left.state is State.PENDING
        after_due, after_number = left.place or (-1.0, -1)
        row = await fetch_row(
            connection,
            "change_pending" if pending else "change_held",
            after_due=after_due,
            after_number=after_number,
            limit=wanted,
            **_given(left, now),
        )
        if row is None:
            left = left.after(None)
            continue
        looked_at += row["looked_at"]
        moved.move(left.state, left.makes, row["changed"])
        left = left.after(None if row["looked_at"] < wanted else (row["due_at"], row["number"]))
    return left, looked_at


def _given(effect: Remainder, now: float) -> dict[str, object]:
    return {
        "destination_id": effect.destination_id,
        "subscription_id": effect.subscription_id,
        "recipients": list(effect.recipients) or None,
        "up_to": effect.up_to,
        "held_for": effect.reason if effect.name == UNHOLD else None,
        "makes": effect.makes.value,
        "leaves": effect.leaves,
        "settled_at": now if effect.name == CANCEL else None,
        "due_at": now if effect.frees else None,
        "now": now,
    }
