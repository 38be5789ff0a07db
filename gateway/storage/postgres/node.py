"""This node among the others: its incarnation, whose heartbeat is what its leases rest on.

A node that cannot reach the database for as long as a lease lasts knows by its own monotonic clock that
others may have its deliveries now, and tries none of them any more. Every node ends the incarnations that
have fallen silent and makes what they held due. A node that was ended, or that does not know what became
of something it wrote, goes on under a new incarnation; the old one then lapses like any other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway.domain.clock import Clock
from gateway.domain.delivery import State
from gateway.domain.errors import ConfigurationError, Refused
from gateway.domain.ids import new_id
from gateway.ports import NodeState
from gateway.security.keyprint import Keyprint
from gateway.storage.postgres.connections import Connections
from gateway.storage.postgres.database_clock import DatabaseClock
from gateway.storage.postgres.statements import Connection, fetch, fetch_value
from gateway.storage.postgres.tally import Tally
from gateway.storage.postgres.windows import come_forward

log = structlog.get_logger()

LEASE_SECONDS = 10.0
"""How long a node may be silent before its deliveries are taken from it."""
BEAT_SECONDS = 2.0
MARGIN_SECONDS = 1.0
"""A node stops so long before its lease ends."""
LISTED_SECONDS = 3600.0
"""How long ended incarnations are listed."""
REMEMBERED_SECONDS = 86_400.0
"""How long ended incarnations are looked after, for what a frozen node may still write when it wakes."""


class Node:
    """Opened incarnations of this process. `on_rescue` is told when something became due by a rescue.

    `beats` are connections for the heartbeat alone: nothing else may make it late. `version` is the
    configuration that this node routes with, None while it has none.
    """

    def __init__(
        self, connections: Connections, beats: Connections, clock: Clock, name: str, keyprint: Keyprint
    ) -> None:
        self.owner = ""
        self.incarnation = 0
        self.version: int | None = None
        self.clock = clock
        self.on_rescue: Callable[[], None] = lambda: None
        self._connections = connections
        self._beats = beats
        self._beating = asyncio.Lock()
        self._name = name
        self._keyprint = keyprint
        self._held_until: dict[str, float] = {}
        self._doubted = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Open the first incarnation and begin to beat.

        Raises ConfigurationError when a living node has other keys.
        """
        await self._connections.run(self._observe)
        await self._connections.run(self._end_silent)
        await self._require_same_keys()
        await self._renew()
        await self._look_after()
        self._tasks = [
            self._beats.own(self._repeat(self._beat)),
            self._connections.own(self._repeat(self._look_after)),
        ]

    def holds(self, owner: str) -> bool:
        """Whether nobody else can have the deliveries that this owner leased."""
        return self.clock.monotonic() < self._held_until.get(owner, 0.0)

    def doubt(self) -> None:
        """Something was written, or not: what it may hold must lapse, under an incarnation that ends."""
        self._doubted = True

    async def close(self) -> None:
        """Give every lease back and end."""
        await self.stop()
        await self._connections.run(self._leave)

    async def check(self) -> None:
        """Write a heartbeat now. Raises Unavailable."""
        await self._beat()

    async def all(self) -> Sequence[NodeState]:
        """Every incarnation that lives, or ended within the last hour."""
        found = await self._connections.run(
            lambda connection: fetch(connection, "nodes", ended_since=self.clock.now() - LISTED_SECONDS)
        )
        return [NodeState(*row) for row in found]

    async def stop(self) -> None:
        """Beat no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            # Jitter: nodes that lost the database together do not come back in one moment.
            pause = BEAT_SECONDS * random.uniform(0.75, 1.0)  # noqa: S311  spreads load, guards nothing
            await asyncio.sleep(pause)
            try:
                await step()
            except Refused as error:
                log.warning("node.silent", code=error.code, holds=self.holds(self.owner))
            except Exception:
                log.error("node.failed", exc_info=True)

    async def _beat(self) -> None:
        """Write a heartbeat; or go on under a new incarnation where this one is over, or is to lapse."""
        async with self._beating:
            owner = self.owner
            if self._doubted or not self.holds(owner):
                why = "in doubt" if self._doubted else "lapsed"
            elif await self._beats.run(self._beat_once):
                return
            else:
                why = "ended by others"
                self._held_until[owner] = 0.0
            await self._renew()
            log.warning("node.renewed", why=why, before=owner, owner=self.owner)

    async def _beat_once(self, connection: Connection) -> bool:
        asked_at = self.clock.monotonic()
        shown = await fetch_value(connection, "beat", incarnation=self.incarnation, now=self.clock.now())
        if shown is None:
            return False
        self._observed(shown, asked_at)
        self._held_until[self.owner] = asked_at + LEASE_SECONDS - MARGIN_SECONDS
        return True

    async def _observe(self, connection: Connection) -> None:
        asked_at = self.clock.monotonic()
        self._observed(await fetch_value(connection, "database_time"), asked_at)

    def _observed(self, shown: float, asked_at: float) -> None:
        if isinstance(self.clock, DatabaseClock):
            self.clock.observe(shown, asked_at)

    async def _require_same_keys(self) -> None:
        for name, text in await self._connections.run(lambda connection: fetch(connection, "keyprints")):
            setting = self._keyprint.objection(Keyprint.parse(text))
            if setting:
                raise ConfigurationError(
                    f"{setting}: node {name!r} on this database has another one; give all nodes the same"
                )

    async def _renew(self) -> None:
        """Go on under a new incarnation; what the one before holds lapses, and met no crash."""
        owner, asked_at, before = new_id(), self.clock.monotonic(), self.incarnation

        async def replace(connection: Connection) -> int:
            async with connection.transaction():
                await fetch(connection, "succeed", incarnation=before)
                number: int = await fetch_value(
                    connection,
                    "open_incarnation",
                    owner=owner,
                    name=self._name,
                    keyprint=str(self._keyprint),
                    version=self.version,
                    now=self.clock.now(),
                )
                return number

        incarnation = await self._beats.run(replace)
        self.owner, self.incarnation, self._doubted = owner, incarnation, False
        now = self.clock.monotonic()
        self._held_until = {one: until for one, until in self._held_until.items() if until > now}
        self._held_until[owner] = asked_at + LEASE_SECONDS - MARGIN_SECONDS

    async def _look_after(self) -> None:
        """End those that fell silent, and make due what any ended one still holds."""
        pending, dead = await self._connections.run(self._look_after_once)
        if pending or dead:
            log.warning("store.leases_rescued", pending=pending, dead=dead)
            self.on_rescue()

    async def _look_after_once(self, connection: Connection) -> tuple[int, int]:
        await self._end_silent(connection)
        now = self.clock.now()
        long_ago = now - REMEMBERED_SECONDS
        async with connection.transaction():
            pending, dead = await self._rescue(connection, now, long_ago)
        async with connection.transaction():
            await fetch(connection, "settle_tallies", ended_before=long_ago)
            await fetch(connection, "forget_incarnations", ended_before=long_ago)
        return pending, dead

    async def _rescue(self, connection: Connection, now: float, ended_since: float) -> tuple[int, int]:
        tally = Tally()
        rescued = await fetch(connection, "rescue", now=now, ended_since=ended_since)
        dead = [id for id, state in rescued if state == State.DEAD]
        tally.move(State.LEASED, State.DEAD, len(dead))
        tally.move(State.LEASED, State.PENDING, len(rescued) - len(dead))
        await come_forward(connection, dead, now, tally)
        await tally.write(connection, self.incarnation)
        return len(rescued) - len(dead), len(dead)

    async def _end_silent(self, connection: Connection) -> None:
        now = self.clock.now()
        for number, name in await fetch(connection, "end_silent", now=now, silent_since=now - LEASE_SECONDS):
            log.warning("node.ended", incarnation=number, name=name)

    async def _leave(self, connection: Connection) -> None:
        now = self.clock.now()
        async with connection.transaction():
            await fetch(connection, "give_leases_back", now=now, incarnation=self.incarnation)
            await fetch(connection, "end_incarnation", now=now, incarnation=self.incarnation)
