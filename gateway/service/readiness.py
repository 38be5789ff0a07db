"""Readiness: whether the store takes writes, asked of it once a second at most, whoever wants to know."""

from __future__ import annotations

import asyncio

from gateway.domain.clock import Clock
from gateway.domain.errors import Refused
from gateway.ports import Store

FRESH_SECONDS = 1.0
"""How long a verdict is good for: a check writes and waits for the disk, and anybody may ask."""


class Readiness:
    """The last verdict on the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._lock = asyncio.Lock()
        self._checked_at: float | None = None
        self._problem = ""

    async def problem(self) -> str:
        """Why the store takes nothing; '' when it does."""
        async with self._lock:
            if self._checked_at is None or self._clock.monotonic() - self._checked_at >= FRESH_SECONDS:
                self._problem = await self._check()
                self._checked_at = self._clock.monotonic()
            return self._problem

    async def _check(self) -> str:
        try:
            await self._store.check()
        except Refused as error:
            return error.detail
        return ""
