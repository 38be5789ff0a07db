"""Group commit: operations that wait at the same moment share one transaction.

A group forms from what queued while the previous one was being committed; no timer holds a lone
operation back. Which database does the work is the business of the `commit` function given here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.domain.errors import Refused, Unavailable

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """Bounds of a group (`rows`, `size` in bytes), of the queue before it, and of the wait in seconds.

    Half of `timeout` is for waiting in the queue, half for the commit.
    """

    rows: int = 1_000
    size: int = 4 << 20
    queued_rows: int = 20_000
    queued_size: int = 64 << 20
    timeout: float = 10.0


class Operation(Generic[Work, Result]):
    """One caller's work, written whole or not at all, and the future its caller waits on."""

    __slots__ = ("deadline", "future", "lasting", "rows", "size", "work")

    def __init__(
        self,
        work: Work,
        rows: int,
        size: int,
        deadline: float,
        future: asyncio.Future[Result],
        *,
        lasting: bool,
    ) -> None:
        self.work = work
        self.rows = rows
        self.size = size
        self.deadline = deadline
        self.future = future
        self.lasting = lasting

    @property
    def dropped(self) -> bool:
        """Whether nobody wants it written any more."""
        return self.future.done() and not (self.lasting and self.future.cancelled())


class Group(Generic[Work, Result]):
    """Operations that share a transaction. Once `abandoned`, nobody waits: it must not be committed."""

    __slots__ = ("abandoned", "deadline", "operations", "size")

    def __init__(self, operations: list[Operation[Work, Result]], deadline: float) -> None:
        self.operations = operations
        self.deadline = deadline
        self.abandoned = False
        self.size = sum(operation.size for operation in operations)

    @property
    def works(self) -> list[Work]:
        """What is to be written, in the order it was asked for."""
        return [operation.work for operation in self.operations]


Outcomes = Sequence[Result | Exception]


