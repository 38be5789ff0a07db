"""Retention: deleting what is old, in small batches, for as long as the process runs."""

from __future__ import annotations

import asyncio

import structlog

from gateway.domain.clock import Clock
from gateway.domain.errors import Refused
from gateway.ports import Ledger

log = structlog.get_logger()

DAY = 86_400.0
PRUNE_ROWS = 500
PRUNE_EVERY = 60.0
"""Seconds between two rounds of retention."""

KEY_DAYS = 30.0
"""Days that idempotency keys are kept, whatever happens to their events (design section 5)."""


class Retention:
    """Deletes what is old, in small batches, for as long as the process runs."""

    def __init__(self, ledger: Ledger, clock: Clock, *, event_days: float, delivery_days: float) -> None:
        self._ledger, self._clock = ledger, clock
        self._event_days, self._delivery_days = event_days, delivery_days

    async def run(self, stopping: asyncio.Event) -> None:
        """Prune every minute until `stopping` is set."""
        while not stopping.is_set():
            try:
                await self.prune(stopping)
            except Refused as error:
                log.warning("retention.failed", code=error.code, detail=error.detail)
            try:
                async with asyncio.timeout(PRUNE_EVERY):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def prune(self, stopping: asyncio.Event | None = None) -> int:
        """Delete everything that is old by now; return how many rows went."""
        now = self._clock.now()
        total = 0
        while not (stopping and stopping.is_set()):
            rows = await self._ledger.prune(
                events_before=now - self._event_days * DAY,
                deliveries_before=now - self._delivery_days * DAY,
                keys_before=now - KEY_DAYS * DAY,
                limit=PRUNE_ROWS,
            )
            total += rows
            if rows < PRUNE_ROWS:
                break
        return total
