"""A broker that sends without end is left, before what it sends fills the memory."""

from __future__ import annotations

import asyncio

import pytest

from adapters.destinations.mqtt import Mqtt, MqttAddress, MqttConfig
from adapters.destinations.nats import Nats, NatsAddress, NatsConfig
from gateway.spi.outcome import DeliveryFailed
from tests.fakes.messages import make_message
from tests.fakes.raw_server import RawServer

MOST = 16 << 20
"""Bytes: what a broker may get rid of until it is left, buffers of the kernel included."""
BLOCK = bytes(64 * 1024)


class Endless:
    """Answers the log-in, and then sends until it is cut off; `sent` is how many bytes."""

    def __init__(self, greeting: bytes, answer: bytes, begin: bytes, block: bytes = BLOCK) -> None:
        self.greeting, self.answer, self.begin, self.block = greeting, answer, begin, block
        self.sent = 0

    async def __call__(self, peer) -> None:
        await peer.send(self.greeting)
        await peer.reader.read(65536)
        await peer.send(self.answer + self.begin)
        while self.sent <= MOST:
            await peer.send(self.block)
            self.sent += len(self.block)


NATS_INFO = (
    b'INFO {"server_id":"x","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576,'
    b'"jetstream":true}\r\n'
)
CONNACK = b"\x20\x03\x00\x00\x00"
LARGEST = b"\x30\xff\xff\xff\x7f"
"""The beginning of a PUBLISH of 256 MiB."""


@pytest.mark.parametrize(
    "begin", [b"INFO {", b"MSG _INBOX.a.b 1 1073741824\r\n"], ids=["control line", "payload"]
)
async def test_nats(tools, begin):
    script = Endless(NATS_INFO, b"PONG\r\n", begin, BLOCK.replace(b"\0", b"x"))
    async with RawServer(script) as server:
        destination = Nats(NatsConfig(url=f"nats://127.0.0.1:{server.port}"), tools)
        with pytest.raises(DeliveryFailed):
            await destination.deliver(make_message(data={}), NatsAddress())
        await destination.close()
        async with asyncio.timeout(5):
            await server.finished.wait()
    assert script.sent < MOST


async def test_mqtt(tools):
    script = Endless(b"", CONNACK, LARGEST)
    async with RawServer(script) as server:
        destination = Mqtt(MqttConfig(url=f"mqtt://127.0.0.1:{server.port}"), tools)
        with pytest.raises(DeliveryFailed):
            await destination.deliver(make_message(data={}), MqttAddress())
        await destination.close()
        async with asyncio.timeout(5):
            await server.finished.wait()
    assert script.sent < MOST
