"""Writing the results of a group, fenced by the epochs of their leases."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence

from gateway.domain.delivery import State
from gateway.storage.incoming import Settle
from gateway.storage.sqlite.holds import hold_settled
from gateway.storage.sqlite.incidents import add_planned, keep_threads
from gateway.storage.sqlite.statements import SQL, execute_rows
from gateway.storage.sqlite.tally import Tally
from gateway.storage.sqlite.windows import come_forward


def write_settles(
    connection: sqlite3.Connection, settles: Sequence[Settle], now: float, tally: Tally
) -> bool:
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
    hold_settled(connection, [settle.hold for settle in settles if settle.hold])
    dead = [settle.result[0] for settle in settles if settle.state == State.DEAD]
    come_forward(connection, dead, now, tally)
    keep_threads(connection, [settle.thread for settle in settles if settle.thread])
    for settle in settles:
        if settle.also:
            event_id = connection.execute(SQL["event_of_delivery"], settle.result[:1]).fetchone()[0]
            add_planned(connection, event_id, settle.also, tally, now=now)
    return True
