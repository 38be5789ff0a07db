"""Effects on deliveries, a batch of rows in the writer's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from gateway.domain.delivery import State
from gateway.ports import Effect
from gateway.storage.effects import CANCEL, HOLD, UNHOLD, Remainder, Step
from gateway.storage.sqlite.statements import SQL
from gateway.storage.sqlite.tally import Tally

Place = tuple[Any, ...]
_PLACE = ("due_at", "rescues", "after_subscription", "number")
_BEFORE_ALL: Place = (-1.0, -1, "", -1)
_CHANGES = {CANCEL: "cancel", HOLD: "hold", UNHOLD: "unhold"}
PLACES = 20
"""Bits of a delivery's number that say its place within its event."""


def begin(connection: sqlite3.Connection, effects: Sequence[Effect], *, now: float, batch: int) -> bool:
    """Carry out at most `batch` rows of the effects of a change, note the rest; whether there is any."""
    newest: int = connection.execute(SQL["newest_number"]).fetchone()[0]
    tally = Tally()
    left, noted = batch, False
    for effect in effects:
        whole = Remainder.of(effect, (newest + 1 << PLACES) - 1)
        _clear_way(connection, whole, tally, now)
        remainder, looked_at = _carry_on(connection, whole, tally, now=now, limit=left)
        left -= looked_at
        if remainder is not None:
            connection.execute(SQL["add_effect"], remainder.written())
            noted = True
    tally.write(connection)
    return noted


def step(connection: sqlite3.Connection, *, now: float, batch: int) -> Step:
    """Carry the next effect on by one batch."""
    row = connection.execute(SQL["next_effect"]).fetchone()
    if row is None:
        return Step.IDLE
    tally = Tally()
    before = Remainder.read(row[1:])
    remainder, _ = _carry_on(connection, before, tally, now=now, limit=batch)
    tally.write(connection)
    if remainder is None:
        connection.execute(SQL["end_effect"], {"number": row[0]})
    else:
        connection.execute(SQL["move_effect"], remainder.written() | {"number": row[0]})
    return Step.DUE if remainder is None or before.frees else Step.MORE


def _clear_way(connection: sqlite3.Connection, whole: Remainder, tally: Tally, now: float) -> None:
    """What of an effect is not left for later: leases end with the change itself."""
    if whole.name != CANCEL:
        connection.execute(SQL["drop_holds"], whole.written())
        return
    leased = connection.execute(SQL["leased_of_destination"], whole.written()).fetchall()
    numbers = [number for number, *about in leased if whole.reaches(number, *about)]
    _change(connection, whole, State.LEASED, numbers, tally, now)


def _carry_on(
    connection: sqlite3.Connection, remainder: Remainder, tally: Tally, *, now: float, limit: int
) -> tuple[Remainder | None, int]:
    """Go through at most `limit` rows; what is left then, and how many were looked at."""
    looked_at = 0
    left: Remainder | None = remainder
    while left is not None and looked_at < limit:
        found = _pending if left.state is State.PENDING else _held
        seen = found(connection, left, limit - looked_at)
        numbers = [number for _, number, *about in seen if left.reaches(number, *about)]
        _change(connection, left, left.state, numbers, tally, now)
        ended = len(seen) < limit - looked_at
        looked_at += len(seen)
        left = left.after(None if ended else seen[-1][0])
    return left, looked_at


def _pending(connection: sqlite3.Connection, remainder: Remainder, limit: int) -> list[tuple[Any, ...]]:
    """Rows as (place, number, subscription, recipient, reason)."""
    place = dict(zip(_PLACE, remainder.place or _BEFORE_ALL, strict=True))
    found = connection.execute(SQL["pending_from"], {**remainder.written(), **place, "limit": limit})
    return [(row[:4], row[3], row[2], *row[4:]) for row in found]


def _held(connection: sqlite3.Connection, remainder: Remainder, limit: int) -> list[tuple[Any, ...]]:
    """Rows as (place, number, subscription, recipient, reason)."""
    (number,) = remainder.place or (-1,)
    found = connection.execute(
        SQL["held_from"], {"destination_id": remainder.destination_id, "number": number, "limit": limit}
    )
    return [(row[:1], *row) for row in found]


def _change(
    connection: sqlite3.Connection,
    effect: Remainder,
    state: State,
    numbers: Sequence[int],
    tally: Tally,
    now: float,
) -> None:
    given = {"numbers": json.dumps(numbers), "reason": effect.leaves, "now": now}
    if numbers:
        connection.execute(SQL[_CHANGES[effect.name]], given)
        tally.move(state.value, effect.makes.value, len(numbers))
