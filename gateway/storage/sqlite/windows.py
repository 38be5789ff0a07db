"""Duplicate windows: what of a group falls into an open one, and what comes forward when a first is dead."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gateway.domain.delivery import CAME_FORWARD, DUPLICATE_OF, State
from gateway.domain.ids import DeliveryId
from gateway.storage.incoming import Noise
from gateway.storage.sqlite.statements import SQL, execute_rows, select_rows
from gateway.storage.sqlite.tally import Tally

_ID, _STATE, _CREATED_AT = 0, 7, 12


class Noisy(NamedTuple):
    """A delivery that policies have a say in, with its number, and what its caller is told of it."""

    number: int
    row: tuple[Any, ...]
    noise: Noise
    suppressed: dict[DeliveryId, DeliveryId]
    repeats: dict[DeliveryId, int]


def written(connection: sqlite3.Connection, group: Sequence[Noisy]) -> list[tuple[Any, ...]]:
    """Open the windows of a group and write its holds; the rows of its deliveries as they are now."""
    opened = _open(connection, group)
    decided = [_decided(one, opened) for one in group]
    left = [one for one, row in zip(group, decided, strict=True) if row[1 + _STATE] != State.SUPPRESSED]
    told = [(one.number, one.repeats[one.row[_ID]]) for one in left if one.repeats.get(one.row[_ID])]
    execute_rows(connection, "add_repeats", told)
    _hold(connection, left)
    return decided


def come_forward(
    connection: sqlite3.Connection, dead: Iterable[DeliveryId], now: float, tally: Tally
) -> None:
    """Where the first of a window is a dead letter, the latest that it suppressed takes its place.

    A window without one is closed: the next one opens it anew.
    """
    for key, origin, first in select_rows(connection, "windows_of", [(one,) for one in dead]):
        latest = connection.execute(SQL["latest_suppressed"], (DUPLICATE_OF + origin,)).fetchone()
        if latest is None:
            connection.execute(SQL["close_window"], (key,))
            continue
        number, id = latest
        connection.execute(SQL["come_forward"], (CAME_FORWARD, now, number))
        connection.execute(SQL["copy_repeats"], (number, first))
        connection.execute(SQL["move_window"], (id, key))
        tally.move(State.SUPPRESSED.value, State.PENDING.value, 1)


def _open(connection: sqlite3.Connection, group: Sequence[Noisy]) -> dict[bytes, tuple[str, int]]:
    """The delivery that opened each window of a group, and how many the window before suppressed."""
    rows: dict[bytes, list[Any]] = {}
    for one in group:
        if one.noise.window_key is None:
            continue
        key, id = bytes(one.noise.window_key), one.row[_ID]
        if key in rows:
            rows[key][-1] += 1
        else:
            rows[key] = [one.noise.window_key, one.row[_CREATED_AT], one.noise.window_end, id, id, 0]
    found = select_rows(connection, "open_windows", list(rows.values()))
    return {key: (origin, before) for key, origin, before in found}


def _decided(one: Noisy, opened: dict[bytes, tuple[str, int]]) -> tuple[Any, ...]:
    key, row = one.noise.window_key, one.row
    if key is None:
        return (one.number, *row)
    id, (origin, before) = row[_ID], opened[bytes(key)]
    if origin == id:
        if before:
            one.repeats[id] = before
        return (one.number, *row)
    one.suppressed[id] = DeliveryId(origin)
    now = row[_CREATED_AT]
    return (
        one.number, *row[:_STATE], State.SUPPRESSED.value, DUPLICATE_OF + origin, 0, None, now, now, now,
    )  # fmt: skip


def _hold(connection: sqlite3.Connection, group: Sequence[Noisy]) -> None:
    streams: dict[str, tuple[Any, ...]] = {}
    holds = []
    for number, row, (_, _, stream, until, rank), *_ in group:
        if stream is None:
            continue
        holds.append((number, stream, until, rank))
        known = streams.get(stream)
        if known is None or until < known[-1]:
            _, instance_id, _, topic_id, subscription_id, destination_id, recipient, _, reason = row[:9]
            streams[stream] = (
                stream, reason, instance_id, topic_id, subscription_id, destination_id, recipient, until,
            )  # fmt: skip
    execute_rows(connection, "add_streams", list(streams.values()))
    execute_rows(connection, "add_holds", holds)
