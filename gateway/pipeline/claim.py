"""Dispatch, first station: claiming from the ledger what is due and was not born leased here.

Retries, overflow of full lanes, what other incarnations left behind, what was replayed. One loop looks
when something is due, when a lane has room again, and every few seconds to be sure.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from gateway.domain.clock import Clock
from gateway.domain.errors import Refused
from gateway.domain.ids import DestinationId
from gateway.pipeline.dispatcher import Dispatcher
from gateway.pipeline.snapshot import Current
from gateway.ports import Ledger

log = structlog.get_logger()

CLAIM_LIMIT = 256
LONGEST_SLEEP, BLOCKED_SLEEP, SHORTEST_SLEEP = 5.0, 1.0, 0.01
"""Seconds between looks: when nothing is due, when what is due has no room, and at least."""

SUSPECT_SHARE = 10
"""Suspects get one tenth of the time: after each, everybody else gets nine times as long as it took."""

FAULT_SECONDS = 1.0


class Claimer:
    """Feeds the dispatcher. `hold_disabled` moves what is pending for disabled destinations to held."""

    def __init__(
        self,
        ledger: Ledger,
        current: Current,
        dispatcher: Dispatcher,
        clock: Clock,
        hold_disabled: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger, self._current, self._clock = ledger, current, clock
        self._dispatcher = dispatcher
        self._hold_disabled = hold_disabled
        self._to_hold = True
        self._wake = asyncio.Event()
        self._sleep_until = 0.0
        self._suspects_from = 0.0
        dispatcher.came_back = self._came_back
        dispatcher.wanted = self.wake

    def wake(self) -> None:
        """Look into the ledger now: something became due, or there is room."""
        self._wake.set()

    async def run(self) -> None:
        """Claim what is due until the dispatcher stops."""
        while not self._dispatcher.stopping:
            try:
                with contextlib.suppress(Refused):  # tried again with the next look; claiming goes on
                    await self._hold_what_came_back()
                full = await self._claim_due()
                alone = await self._deliver_suspect()
                pause = 0.0 if full or alone else await self._until_due()
            except Refused as error:
                log.warning("ledger.unavailable", code=error.code, detail=error.detail)
                pause = FAULT_SECONDS
            except Exception:
                log.error("claiming.failed", exc_info=True)
                pause = FAULT_SECONDS
            await self._sleep(pause)

    def _came_back(self, destination_id: DestinationId, due_at: float) -> None:
        """A delivery is pending once more: look when it is due, or at once if it must be held."""
        destination = self._current.snapshot.destinations.get(destination_id)
        if destination is not None and not destination.enabled:
            self._to_hold = True
            self._wake.set()
        elif due_at < self._sleep_until:
            self._wake.set()

    async def _hold_what_came_back(self) -> None:
        """At the start too: what an earlier incarnation had leased is pending since."""
        if self._to_hold:
            self._to_hold = False
            try:
                await self._hold_disabled()
            except BaseException:
                self._to_hold = True
                raise

    async def _claim_due(self) -> bool:
        """Claim what is due and has room; True when there may be more."""
        room = self._dispatcher.room()
        places = self._dispatcher.places
        limit = min(CLAIM_LIMIT, self._dispatcher.claimable)
        claims = await self._ledger.claim(room, default_room=places, limit=limit) if limit else ()
        self._dispatcher.push(claims)
        if len(claims) >= limit:
            return limit > 0
        self._dispatcher.fed(room, claims)
        return False

    async def _deliver_suspect(self) -> bool:
        """A delivery whose lease was lost three times may be what crashes the process: nothing beside it.

        False when there is none, or when it is not their turn.
        """
        if self._clock.monotonic() < self._suspects_from:
            return False
        suspect = await self._ledger.claim_suspect()
        if suspect is None:
            return False
        # Not leased while others finish: a crash of theirs would count against it.
        open_now = self._dispatcher.open_for(suspect)
        await self._dispatcher.give_back([suspect], "alone", 0.0 if open_now else LONGEST_SLEEP)
        if not open_now:
            return False
        took = await self._dispatcher.alone(self._ledger.claim_suspect)
        self._suspects_from = self._clock.monotonic() + took * (SUSPECT_SHARE - 1)
        return True

    async def _until_due(self) -> float:
        due = await self._ledger.next_due()
        if due is None:
            return LONGEST_SLEEP
        wait = due - self._clock.now()
        if wait > 0:
            return min(max(wait, SHORTEST_SLEEP), LONGEST_SLEEP)
        for_suspects = self._suspects_from - self._clock.monotonic()
        return min(for_suspects, BLOCKED_SLEEP) if for_suspects > 0 else BLOCKED_SLEEP

    async def _sleep(self, seconds: float) -> None:
        self._sleep_until = self._clock.now() + seconds
        if seconds and not self._dispatcher.stopping:
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass
        self._wake.clear()
