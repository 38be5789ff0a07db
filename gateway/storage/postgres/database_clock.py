"""The database's clock, as this node knows it: all nodes agree on when something is due.

A node's own wall clock may be wrong. What it shows does not matter here: the database is asked for the
time with every heartbeat, and between two of them the node counts on by its monotonic clock.
"""

from __future__ import annotations

from gateway.domain.clock import Clock

LONGEST_WAY = 0.5
"""Seconds that asking may take; what is wrong by half of it is well within the margin of a lease."""


class DatabaseClock:
    """Implements `gateway.domain.clock.Clock`. Before the first `observe` it is the node's own clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = clock.now() - clock.monotonic()
        self._observed = False

    def now(self) -> float:
        """The database's time, seconds since the Unix epoch."""
        return self._clock.monotonic() + self._offset

    def monotonic(self) -> float:
        """The node's own monotonic clock."""
        return self._clock.monotonic()

    def observe(self, shown: float, asked_at: float) -> None:
        """The database showed this time; it was asked at `asked_at` of the monotonic clock.

        The answer is as old as half the way there and back; one that took long tells too little.
        """
        answered_at = self._clock.monotonic()
        if answered_at - asked_at <= LONGEST_WAY or not self._observed:
            self._offset = shown - (asked_at + answered_at) / 2
            self._observed = True
