"""Effects of a change on deliveries, however many: begun with the change, carried on in short transactions.

Here: what is left of an effect, as stores keep it, and the task that works it off. How a batch of rows is
changed belongs to each store.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NamedTuple

import structlog

from gateway.domain.delivery import State
from gateway.domain.errors import Refused
from gateway.domain.ids import DestinationId, SubscriptionId
from gateway.ports import Cancel, Effect, Hold

log = structlog.get_logger()

BATCH = 1000
"""Deliveries that are looked at in one transaction."""
FAULT_SECONDS = 1.0

CANCEL, HOLD, UNHOLD = "cancel", "hold", "unhold"
_GOES_THROUGH = {CANCEL: (State.HELD, State.PENDING), HOLD: (State.PENDING,), UNHOLD: (State.HELD,)}
_MAKES = {CANCEL: State.CANCELLED, HOLD: State.HELD, UNHOLD: State.PENDING}


class Remainder(NamedTuple):
    """What is left of an effect: a destination's deliveries in `state`, from `place` in the store's order on.

    `up_to` is the highest number of a delivery that it reaches; `recipients` are all where empty. After
    `state`, a cancellation goes through the next one; what was leased it has ended with the change itself.
    """

    name: str
    destination_id: DestinationId
    subscription_id: SubscriptionId | None
    recipients: tuple[str, ...]
    reason: str
    up_to: int
    state: State
    place: tuple[float | str, ...] = ()

    @classmethod
    def of(cls, effect: Effect, up_to: int) -> Remainder:
        """The whole of an effect."""
        name = CANCEL if isinstance(effect, Cancel) else HOLD if isinstance(effect, Hold) else UNHOLD
        return cls(
            name,
            effect.destination_id,
            effect.subscription_id if isinstance(effect, Cancel) else None,
            effect.recipients if isinstance(effect, Cancel) else (),
            effect.reason,
            up_to,
            _GOES_THROUGH[name][0],
        )

    @classmethod
    def read(cls, row: tuple[str, ...]) -> Remainder:
        """One that was kept by `written`."""
        name, destination_id, subscription_id, recipients, reason, up_to, state, place = row
        return cls(
            name,
            DestinationId(destination_id),
            SubscriptionId(subscription_id) if subscription_id else None,
            tuple(json.loads(recipients)),
            reason,
            int(up_to),
            State(state),
            tuple(json.loads(place)),
        )

    def written(self) -> dict[str, object]:
        """The columns of its row."""
        texts = {"recipients": json.dumps(self.recipients), "place": json.dumps(self.place)}
        return self._asdict() | texts | {"state": self.state.value}

    @property
    def makes(self) -> State:
        """The state that deliveries get."""
        return _MAKES[self.name]

    @property
    def leaves(self) -> str:
        """The reason that deliveries get: none where they are free again."""
        return "" if self.name == UNHOLD else self.reason

    def reaches(self, number: int, subscription_id: str, recipient: str, reason: str) -> bool:
        """Whether a delivery among those gone through is meant."""
        return (
            number <= self.up_to
            and (self.subscription_id is None or subscription_id == self.subscription_id)
            and (not self.recipients or recipient in self.recipients)
            and (self.name != UNHOLD or reason == self.reason)
        )

    @property
    def frees(self) -> bool:
        """Whether deliveries become due with each batch."""
        return self.name == UNHOLD

    def after(self, place: tuple[float | str, ...] | None) -> Remainder | None:
        """What is left once all up to `place` was looked at, None standing for the end of the state."""
        if place is not None:
            return self._replace(place=place)
        states = _GOES_THROUGH[self.name]
        following = states[states.index(self.state) + 1 :]
        return self._replace(state=following[0], place=()) if following else None


class Step(Enum):
    """What one transaction came to: nothing was left; there may be more; also, deliveries may be due now."""

    IDLE = "idle"
    MORE = "more"
    DUE = "due"


class CarryingOut:
    """Works off what is left, one `step` after the other. `due` is told when deliveries may have become due.

    `look` is after how many seconds to see whether other nodes left something, None where there are none.
    """

    def __init__(self, step: Callable[[], Awaitable[Step]], *, look: float | None) -> None:
        self.step = step
        self._look = look
        self.due: Callable[[], None] = lambda: None
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._task = asyncio.create_task(self._run(), name="effects")

    def wake(self) -> None:
        """There is more to do."""
        self._wanted.set()

    async def stop(self) -> None:
        """Stop between two transactions."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            pause = self._look
            try:
                await self._work_off()
            except Refused as error:
                log.warning("effects.waiting", code=error.code, detail=error.detail)
                pause = FAULT_SECONDS
            except Exception:
                log.error("effects.failed", exc_info=True)
                pause = FAULT_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()
            self._wanted.clear()

    async def _work_off(self) -> None:
        while (done := await self.step()) is not Step.IDLE:
            if done is Step.DUE:
                self.due()
