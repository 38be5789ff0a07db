"""Duplicate windows: what comes forward when the first delivery of one is a dead letter."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.delivery import CAME_FORWARD, DUPLICATE_OF, State
from gateway.storage.postgres.statements import Connection, fetch, fetch_value
from gateway.storage.postgres.tally import Tally


async def come_forward(connection: Connection, dead: Sequence[str], now: float, tally: Tally) -> int:
    """Make pending the latest that each window of these dead letters suppressed; how many there were.

    A window without one is closed: the next one opens it anew.
    """
    windows = await fetch(connection, "windows_of", ids=list(dead)) if dead else ()
    if not windows:
        return 0
    forward: int = await fetch_value(
        connection,
        "come_forward",
        keys=[row["key"] for row in windows],
        origins=[DUPLICATE_OF + row["origin"] for row in windows],
        firsts=[row["first"] for row in windows],
        reason=CAME_FORWARD,
        now=now,
    )
    tally.move(State.SUPPRESSED, State.PENDING, forward)
    return forward
