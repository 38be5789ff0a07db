"""The heartbeat to a watcher outside."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.clock import SystemClock
from gateway.security.egress import Dialer, EgressPolicy, SystemResolver
from gateway.service.watcher import Watcher
from gateway.spi.url import parse_url
from gateway.telemetry.metrics import Metrics
from gateway.transport.http import GuardedHttpClient
from gateway.transport.sockets import GuardedDialer
from gateway.transport.tls import client_context
from tests.fakes.http_sink import HttpSink, Reply
from tests.waiting import until


@pytest.fixture
async def http():
    clock = SystemClock()
    resolver = SystemResolver(clock)
    dialer = GuardedDialer(Dialer(EgressPolicy.parse("127.0.0.0/8"), resolver))
    client = GuardedHttpClient(dialer, user_agent="Tocsin/test", tls=client_context())
    yield client
    await client.close()
    await resolver.close()


async def test_it_pings_only_while_the_gateway_is_ready(http):
    problem = ""

    async def readiness():
        return problem

    async with HttpSink() as sink:
        watcher = Watcher(parse_url(sink.url("/ping")), http, readiness, SystemClock(), Metrics(), every=0.01)
        stopping = asyncio.Event()
        running = asyncio.create_task(watcher.run(stopping))
        await until(lambda: len(sink.requests) >= 3)
        assert {(one.method, one.target) for one in sink.requests} == {("GET", "/ping")}
        problem = "the disk is full"
        assert not await watcher.ping()
        stopping.set()
        await running
        heard = len(sink.requests)
        assert not await watcher.ping()
        assert len(sink.requests) == heard, "what is not ready says nothing"


async def test_a_watcher_that_does_not_hear_is_counted_by_reason(http):
    async def ready():
        return ""

    metrics = Metrics()
    async with HttpSink(Reply(500)) as sink:
        url = parse_url(sink.url("/ping"))
        watcher = Watcher(url, http, ready, SystemClock(), metrics)
        assert not await watcher.ping()
    shown = metrics.render().decode()
    assert 'tocsin_watcher_pings_total{reason="unavailable"} 1.0' in shown
