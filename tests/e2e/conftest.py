"""A running gateway process and a receiver, for tests that look from outside."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator

from tests.commands import Shell
from tests.e2e.attacking import CANARY, Attacker
from tests.fakes.http_sink import HttpSink
from tests.fakes.postgres import PostgresServer
from tests.harness import ADMIN_KEY, Client, GatewayProcess
from tests.ibm_sdk import Sdk


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[str]:
    """The address of an empty database."""
    name = f"e_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(postgres.url())
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    process = GatewayProcess(tmp_path)
    await process.start()
    yield process
    process.close()


@pytest.fixture
async def client(gateway: GatewayProcess) -> AsyncIterator[Client]:
    async with gateway.client() as opened:
        yield opened


@pytest.fixture
async def sink() -> AsyncIterator[HttpSink]:
    async with HttpSink() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One process for a module, for tests that keep to an instance of their own."""
    process = GatewayProcess(tmp_path_factory.mktemp("gateway"))
    asyncio.run(process.start())
    yield process
    process.close()


@pytest.fixture
async def instance(shared_gateway: GatewayProcess) -> str:
    """The id of a new instance of the shared gateway."""
    operator = {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with aiohttp.ClientSession(headers=operator) as session:
        async with session.post(f"{shared_gateway.url}/v1/instances", json={"name": "a test's"}) as answer:
            assert answer.status == 201
            return str((await answer.json())["id"])


@pytest.fixture
async def tenant(shared_gateway: GatewayProcess, instance: str) -> AsyncIterator[Client]:
    """A plain client of that instance."""
    async with Client(shared_gateway.url, ADMIN_KEY, instance) as opened:
        yield opened


@pytest.fixture
def sdk(shared_gateway: GatewayProcess, instance: str) -> Iterator[Sdk]:
    """IBM's SDK in that instance."""
    opened = Sdk(shared_gateway.url, BearerTokenAuthenticator(ADMIN_KEY), instance)
    yield opened
    opened.close()


@pytest.fixture
def shell(shared_gateway: GatewayProcess, instance: str, tmp_path: Path) -> Shell:
    """The command line in that instance."""
    return Shell(shared_gateway.url, folder=tmp_path, TOCSIN_INSTANCE=instance)


@pytest.fixture
async def attacker(shared_gateway: GatewayProcess, tenant: Client, instance: str) -> AsyncIterator[Attacker]:
    """A source of that instance, under attack; afterwards the ledger and the log are looked at."""
    source = await tenant.create("sources", name="attacked")
    key = await tenant.create(f"sources/{source['id']}/keys", name="attacked")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        attacker = Attacker(session, shared_gateway.url, instance, source["id"], key["key"])
        yield attacker
        await attacker.only_what_was_accepted_is_stored()
    assert not shared_gateway.exited
    log = shared_gateway.log_path.read_text(errors="replace")
    assert '"level":"error"' not in log and "Traceback" not in log
    assert CANARY not in log
