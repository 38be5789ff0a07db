"""Where time comes from: a port, so that tests can move it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: `now` for what people and stores read, `monotonic` for measuring and leases."""

    def now(self) -> float:
        """Wall-clock time, seconds since the Unix epoch."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
