"""A clock that stands still until a test moves it."""

from __future__ import annotations


class FakeClock:
    """Implements `gateway.domain.clock.Clock`; `now` and `monotonic` move together."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 1_000.0

    def now(self) -> float:
        """Wall-clock time, seconds since the Unix epoch."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        self._monotonic += seconds

    def set_now(self, now: float) -> None:
        """Set the wall clock, as an operator or NTP does; monotonic time does not notice."""
        self._now = now
