"""Real tools for adapters under test: the guarded HTTP client and dialer, a clock that stands still."""

from __future__ import annotations

import ssl

import aiohttp
import pytest

from gateway.security.egress import Dialer, EgressPolicy
from gateway.spi.destination import Tools
from gateway.transport.http import GuardedHttpClient
from gateway.transport.sockets import GuardedDialer
from gateway.transport.tls import client_context
from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock
from tests.fakes.daemons import Influxd, Pushgateway, VictoriaMetrics


class Loopback:
    """Every name is this machine."""

    async def resolve(self, host: str) -> tuple[str, ...]:
        return ("127.0.0.1",)

    async def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def clock():
    return FakeClock(1_785_233_472.0)


@pytest.fixture
async def tools(authority, clock):
    dialer = GuardedDialer(Dialer(EgressPolicy.parse("127.0.0.0/8"), Loopback()))
    http = GuardedHttpClient(dialer, user_agent="tocsin/test", tls=client_context(authority.file))
    yield Tools(http, dialer, clock, ssl.create_default_context(cafile=authority.file), domain="gw.example")
    await http.close()


@pytest.fixture(scope="session")
def victoria_metrics():
    with VictoriaMetrics() as server:
        yield server


@pytest.fixture(scope="session")
def influxd():
    with Influxd() as server:
        yield server


@pytest.fixture(scope="session")
def pushgateway():
    with Pushgateway() as server:
        yield server


@pytest.fixture
async def web():
    """To ask servers what they have."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        yield session
