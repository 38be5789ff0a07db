"""Several nodes on one PostgreSQL: nodes killed and frozen, the database restarted, killed and frozen.

Nothing that was acknowledged is lost, and a receiver sees a second time only what was in flight.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from gateway.security.vault import fresh_key
from gateway.storage.postgres.node import BEAT_SECONDS, LEASE_SECONDS
from tests.crash.failing import stored, until_settled
from tests.crash.sending import Senders
from tests.fakes.http_sink import HttpSink
from tests.fakes.postgres import PostgresServer
from tests.harness import GatewayProcess
from tests.waiting import until, until_async

SENDERS = 8
IN_FLIGHT = 8
TAKEOVER_SECONDS, SLACK_SECONDS = LEASE_SECONDS + BEAT_SECONDS, 2.0

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server that a test may stop: durable, as in earnest."""
    server = PostgresServer(fsync="on")
    server.start()
    yield server
    server.close()


@pytest.fixture
async def nodes(tmp_path: Path, postgres: PostgresServer) -> AsyncIterator[Sequence[GatewayProcess]]:
    """Two gateways that share the database."""
    secret = fresh_key()
    opened = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        gateway = GatewayProcess(
            folder, database=postgres.url(), secret_key=secret, node_name=name, in_flight=IN_FLIGHT
        )
        await gateway.start()
        opened.append(gateway)
    yield opened
    for gateway in opened:
        gateway.close()


async def sending(nodes: Sequence[GatewayProcess], sink: HttpSink) -> Senders:
    """A route to the sink, and senders under way on all nodes."""
    async with nodes[0].client() as client:
        route = await client.webhook_route(sink.url("/hook"), retry_schedule=[0.2, 0.5, 1, 1, 1])
    senders = Senders(nodes, route["key"])
    senders.start(SENDERS)
    await more(senders, 50)
    return senders


async def more(senders: Senders, number: int, seconds: float = 30) -> None:
    """Wait until so many more events were acknowledged."""
    enough = len(senders.acknowledged) + number
    await until(lambda: len(senders.acknowledged) > enough, seconds)


async def require_all_once(
    senders: Senders, asked: GatewayProcess, sink: HttpSink, *, second_tries: int
) -> None:
    """Everything acknowledged is stored and arrived; at most so many deliveries arrived once more."""
    await senders.stop()
    async with asked.client() as client:
        # What was under way when the senders stopped may be committed a little later.
        kept: Mapping[str, str] | None = None
        while kept != (now := await stored(client)):
            kept = now
            await until_settled(client, 60)
        assert (await client.get("deliveries?state=dead"))["deliveries"] == []
    assert senders.acknowledged.items() <= kept.items(), "nothing acknowledged is lost"
    arrivals = Counter(request.headers["webhook-id"] for request in sink.requests)
    assert len(arrivals) == len(kept)
    assert sum(arrivals.values()) - len(arrivals) <= second_tries


async def test_what_a_killed_node_held_is_taken_over(nodes: Sequence[GatewayProcess], sink: HttpSink):
    senders = await sending(nodes, sink)
    nodes[0].kill()
    await until(lambda: said(nodes[1], "node.ended"), TAKEOVER_SECONDS + SLACK_SECONDS)
    await more(senders, 50)
    await require_all_once(senders, nodes[1], sink, second_tries=IN_FLIGHT)


async def test_a_node_that_was_frozen_past_its_lease_goes_on_under_another(
    nodes: Sequence[GatewayProcess], sink: HttpSink
):
    senders = await sending(nodes, sink)
    frozen = nodes[0].process
    assert frozen is not None
    frozen.send_signal(signal.SIGSTOP)
    await until(lambda: said(nodes[1], "node.ended"), TAKEOVER_SECONDS + SLACK_SECONDS)
    frozen.send_signal(signal.SIGCONT)
    await until(lambda: said(nodes[0], "node.renewed"), 10)
    await more(senders, 50)
    await require_all_once(senders, nodes[0], sink, second_tries=IN_FLIGHT)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_the_database_may_be_restarted(
    nodes: Sequence[GatewayProcess], sink: HttpSink, postgres: PostgresServer, mode: str
):
    senders = await sending(nodes, sink)
    await asyncio.to_thread(postgres.stop, mode)
    await until_async(lambda: answers(nodes[0], "readyz", 503), 12)
    assert await answers(nodes[0], "healthz", 200)
    acknowledged = len(senders.acknowledged)
    await asyncio.to_thread(postgres.start)
    await until(lambda: len(senders.acknowledged) > acknowledged, 5)
    await until_async(lambda: answers(nodes[0], "readyz", 200), 5)
    await more(senders, 50)
    assert senders.longest < 10.0
    await require_all_once(senders, nodes[0], sink, second_tries=2 * IN_FLIGHT)


async def test_the_database_may_cut_every_connection(
    nodes: Sequence[GatewayProcess], sink: HttpSink, postgres: PostgresServer
):
    senders = await sending(nodes, sink)
    for _ in range(3):
        connection = await asyncpg.connect(postgres.url())
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tocsin%'"
        )
        await connection.close()
        await more(senders, 50, 10)
    await require_all_once(senders, nodes[0], sink, second_tries=2 * IN_FLIGHT * 3)


async def test_nobody_waits_long_for_a_database_that_is_frozen(
    nodes: Sequence[GatewayProcess], sink: HttpSink, postgres: PostgresServer
):
    senders = await sending(nodes, sink)
    postgres.signal(signal.SIGSTOP)
    await until_async(lambda: answers(nodes[0], "readyz", 503), 12)
    assert await answers(nodes[0], "healthz", 200)
    await until(lambda: senders.refused > 0, 12)
    postgres.signal(signal.SIGCONT)
    acknowledged = len(senders.acknowledged)
    await until(lambda: len(senders.acknowledged) > acknowledged, 5)
    await more(senders, 50)
    assert senders.longest < 10.0
    await require_all_once(senders, nodes[0], sink, second_tries=4 * IN_FLIGHT)


def said(gateway: GatewayProcess, event: str) -> bool:
    """Whether its log holds that event."""
    return f'"event":"{event}"' in gateway.log_path.read_text()


async def answers(gateway: GatewayProcess, path: str, status: int) -> bool:
    """Whether a page of the gateway answers with that status."""
    async with aiohttp.ClientSession() as session, session.get(f"{gateway.url}/{path}") as answer:
        return answer.status == status
