"""Opening and closing a SQLite store: its lock, its schema, its threads, its leases.

A file that cannot be used is refused with one line and left as it is.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from gateway.domain.clock import Clock
from gateway.domain.delivery import State
from gateway.domain.errors import Refused
from gateway.domain.ids import new_id
from gateway.ports import NodeState
from gateway.storage.effects import BATCH, CarryingOut, Step
from gateway.storage.sqlite import effects, opening, schema
from gateway.storage.sqlite.counters import SqliteCounters
from gateway.storage.sqlite.faults import unusable
from gateway.storage.sqlite.holds import SqliteHolds
from gateway.storage.sqlite.incidents import SqliteIncidents
from gateway.storage.sqlite.ledger import SqliteLedger
from gateway.storage.sqlite.monitors import SqliteMonitors
from gateway.storage.sqlite.polls import SqlitePolls
from gateway.storage.sqlite.rates import SqliteRates
from gateway.storage.sqlite.registry import SqliteRegistry
from gateway.storage.sqlite.space import RESERVE, Space
from gateway.storage.sqlite.statements import SQL
from gateway.storage.sqlite.tally import Tally
from gateway.storage.sqlite.windows import come_forward
from gateway.storage.sqlite.workers import Job, Workers
from gateway.storage.sqlite.writer import Writer

log = structlog.get_logger()

READERS = 2


class SqliteStore:
    """Implements `gateway.ports.Store`. Made by `open`."""

    registry: SqliteRegistry
    ledger: SqliteLedger
    counters: SqliteCounters

    def __init__(
        self, path: Path, clock: Clock, space: Space, lock: opening.FileLock, timeout: float, batch: int
    ) -> None:
        self._path = path
        self._clock = clock
        self._space = space
        self._lock = lock
        self._timeout = timeout
        self._batch = batch
        self._incarnation = 0
        self._closed = False
        self._writer = Writer(partial(_open_file, path, clock, space), space, timeout=timeout)
        connect = partial(opening.connect_reader, path)
        self._readers = Workers("sqlite-reader", READERS, connect, _read, timeout=timeout)
        self._effects = CarryingOut(self._step, look=None)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        free_space_floor: int | None = None,
        reserve: int = RESERVE,
        timeout: float = 10.0,
        batch: int = BATCH,
    ) -> SqliteStore:
        """Open the store in this file, or make it; end the incarnations before, whose leases are due at once.

        `free_space_floor` and `reserve` are in bytes (see `Space`); `timeout`, in seconds, bounds every
        wait; `batch` is how many rows an effect changes at once.
        Raises ConfigurationError, one line, when the file cannot be used or another process has it.
        """
        # Through links to the file itself: its lock must be the same whatever name it is opened by.
        path = path.resolve()  # noqa: ASYNC240  at the start, when nothing waits
        opening.require_version()
        opening.require_folder(path)
        lock = opening.FileLock(path)
        space = Space(path, clock, floor=free_space_floor, reserve=reserve)
        store = cls(path, clock, space, lock, timeout, batch)
        try:
            await store._start()
        except BaseException as error:
            await store._stop()
            if isinstance(error, (sqlite3.Error, Refused, OSError)):
                raise unusable(path, f"the store cannot be opened ({error})") from error
            raise
        return store

    @property
    def clock(self) -> Clock:
        """This machine's clock."""
        return self._clock

    def listen(self, configured: Callable[[], None], due: Callable[[], None]) -> None:
        """Nobody else changes this file; what is due is told when a change frees deliveries later."""
        self._effects.due = due

    async def check(self) -> None:
        """Write and commit a row; raises Unavailable or OutOfSpace with the reason."""
        await self._writer.run(self._check)

    async def nodes(self) -> Sequence[NodeState]:
        """This process: a file has no other."""
        owner, opened_at, seen_at, leases = await self._readers.run(
            lambda connection: connection.execute(SQL["nodes"], (self._incarnation,)).fetchone()
        )
        return [NodeState(owner, socket.gethostname(), opened_at, seen_at, leases)]

    async def close(self) -> None:
        """Finish what is queued, give leases back, move the log into the file, end the threads."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.ledger.finish()
        finally:
            await self._stop()

    async def _start(self) -> None:
        await self._writer.start()
        await self._readers.start()
        owner = new_id()
        self._incarnation, newest = await self._writer.run(partial(_begin, owner, self._clock.now()))
        self.registry = SqliteRegistry(
            self._writer, self._readers, self._clock, self._effects, batch=self._batch
        )
        self.counters = SqliteCounters(self._writer, self._readers)
        self.monitors = SqliteMonitors(self._writer, self._readers, self._space)
        self.rates = SqliteRates(self._writer, self._clock)
        next_number = count(newest + 1).__next__
        self.holds = SqliteHolds(
            self._writer,
            self._readers,
            self._space,
            self._clock,
            incarnation=self._incarnation,
            next_number=next_number,
            freed=self._freed,
        )
        self.incidents = SqliteIncidents(self._writer, self._readers, self._clock)
        self.polls = SqlitePolls(self._writer, self._readers)
        self.ledger = SqliteLedger(
            self._writer,
            self._readers,
            self._space,
            self._clock,
            owner=owner,
            incarnation=self._incarnation,
            next_number=next_number,
            timeout=self._timeout,
        )
        self.ledger.freed = self._freed
        self._effects.start()

    async def _stop(self) -> None:
        """Readers first: the writer's connection then closes last and takes the log into the file."""
        await self._effects.stop()
        ended = await self._readers.stop()
        if await self._writer.stop() and ended:
            self._lock.release()
        else:
            # The lock ends with the process: who opened the file now would write beside a hanging thread.
            log.error("store.thread_hangs", path=str(self._path))

    def _freed(self) -> None:
        self._effects.due()

    async def _step(self) -> Step:
        now = self._clock.now()
        return await self._writer.run(lambda one: effects.step(one, now=now, batch=self._batch))

    def _check(self, connection: sqlite3.Connection) -> None:
        self._space.demand(connection)
        connection.execute(SQL["check_incarnation"], (self._clock.now(), self._incarnation))


