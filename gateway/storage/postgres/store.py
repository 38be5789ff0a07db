"""Opening and closing a PostgreSQL store: its schema, its node, its connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from gateway.domain.clock import Clock
from gateway.domain.errors import ConfigurationError, Refused
from gateway.ports import NodeState
from gateway.security.keyprint import Keyprint
from gateway.storage.effects import BATCH, CarryingOut, Step
from gateway.storage.postgres import dump, effects, schema
from gateway.storage.postgres.connections import POOL_SIZE, Connections
from gateway.storage.postgres.counters import PostgresCounters
from gateway.storage.postgres.database_clock import DatabaseClock
from gateway.storage.postgres.faults import unusable
from gateway.storage.postgres.holds import PostgresHolds
from gateway.storage.postgres.incidents import PostgresIncidents
from gateway.storage.postgres.ledger import PostgresLedger
from gateway.storage.postgres.monitors import PostgresMonitors
from gateway.storage.postgres.news import News, Topic
from gateway.storage.postgres.node import LEASE_SECONDS, Node
from gateway.storage.postgres.polls import PostgresPolls
from gateway.storage.postgres.rates import PostgresRates
from gateway.storage.postgres.registry import PostgresRegistry
from gateway.storage.postgres.statements import Connection, fetch, fetch_row, fetch_value

OLDEST_SERVER = 14
BEAT_TIMEOUT = 3.0
"""Seconds for a heartbeat: a lease outlives two that fail."""
_UNREACHABLE = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, Refused)


class PostgresStore:
    """Implements `gateway.ports.Store`. Made by `open`."""

    def __init__(
        self,
        connections: Connections,
        beats: Connections,
        node: Node,
        news: News,
        *,
        timeout: float,
        batch: int,
    ) -> None:
        self._connections = connections
        self._beats = beats
        self._node = node
        self._news = news
        self._batch = batch
        self._closed = False
        self._effects = CarryingOut(self._step, look=effects.LOOK_SECONDS)
        self._effects.due = partial(news.soon, Topic.DUE)
        self.registry = PostgresRegistry(connections, node, news, self._effects, batch=batch)
        self.ledger = PostgresLedger(connections, node, news, timeout=timeout)
        self.counters = PostgresCounters(connections)
        self.monitors = PostgresMonitors(connections)
        self.holds = PostgresHolds(connections, node, news)
        self.rates = PostgresRates(connections, node)
        self.incidents = PostgresIncidents(
            connections, node.clock, lambda: node.incarnation, partial(news.soon, Topic.DUE)
        )
        self.polls = PostgresPolls(connections)

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        clock: Clock,
        keyprint: Keyprint,
        name: str = "",
        timeout: float = 8.0,
        follow_database: bool = True,
        batch: int = BATCH,
    ) -> PostgresStore:
        """Connect, bring the schema up to date, open an incarnation for this node.

        `timeout`, in seconds, bounds every wait; `batch` is how many rows an effect changes at once.
        The time is the database's; only tests have it otherwise.
        Raises ConfigurationError, one line, when the database cannot be used, or is used with other keys.
        """
        where, name = address(dsn), name or socket.gethostname()
        connections = await _connect(dsn, where, f"tocsin {name}"[:63], timeout)
        shared = DatabaseClock(clock) if follow_database else clock
        try:
            beats = await _connect(dsn, where, f"tocsin heart of {name}"[:63], BEAT_TIMEOUT, size=2)
        except BaseException:
            connections.cut()
            raise
        node = Node(connections, beats, shared, name, keyprint)
        try:
            searched = await connections.run(lambda connection: _prepare(connection, where, clock.now()))
            news = News(dsn, connections, searched)
            await node.open()
            await news.open()
        except BaseException as error:
            connections.cut()
            beats.cut()
            if isinstance(error, _UNREACHABLE):
                raise unusable(where, f"the store cannot be opened ({error})") from error
            raise
        store = cls(connections, beats, node, news, timeout=timeout, batch=batch)
        store._effects.start()
        return store

    @staticmethod
    async def migrate(dsn: str, *, clock: Clock, timeout: float = 600.0) -> str:
        """Bring the schema up to date and do nothing else; return a line that says what was done.

        Raises ConfigurationError, one line.
        """
        where = address(dsn)
        connections = await _connect(dsn, where, "tocsin migrate", timeout)
        try:
            applied = await connections.run(lambda one: schema.update(one, where, clock.now()))
        except _UNREACHABLE as error:
            raise unusable(where, f"the schema cannot be brought up to date ({error})") from error
        finally:
            await connections.close()
        done = f"{applied} applied" if applied else "nothing to do"
        return f"{where}: schema version {len(schema.MIGRATIONS)}, {done}"

    @staticmethod
    async def back_up(dsn: str, target: Path) -> int:
        """Copy the database into a file, in use or not; see `dump.back_up`."""
        return await asyncio.to_thread(dump.back_up, dsn, address(dsn), target)

    @staticmethod
    async def restore(dsn: str, backup: Path, *, clock: Clock) -> None:
        """Put a copy in the database's place; see `dump.restore`. Refused while nodes live on it."""
        where = address(dsn)
        connections = await _connect(dsn, where, "tocsin restore", BEAT_TIMEOUT)
        try:
            living = await connections.run(_living)
            if living:
                raise unusable(where, f"{living} node(s) use this database; stop them first")
            await asyncio.to_thread(dump.restore, dsn, where, backup)
            await connections.run(lambda connection: fetch(connection, "end_all", now=clock.now()))
        finally:
            await connections.close()

    @property
    def clock(self) -> Clock:
        """The database's clock."""
        return self._node.clock

    def listen(self, configured: Callable[[], None], due: Callable[[], None]) -> None:
        """Be told of what other nodes did; see `Store.listen`."""
        self._news.on(Topic.CONFIGURED, configured)
        self._news.on(Topic.DUE, due)
        self._node.on_rescue = due

    async def check(self) -> None:
        """Prove that the database takes writes; raises Unavailable or OutOfSpace with the reason."""
        await self._node.check()

    async def nodes(self) -> Sequence[NodeState]:
        """The living nodes, and those that ended within the last hour."""
        return await self._node.all()

    async def close(self) -> None:
        """Finish what is queued, give leases back, close."""
        if self._closed:
            return
        self._closed = True
        await self._effects.stop()
        try:
            await self.ledger.finish()
            await self._node.close()
        except Refused:
            await self._node.stop()
        finally:
            await self._news.close()
            await self._beats.close()
            await self._connections.close()

    async def _step(self) -> Step:
        return await self._connections.run(
            lambda connection: effects.step(
                connection, incarnation=self._node.incarnation, now=self._node.clock.now(), batch=self._batch
            )
        )


