"""A rate limit by the receiver's own clock: never exceeded in any stretch, with two gateways on one store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gateway.domain.clock import SystemClock
from gateway.domain.noise import NoisePolicy, RateLimit
from gateway.ports import Store
from gateway.storage.postgres.store import PostgresStore
from tests.contracts.conftest import KEYPRINT
from tests.contracts.noisy_gateway import Noisy, subscription, topic
from tests.fakes.http_sink import HttpSink
from tests.fakes.postgres import PostgresServer

LIMIT = RateLimit(events=8, seconds=2.0)
EVENTS = 40


class RealTimeHouse:
    """A schema whose gateways live in real time."""

    def __init__(self, server: PostgresServer) -> None:
        self.schema = f"t_{secrets.token_hex(8)}"
        self._server = server

    async def open(self) -> Store:
        await self.execute(f"CREATE SCHEMA IF NOT EXISTS {self.schema}")
        url = self._server.url(search_path=self.schema)
        return await PostgresStore.open(url, clock=SystemClock(), keyprint=KEYPRINT)

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.url())
        await connection.execute(statement)
        await connection.close()


@pytest.fixture
async def nodes(postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[Noisy]:
    house = RealTimeHouse(postgres)
    async with HttpSink() as sink:
        made = Noisy(house, SystemClock(), sink, tmp_path)  # type: ignore[arg-type] # a clock that moves
        yield made
        await made.close()
    await house.execute(f"DROP SCHEMA {house.schema} CASCADE")


async def test_no_stretch_has_more_than_the_limit_at_the_receiver(nodes: Noisy):
    await nodes.open(topic(NoisePolicy(rate_limit=LIMIT)), subscription())
    await nodes.open()
    for start in range(0, EVENTS, 10):
        names = [f"{number}" for number in range(start, start + 10)]
        await asyncio.gather(nodes.send(*names[:5], by=0), nodes.send(*names[5:], by=1))
    await nodes.come_to(60, delivered=EVENTS)
    arrived = sorted(one.at for one in nodes.sink.requests)
    assert len(arrived) == EVENTS == len(set(nodes.ids))
    for first, last in zip(arrived, arrived[LIMIT.events :], strict=False):
        assert last - first > LIMIT.seconds, "one more than the limit within its stretch"
    shortest = (EVENTS / LIMIT.events - 1) * LIMIT.seconds
    assert shortest < arrived[-1] - arrived[0] < 3 * shortest, "and not much slower than it may be"