def _open_file(path: Path, clock: Clock, space: Space) -> sqlite3.Connection:
    """Refuse what is not a store, make what is not there, bring the schema up to date."""
    space.make_way()
    if not opening.inspect(path):
        opening.create(path)
    connection = opening.connect_writer(path)
    try:
        schema.update(connection, path, clock.now())
    except BaseException:
        connection.close()
        raise
    space.prepare()
    return connection


def _begin(owner: str, now: float, connection: sqlite3.Connection) -> tuple[int, int]:
    """End every earlier incarnation and open a new one; return its number and the newest event's."""
    moves = Tally()
    dead = [id for (id,) in connection.execute(SQL["bury_suspects"], (now,)).fetchall()]
    buried = len(dead)
    moves.move(State.LEASED.value, State.DEAD.value, buried)
    come_forward(connection, dead, now, moves)
    rescued = connection.execute(SQL["rescue_leased"], (now,)).rowcount
    moves.move(State.LEASED.value, State.PENDING.value, rescued)
    moves.write(connection)
    if buried or rescued:
        log.warning("store.leases_rescued", pending=rescued, dead=buried)
    incarnation = connection.execute(SQL["open_incarnation"], (owner, now, now)).lastrowid
    newest: int = connection.execute(SQL["newest_number"]).fetchone()[0]
    return incarnation or 0, newest


def _read(connection: sqlite3.Connection, job: Job[Any]) -> Any:
    """Run a reader's job on one state of the file, whatever is written meanwhile."""
    connection.execute("BEGIN")
    try:
        return job.work(connection)
    finally:
        connection.execute("ROLLBACK")
