"""What nodes tell each other at once (LISTEN/NOTIFY): a newer configuration, work that waits.

News may be lost with a connection; whoever waits for one also looks for itself every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import asyncpg
import structlog

from gateway.domain.errors import Unavailable
from gateway.storage.postgres.connections import CONNECT_SECONDS, Connections
from gateway.storage.postgres.statements import Connection, fetch

log = structlog.get_logger()

LOOK_SECONDS = 2.0
SOON_SECONDS = 0.025


class Topic(StrEnum):
    """A newer configuration was made; a node has one in force; deliveries wait for whoever has room."""

    CONFIGURED = "configured"
    LOADED = "loaded"
    DUE = "due"


class News:
    """Listens on a connection of its own, which it opens again when it breaks.

    Whoever asked for news is told too after a time without a connection: some may have been missed.
    """

    def __init__(self, dsn: str, connections: Connections, schema: str) -> None:
        self.channel = f"tocsin.{schema}"
        self._dsn = dsn
        self._connections = connections
        self._told: dict[str, Callable[[], None]] = {}
        self._soon: dict[Topic, asyncio.TimerHandle] = {}
        self._connection: asyncpg.Connection[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    def on(self, topic: Topic, told: Callable[[], None]) -> None:
        """Be told of a topic."""
        self._told[topic] = told

    async def open(self) -> None:
        """Listen from now on."""
        await self._listen()
        self._task = self._connections.own(self._keep_listening())

    async def tell(self, connection: Connection, topic: Topic) -> None:
        """Tell all nodes, this one too, once the transaction that this is part of is committed."""
        await fetch(connection, "notify", channel=self.channel, topic=topic.value)

    def soon(self, topic: Topic) -> None:
        """Tell all nodes within SOON_SECONDS; what was to be told meanwhile is told once.

        The database takes news one transaction at a time, so telling with each commit costs a fifth of it.
        """
        if topic not in self._soon:
            self._soon[topic] = asyncio.get_running_loop().call_later(SOON_SECONDS, self._tell_now, topic)

    async def close(self) -> None:
        """Listen no longer."""
        for timer in self._soon.values():
            timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            self._connection.terminate()

    def _tell_now(self, topic: Topic) -> None:
        del self._soon[topic]
        with contextlib.suppress(Unavailable):  # closing
            telling = self._connections.start(lambda connection: self.tell(connection, topic))
            telling.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _listen(self) -> None:
        async with asyncio.timeout(2 * CONNECT_SECONDS):
            connection = await asyncpg.connect(
                self._dsn, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS
            )
            try:
                await connection.add_listener(self.channel, self._heard)
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection

    def _heard(self, _connection: object, _pid: int, _channel: str, topic: object) -> None:
        told = self._told.get(str(topic))
        if told is not None:
            told()

    async def _keep_listening(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if await self._hears():
                # Whoever missed a piece of news, or could not act on it, looks again.
                self._heard(None, 0, "", Topic.CONFIGURED)
                continue
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001  whatever it is, it is tried again
                log.warning("news.not_heard", error=type(error).__name__)
                continue
            for told in self._told.values():
                told()

    async def _hears(self) -> bool:
        """Whether the connection answers: a frozen server closes nothing."""
        if self._connection is None or self._connection.is_closed():
            return False
        with contextlib.suppress(Exception):
            await self._connection.execute("SELECT 1")
            return True
        self._connection.terminate()
        return False
