"""Retry policy: when a failed delivery is tried again, and when it becomes a dead letter.

Pure arithmetic; the schedule is data in the store, never a loop in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

STANDARD_SCHEDULE: tuple[float, ...] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""Seconds before each retry, from the example of Standard Webhooks 1.0.0: 75 hours in all."""

JITTER = 0.2
THROTTLED_FLOOR = 60.0
"""A receiver that was too slow or too busy is left alone this long at least (Svix: worker.rs)."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`schedule` holds the wait in seconds before the second, third, ... attempt."""

    schedule: tuple[float, ...] = STANDARD_SCHEDULE

    def delay(self, attempts: int, chance: float, *, floor: float = 0.0) -> float | None:
        """Seconds until the next try after `attempts` failed ones, or None when there is none left.

        `chance` in [0, 1) spreads the wait over plus or minus a fifth, so that a crowd does not return
        at once; `floor` is what the receiver asked for (its Retry-After), never undercut.
        """
        if attempts > len(self.schedule):
            return None
        wait = self.schedule[attempts - 1] * (1 - JITTER + 2 * JITTER * chance)
        return max(wait, floor)

    @property
    def span(self) -> float:
        """Seconds from the first attempt to the last, without jitter."""
        return sum(self.schedule)
