"""Threads that own a database connection each, and the way from the event loop to them and back.

A job is handed over through one queue and answered by one wake-up of the loop. Connections never
leave the thread that opened them.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import structlog

from gateway.domain.errors import Unavailable
from gateway.storage.group import abandoned, busy, closed, too_slow
from gateway.storage.sqlite.faults import translate
from gateway.storage.sqlite.opening import stop_when

log = structlog.get_logger()

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]


class Job(Generic[Result]):
    """Work for a connection. Once `abandoned` is true nobody waits for it and it should end."""

    __slots__ = ("abandoned", "future", "size", "work")

    def __init__(
        self, work: Work[Result], future: asyncio.Future[Result], abandoned: Callable[[], bool], size: int
    ) -> None:
        self.work = work
        self.future = future
        self.abandoned = abandoned
        self.size = size

    def require_wanted(self) -> None:
        """Raise Unavailable when nobody waits any more: what is not committed yet shall not be."""
        if self.abandoned():
            raise abandoned()


class Workers:
    """Some threads with a connection each, all fed from one queue.

    `connect` opens a connection, `perform` runs a job on it, `after` is called between jobs with the
    job's size and whether another one waits already.
    """

    def __init__(
        self,
        name: str,
        count: int,
        connect: Callable[[], sqlite3.Connection],
        perform: Callable[[sqlite3.Connection, Job[Any]], Any],
        *,
        after: Callable[[sqlite3.Connection, int, bool], None] | None = None,
        timeout: float,
        queued: int = 256,
    ) -> None:
        self._name = name
        self._count = count
        self._connect = connect
        self._perform = perform
        self._after = after
        self._timeout = timeout
        self._queued = queued
        self._waiting = 0
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._ended: list[asyncio.Future[None]] = []

    async def start(self) -> None:
        """Start the threads and open their connections; raises what opening one raises."""
        for number in range(self._count):
            opened: asyncio.Future[None] = self._loop.create_future()
            ended: asyncio.Future[None] = self._loop.create_future()
            thread = threading.Thread(
                target=self._run, args=(opened, ended), name=f"{self._name}-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
            self._ended.append(ended)
            await opened

    def submit(
        self, work: Work[Result], *, abandoned: Callable[[], bool], size: int = 0
    ) -> asyncio.Future[Result]:
        """Hand over work; the future gets what it returns or raises. Raises Unavailable when closed."""
        if self._closed:
            raise closed()
        job: Job[Result] = Job(work, self._loop.create_future(), abandoned, size)
        self._waiting += 1
        self._jobs.put(job)
        return job.future

    async def run(self, work: Work[Result], *, forsaken: Callable[[Result], None] | None = None) -> Result:
        """Have work done and wait for it, for as long as `timeout`.

        `forsaken` gets the result if the caller is gone by then. Raises Unavailable when it takes too
        long or too much is waiting; then nothing was written, unless a commit could not be recalled.
        """
        if self._waiting >= self._queued:
            raise busy()
        gone = False
        future = self.submit(work, abandoned=lambda: gone)
        try:
            await asyncio.wait((future,), timeout=self._timeout)
            if not future.done():
                raise too_slow(self._timeout)
        except (asyncio.CancelledError, Unavailable):
            gone = True
            future.add_done_callback(lambda done: _unheard(done, forsaken))
            raise
        return future.result()

    async def stop(self) -> bool:
        """Finish what is queued and end the threads; False when one still hangs after `timeout`."""
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
        if self._ended:
            _, hanging = await asyncio.wait(self._ended, timeout=self._timeout)
            if hanging:
                return False
        for thread in self._threads:
            thread.join(self._timeout)
        return True

    def _run(self, opened: asyncio.Future[None], ended: asyncio.Future[None]) -> None:
        try:
            connection = self._connect()
        except BaseException as error:  # noqa: BLE001  whoever starts the threads gets it
            self._tell(opened, None, error)
            self._tell(ended, None, None)
            return
        self._tell(opened, None, None)
        self._serve(connection)
        connection.close()
        self._tell(ended, None, None)

    def _serve(self, connection: sqlite3.Connection) -> None:
        while (job := self._jobs.get()) is not None:
            stop_when(connection, job.abandoned)
            result, error = None, None
            try:
                result = self._perform(connection, job)
            except BaseException as caught:  # noqa: BLE001  whoever waits for the job gets it
                error = translate(caught)
            self._tell(job.future, result, error, of_job=True)
            if self._after is not None:
                self._after(connection, job.size, not self._jobs.empty())

    def _tell(
        self,
        future: asyncio.Future[Any],
        result: object,
        error: BaseException | None,
        *,
        of_job: bool = False,
    ) -> None:
        try:
            self._loop.call_soon_threadsafe(self._answer, future, result, error, of_job)
        except RuntimeError:
            # The loop is closed: the process is ending without having closed the store.
            log.warning("store.answer_lost", thread=self._name)

    def _answer(
        self, future: asyncio.Future[Any], result: object, error: BaseException | None, of_job: bool
    ) -> None:
        self._waiting -= of_job
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _unheard(done: asyncio.Future[Result], forsaken: Callable[[Result], None] | None) -> None:
    if not done.cancelled() and done.exception() is None and forsaken is not None:
        forsaken(done.result())
