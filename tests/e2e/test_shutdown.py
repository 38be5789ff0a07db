"""A gateway that is told to stop: what is under way ends well, the rest waits, nothing is sent twice (F4)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.http_sink import NEVER, HttpSink, Reply
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async

WIDTH = 16
"""Deliveries under way at once to one destination, by default."""

QUEUED = 40
SENDERS = 8


async def post_many(client: Client, source_id: str, count: int) -> None:
    answers = await asyncio.gather(*(client.send(cloudevent(f"e-{one}"), source_id) for one in range(count)))
    assert {status for status, _ in answers} == {202}


async def until_delivered(gateway: GatewayProcess, count: int) -> None:
    """Wait until this many deliveries are delivered and none is left."""
    async with gateway.client() as client:

        async def delivered() -> bool:
            page = await client.get("deliveries?limit=500")
            states = Counter(row["state"] for row in page["deliveries"])
            cursor = page.get("cursor", "")
            while cursor:
                page = await client.get(f"deliveries?limit=500&cursor={cursor}")
                states.update(row["state"] for row in page["deliveries"])
                cursor = page.get("cursor", "")
            return states == {"delivered": count}

        await until_async(delivered, 20)


def receipts(sink: HttpSink) -> Counter[str]:
    return Counter(one.headers["webhook-id"] for one in sink.requests)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_under_way_ends_what_is_queued_waits_and_nothing_is_sent_twice(
    gateway: GatewayProcess, sink: HttpSink, sent: signal.Signals
):
    sink.usual = Reply(delay=1.0)
    async with gateway.client() as client:
        route = await client.webhook_route(sink.url("/hook"))
        await post_many(client, route["source"], QUEUED)
    await until(lambda: len(sink.requests) == WIDTH)
    began = time.monotonic()
    assert await gateway.stop(sent) == 0
    assert time.monotonic() - began < 3
    assert len(sink.requests) == sink.answered == WIDTH, "it began nothing more and waited for every answer"
    sink.usual = Reply()
    await gateway.start()
    await until_delivered(gateway, QUEUED)
    assert set(receipts(sink).values()) == {1}


async def test_a_stop_under_load_loses_nothing_that_was_acknowledged(gateway: GatewayProcess, sink: HttpSink):
    acknowledged: set[str] = set()
    async with gateway.client() as client:
        route = await client.webhook_route(sink.url("/hook"))

    async def send(name: int) -> None:
        """Until the gateway is gone; a request is answered 202 or 503, or its connection ends."""
        number = 0
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with gateway.client(route["key"]) as sender:
                while True:
                    status, _ = await sender.send(cloudevent(f"{name}-{number}"))
                    assert status in (202, 503)
                    if status == 202:
                        acknowledged.add(f"{name}-{number}")
                    number += 1

    senders = asyncio.gather(*(send(name) for name in range(SENDERS)))
    await until(lambda: len(acknowledged) > 200)
    assert await gateway.stop() == 0
    await senders
    assert "Traceback" not in gateway.log_path.read_text()
    await gateway.start()
    async with gateway.client() as client:
        stored, cursor = set(), ""
        while True:
            page = await client.get(f"events?limit=500&cursor={cursor}")
            stored |= {row["cloudevent"]["id"] for row in page["events"]}
            cursor = page.get("cursor", "")
            if not cursor:
                break
    assert acknowledged <= stored
    await until_delivered(gateway, len(stored))
    assert set(receipts(sink).values()) == {1} and len(receipts(sink)) == len(stored)


async def test_a_request_that_is_half_sent_may_be_finished_and_new_ones_are_refused(gateway: GatewayProcess):
    async with gateway.client() as client:
        source = await client.create("sources", name="s")
        key = await client.create(f"sources/{source['id']}/keys", name="k")
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    body = json.dumps(cloudevent("half-sent")).encode()
    head = (
        "POST /v1/instances/default/events HTTP/1.1\r\nHost: gateway\r\n"
        f"Authorization: Bearer {key['key']}\r\nContent-Type: application/cloudevents+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(head + body[:20])
        await writer.drain()
        async with gateway.client() as client:
            # Answered after the bytes above, which came first.
            await client.get("sources")
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGTERM)
        await until_async(lambda: refuses(host, int(port)))
        writer.write(body[20:])
        answer = await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        await writer.wait_closed()
    answered, _, _ = answer.partition(b"\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 202 ") and b"connection: close" in answered.lower()
    await until(lambda: gateway.exited)
    assert gateway.process.returncode == 0
    await gateway.start()
    async with gateway.client() as client:
        stored = (await client.get("events"))["events"]
    assert [row["cloudevent"]["id"] for row in stored] == ["half-sent"]


async def refuses(host: str, port: int) -> bool:
    """Whether nobody listens there any more."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except ConnectionError:
        return True
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return False


async def test_who_does_not_answer_is_waited_for_no_longer_than_the_grace(tmp_path: Path, sink: HttpSink):
    sink.usual = NEVER
    gateway = GatewayProcess(tmp_path, drain_seconds=0.5)
    await gateway.start()
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            await post_many(client, route["source"], QUEUED)
        await until(lambda: len(sink.requests) == WIDTH)
        began = time.monotonic()
        assert await gateway.stop() == 0
        assert time.monotonic() - began < 2.5
        sink.usual = Reply()
        await gateway.start()
        await until_delivered(gateway, QUEUED)
    finally:
        gateway.close()
    seen = receipts(sink)
    assert len(seen) == QUEUED and sum(seen.values()) == QUEUED + WIDTH
    assert max(seen.values()) == 2


async def test_a_second_signal_ends_it_at_once_and_loses_nothing(gateway: GatewayProcess, sink: HttpSink):
    sink.usual = NEVER
    async with gateway.client() as client:
        route = await client.webhook_route(sink.url("/hook"))
        await post_many(client, route["source"], QUEUED)
    await until(lambda: len(sink.requests) == WIDTH)
    url = gateway.folder / "data" / "url"
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGTERM)
    await until(lambda: not url.exists())
    began = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    await until(lambda: gateway.exited, 5)
    assert time.monotonic() - began < 1
    assert gateway.process.returncode == -signal.SIGTERM
    sink.usual = Reply()
    await gateway.start()
    await until_delivered(gateway, QUEUED)
    seen = receipts(sink)
    assert len(seen) == QUEUED and sum(seen.values()) == QUEUED + WIDTH
