"""Writing the results of a group in one statement, fenced by the epochs of their leases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.storage.incoming import Settle
from gateway.storage.postgres.statements import Connection, columns, fetch

COLUMNS = (
    "ids", "epochs", "states", "reasons", "due_ats", "settled_ats", "started_ats", "durations", "codes",
    "details", "excerpts", "attempt_numbers", "attempt_reasons", "bodies",
)  # fmt: skip
_UNTRIED = (None,) * 5


async def write_settles(
    connection: Connection, settles: Sequence[Settle], *, incarnation: int
) -> Sequence[bool]:
    """Write results together; False for each whose lease was not held any more.

    Of two results of one lease the first counts.
    """
    first: dict[tuple[str, int], Settle] = {}
    for settle in settles:
        first.setdefault(_lease(settle), settle)
    rows = [_row(settle) for settle in first.values()]
    held = await fetch(connection, "settle", **columns(COLUMNS, rows), incarnation=incarnation)
    written = {(row[0], row[1]) for row in held}
    return [first[_lease(settle)] is settle and _lease(settle) in written for settle in settles]


def _lease(settle: Settle) -> tuple[str, int]:
    return settle.result[0], settle.result[1]


def _row(settle: Settle) -> tuple[Any, ...]:
    result = tuple(_storable(value) for value in settle.result)
    tried = result if settle.tried else (*result, *_UNTRIED)
    number, reason = (settle.attempt[2], settle.attempt[5]) if settle.attempt else (None, None)
    return (*tried, number, reason, settle.sent[2] if settle.sent else None)


def _storable(value: object) -> object:
    """PostgreSQL's text holds every character but U+0000, which a receiver may well have answered."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
