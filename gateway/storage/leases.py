"""Leases that nobody took, because their caller is gone: given back until the store takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gateway.domain.clock import Clock
from gateway.domain.delivery import Settlement, State
from gateway.domain.errors import Refused
from gateway.domain.ids import DeliveryId
from gateway.ports import Appended
from gateway.storage.incoming import Append, Settle

RETURN_AGAIN = 1.0
"""Seconds until a lease is given back once more, when the store did not answer."""


class LeaseReturns:
    """Gives leases back by `submit`, which queues a result and raises Refused once the store closes."""

    def __init__(self, submit: Callable[[Settle], asyncio.Future[Any]], clock: Clock) -> None:
        self._submit = submit
        self._clock = clock
        self._loop = asyncio.get_running_loop()

    def forsaken(self, append: Append, answer: Sequence[Appended]) -> None:
        """An append was committed for a caller who is gone: nobody will send what was born leased."""
        for entry, appended in zip(append.entries, answer, strict=True):
            if appended.event_id == entry.event_id:
                for delivery_id in entry.leased:
                    if delivery_id not in appended.suppressed:
                        self.give_back(delivery_id, 1)

    def give_back(self, delivery_id: DeliveryId, epoch: int) -> None:
        """Make a delivery due again, untried."""
        now = self._clock.now()
        untried = Settle(Settlement(delivery_id, epoch, State.PENDING, "caller_gone", now), now)
        try:
            returned = self._submit(untried)
        except Refused:
            return  # Closing gives back every lease.
        returned.add_done_callback(lambda done: self._returned(done, delivery_id, epoch))

    def _returned(self, done: asyncio.Future[Any], delivery_id: DeliveryId, epoch: int) -> None:
        if not done.cancelled() and done.exception() is not None:
            self._loop.call_later(RETURN_AGAIN, self.give_back, delivery_id, epoch)