class GroupCommit(Generic[Work, Result]):
    """Collects operations and commits them in groups, one group at a time.

    `commit` writes a group in one transaction and yields one outcome for each operation; an exception
    among them is for that operation alone. If the commit itself fails, the group is halved until the
    culprit stands alone, except for `Refused`, which is nobody's fault and goes to all of them.
    `forsaken` gets what was written for a caller who is gone (cancelled, or timed out too late).
    """

    def __init__(
        self,
        commit: Callable[[Group[Work, Result]], asyncio.Future[Outcomes[Result]]],
        *,
        forsaken: Callable[[Work, Result], None],
        limits: GroupLimits | None = None,
    ) -> None:
        self._commit = commit
        self._forsaken = forsaken
        self._limits = limits or GroupLimits()
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Operation[Work, Result]] = deque()
        self._halves: deque[list[Operation[Work, Result]]] = deque()
        self._queued_rows = 0
        self._queued_size = 0
        self._in_flight: Group[Work, Result] | None = None
        self._starting = False
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False
        self._idle: asyncio.Future[None] | None = None

    def submit(
        self, work: Work, *, rows: int = 1, size: int = 0, lasting: bool = False
    ) -> asyncio.Future[Result]:
        """Queue work and return the future of its result.

        Lasting work tells of what has happened already, and its amount is bounded elsewhere: a crowded
        queue does not turn it away, and it is written even if its caller is cancelled.
        Raises Unavailable when closed or when the queue is full.
        """
        if self._closed:
            raise closed()
        if not lasting and self._full(rows, size):
            raise busy()
        deadline = self._loop.time() + self._limits.timeout / 2
        operation: Operation[Work, Result] = Operation(
            work, rows, size, deadline, self._loop.create_future(), lasting=lasting
        )
        self._queue.append(operation)
        self._queued_rows += rows
        self._queued_size += size
        if self._in_flight is None and not self._starting:
            # Not at once: what else is ready in this turn of the loop then shares the commit.
            self._starting = True
            self._loop.call_soon(self._begin)
        if self._watch is None:
            self._watch = self._loop.call_later(self._limits.timeout / 4, self._expire)
        return operation.future

    async def close(self) -> None:
        """Take no more; return once everything queued is committed or has failed, or a commit hangs."""
        self._closed = True
        if self._in_flight is not None or self._queue or self._halves:
            self._idle = self._loop.create_future()
            await asyncio.wait((self._idle,), timeout=self._limits.timeout)
        if self._watch is not None:
            self._watch.cancel()

    def _full(self, rows: int, size: int) -> bool:
        if not self._queue:
            return False
        limits = self._limits
        return self._queued_rows + rows > limits.queued_rows or self._queued_size + size > limits.queued_size

    def _begin(self) -> None:
        self._starting = False
        if self._in_flight is not None:
            return
        operations = self._next()
        if not operations:
            self._rest()
            return
        group = Group(operations, self._loop.time() + self._limits.timeout / 2)
        self._in_flight = group
        try:
            committing = self._commit(group)
        except Exception as error:  # noqa: BLE001  the group's callers get it
            committing = self._loop.create_future()
            committing.set_exception(error)
        committing.add_done_callback(lambda done: self._finished(group, done))

    def _next(self) -> list[Operation[Work, Result]]:
        while self._halves:
            half = [operation for operation in self._halves.popleft() if not operation.dropped]
            if half:
                return half
        operations: list[Operation[Work, Result]] = []
        rows = size = 0
        while self._queue:
            operation = self._queue[0]
            rows += operation.rows
            size += operation.size
            if operations and (rows > self._limits.rows or size > self._limits.size):
                break
            self._queue.popleft()
            self._queued_rows -= operation.rows
            self._queued_size -= operation.size
            if operation.dropped:
                rows -= operation.rows
                size -= operation.size
            else:
                operations.append(operation)
        return operations

    def _finished(self, group: Group[Work, Result], committing: asyncio.Future[Outcomes[Result]]) -> None:
        self._in_flight = None
        failure = committing.exception()
        outcomes = committing.result() if failure is None else self._failed(group, failure)
        self._begin()
        for operation, outcome in zip(group.operations, outcomes, strict=False):
            self._answer(operation, outcome)

    def _failed(self, group: Group[Work, Result], failure: BaseException) -> Outcomes[Result]:
        operations = group.operations
        if isinstance(failure, Refused):
            return [again(failure) for _ in operations]
        if len(operations) == 1:
            return [failure if isinstance(failure, Exception) else RuntimeError(f"committing: {failure!r}")]
        middle = len(operations) // 2
        self._halves.extendleft((operations[middle:], operations[:middle]))
        return ()

    def _answer(self, operation: Operation[Work, Result], outcome: Result | Exception) -> None:
        if operation.future.done():
            if not isinstance(outcome, Exception):
                self._forsaken(operation.work, outcome)
        elif isinstance(outcome, Exception):
            operation.future.set_exception(outcome)
        else:
            operation.future.set_result(outcome)

    def _rest(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _expire(self) -> None:
        """Fail what has waited too long; nothing of it is written, unless its commit cannot be recalled."""
        now = self._loop.time()
        group = self._in_flight
        if group is not None and group.deadline <= now:
            group.abandoned = True
            for operation in group.operations:
                self._give_up(operation)
        for operation in self._queue:
            if operation.deadline > now:
                break
            self._give_up(operation)
        busy = group is not None or self._queue or self._halves
        self._watch = self._loop.call_later(self._limits.timeout / 4, self._expire) if busy else None
        if self._in_flight is None and not self._starting:
            self._begin()

    def _give_up(self, operation: Operation[Work, Result]) -> None:
        if not operation.future.done():
            operation.future.set_exception(too_slow(self._limits.timeout))


def again(refusal: Refused) -> Refused:
    """The same refusal for one more caller: an exception that several raise would grow with each."""
    kind = type(refusal)
    return kind(refusal.code, refusal.detail, problems=refusal.problems, retry_after=refusal.retry_after)


def busy() -> Unavailable:
    """The store has as much waiting as it may."""
    return Unavailable("store_busy", "The store has more waiting than it takes; try again.", retry_after=1)


def too_slow(timeout: float) -> Unavailable:
    """The store did not answer in `timeout` seconds."""
    return Unavailable("store_timeout", f"The store did not answer within {timeout:g} s.", retry_after=1)


def abandoned() -> Unavailable:
    """Nobody waits for this any more."""
    return Unavailable("store_timeout", "The caller no longer waits.", retry_after=1)


def closed() -> Unavailable:
    """The store takes nothing any more."""
    return Unavailable("store_closed", "The store is closing; try again on its next start.", retry_after=1)
