"""Results of deliveries on their way into the file, fenced by the epoch of their lease."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from gateway.domain.delivery import TERMINAL, TRANSITIONS, Settlement, State
from gateway.storage.sqlite.statements import execute_rows
from gateway.storage.sqlite.tally import Tally

MOST_SENT = 16 << 10
"""Bytes that are kept of what was sent."""

ROW_SIZE = 500
"""Bytes that a settled row rewrites, roughly."""


class Settle:
    """One call of `Ledger.settle`, as rows."""

    __slots__ = ("attempt", "result", "sent", "size", "state", "tried")

    def __init__(self, settlement: Settlement, now: float) -> None:
        """Raises ValueError when a leased delivery cannot go to that state, or not without an attempt."""
        if settlement.state not in TRANSITIONS[State.LEASED]:
            raise ValueError(f"a leased delivery does not become {settlement.state}")
        if settlement.state is State.DELIVERED and settlement.attempt is None:
            raise ValueError("a delivery is delivered by an attempt")
        self.state = settlement.state.value
        self.tried = settlement.attempt is not None
        self.result = _result_row(settlement, now)
        self.attempt = _attempt_row(settlement)
        sent = settlement.sent[:MOST_SENT]
        self.sent = (settlement.delivery_id, settlement.epoch, bytearray(sent)) if sent else None
        self.size = ROW_SIZE + len(sent)


def write_settles(connection: sqlite3.Connection, settles: Sequence[Settle], tally: Tally) -> bool:
    """Write results together; False when one was refused for its epoch, and then the rest is written.

    The caller rolls back and comes again with one at a time: stale results are rare.
    """
    execute_rows(connection, "add_attempts", [settle.attempt for settle in settles if settle.attempt])
    execute_rows(connection, "keep_sent", [settle.sent for settle in settles if settle.sent])
    tried = [settle.result for settle in settles if settle.tried]
    untried = [settle.result for settle in settles if not settle.tried]
    written = execute_rows(connection, "settle", tried) + execute_rows(connection, "settle_untried", untried)
    if written != len(settles):
        return False
    for state, count in Counter(settle.state for settle in settles).items():
        tally.move(State.LEASED.value, state, count)
    return True


def _result_row(settlement: Settlement, now: float) -> tuple[Any, ...]:
    row = (
        settlement.delivery_id,
        settlement.epoch,
        settlement.state.value,
        settlement.reason,
        settlement.due_at,
        now if settlement.state in TERMINAL else None,
    )
    attempt = settlement.attempt
    if attempt is None:
        return row
    return (*row, attempt.started_at, attempt.duration, attempt.code, attempt.detail, attempt.excerpt)


def _attempt_row(settlement: Settlement) -> tuple[Any, ...] | None:
    """A row of its own for a failed try; a success is told by the delivery itself."""
    attempt = settlement.attempt
    if attempt is None or settlement.state is State.DELIVERED:
        return None
    return (
        settlement.delivery_id,
        settlement.epoch,
        attempt.number,
        attempt.started_at,
        attempt.duration,
        attempt.reason,
        attempt.code,
        attempt.detail,
        attempt.excerpt,
    )
