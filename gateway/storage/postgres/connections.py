"""The way to the database: a bounded pool, a bound on every wait, and work that outlives its caller.

A caller that goes away does not break its statement off: what it did becomes known, and whoever handed
the work over is told, so that nothing that was leased or written is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncpg
import structlog

from gateway.domain.errors import Unavailable
from gateway.storage.group import closed
from gateway.storage.postgres.faults import AGAIN, translate
from gateway.storage.postgres.statements import Connection

log = structlog.get_logger()

Result = TypeVar("Result")
Work = Callable[[Connection], Awaitable[Result]]

POOL_SIZE = 8
CONNECT_SECONDS = 5.0
RELEASE_SECONDS = 1.0
TRIES = 4
"""How often a statement is run that was undone because of another one."""


class Connections:
    """Runs work on connections of one database. Made by `open`."""

    def __init__(self, pool: asyncpg.Pool[Any], timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(cls, dsn: str, *, name: str, timeout: float, size: int = POOL_SIZE) -> Connections:
        """Connect. `timeout`, in seconds, bounds every call. Raises what asyncpg and the network raise."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            timeout=CONNECT_SECONDS,
            command_timeout=timeout,
            statement_cache_size=256,
            # Compiling a plan takes longer than any of these statements; its cost is guessed from arrays.
            server_settings={"application_name": name, "jit": "off", **_server_side(timeout)},
        )
        return cls(pool, timeout)

    async def run(self, work: Work[Result], *, forsaken: Callable[[Result], None] | None = None) -> Result:
        """Do work on one connection and wait for it. Raises Unavailable or OutOfSpace.

        `forsaken` gets the result if the caller was cancelled meanwhile.
        """
        task = self.start(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: _unheard(done, forsaken))
            raise

    def start(self, work: Work[Result]) -> asyncio.Task[Result]:
        """Begin work that nobody waits for yet; see `run`. Raises Unavailable when closed."""
        if self._closed:
            raise closed()
        return self.own(self._again(work))

    def own(self, coroutine: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Keep a task until it is done; closing waits for it."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Wait for what is under way, then close; what hangs is cut off."""
        self._closed = True
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=self._timeout)
            for task in late:
                task.cancel()
        try:
            async with asyncio.timeout(self._timeout):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    def cut(self) -> None:
        """End every connection at once, as a crash does."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self._pool.terminate()

    async def _again(self, work: Work[Result]) -> Result:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._once(work)
            except AGAIN as error:
                if tries >= TRIES:
                    raise translate(error) from error
            except Exception as error:
                translated = translate(error)
                if isinstance(translated, Unavailable):
                    log.warning("store.call_failed", error=type(error).__name__, detail=str(error)[:200])
                raise translated from error

    async def _once(self, work: Work[Result]) -> Result:
        async with asyncio.timeout(self._timeout):
            connection = await self._pool.acquire()
            try:
                return await work(connection)
            except (asyncio.CancelledError, TimeoutError):
                # What the server is doing is not known any more: this connection is of no further use.
                connection.terminate()
                raise
            finally:
                await self._pool.release(connection, timeout=RELEASE_SECONDS)


def _server_side(timeout: float) -> dict[str, str]:
    """Bounds that hold without us: a process that is frozen within a transaction must not keep its locks."""
    milliseconds = str(int(timeout * 1000))
    return {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        "client_connection_check_interval": "1000",
    }


def _unheard(done: asyncio.Task[Result], forsaken: Callable[[Result], None] | None) -> None:
    if not done.cancelled() and done.exception() is None and forsaken is not None:
        forsaken(done.result())