def address(dsn: str) -> str:
    """The address of a database for people: without user, password and options."""
    parts = urlsplit(dsn)
    if "@" in parts.path + parts.query + parts.fragment:
        return f"{parts.scheme}://…"  # a password that is not escaped ends where nobody expects it
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


async def _connect(dsn: str, where: str, name: str, timeout: float, size: int = POOL_SIZE) -> Connections:
    try:
        return await Connections.open(dsn, name=name, timeout=timeout, size=size)
    except ValueError as error:  # its text may show a part of the password
        raise unusable(where, "this is no address of a database; escape what is special in it") from error
    except _UNREACHABLE as error:
        problem = str(error) or type(error).__name__
        raise unusable(where, f"the database cannot be reached ({problem})") from error


async def _living(connection: Connection) -> int:
    if not await fetch_value(connection, "has_nodes"):
        return 0
    row = await fetch_row(connection, "database_time")
    now = row[0] if row else 0.0
    living: int = await fetch_value(connection, "living", silent_since=now - LEASE_SECONDS)
    return living


async def _prepare(connection: Connection, where: str, now: float) -> str:
    """Bring the schema up to date; return the name of the schema that holds it."""
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise ConfigurationError(
            f"{where}: PostgreSQL {version.major} is too old; at least {OLDEST_SERVER} is needed"
        )
    await schema.update(connection, where, now)
    row = await fetch_row(connection, "database_time")
    return str(row[1]) if row else ""
