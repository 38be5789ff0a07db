"""Nothing is answered 202 before it is on the disk: seen from the kernel's side (failure catalogue, F3).

What a power cut does cannot be tested; that the disk was told, and in which order, can.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path

from tests.crash import system_calls
from tests.crash.system_calls import Call
from tests.fakes.http_sink import HttpSink
from tests.harness import GatewayProcess, cloudevent
from tests.waiting import until

WRITES = ("pwrite64", "pwritev", "pwritev2", "write", "writev")
SYNCS = ("fdatasync", "fsync")
SENDS = ("sendto", "sendmsg", "write", "writev")
TOGETHER = 32
LOG = "tocsin.db-wal>"


def commit_of(event_id: str, notification_id: str, calls: list[Call]) -> Call:
    """The sync that made an event durable: after its bytes were in the log, before the answer left."""
    written = next(
        call for call in calls if call.name in WRITES and LOG in call.text and event_id in call.text
    )
    answered = next(
        call
        for call in calls
        if call.name in SENDS and "HTTP/1.1 202" in call.text and notification_id in call.text
    )
    assert written.result > 0
    syncs = [
        call
        for call in calls
        if call.name in SYNCS
        and LOG in call.text
        and written.ended < call.begun
        and call.ended < answered.begun
        and call.result == 0
    ]
    assert syncs, f"{event_id} was answered before it was synced"
    return syncs[0]


class Connection:
    """A kept connection over which events are posted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self._reader, self._writer, self._key = reader, writer, key

    async def post(self, event_id: str) -> str:
        """Post an event; its notification id."""
        self.send(event_id)
        return await self.answer()

    def send(self, event_id: str) -> None:
        body = json.dumps(cloudevent(event_id)).encode()
        head = (
            "POST /v1/instances/default/events HTTP/1.1\r\nHost: gateway\r\n"
            f"Authorization: Bearer {self._key}\r\nContent-Type: application/cloudevents+json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)

    async def answer(self) -> str:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert head.startswith("http/1.1 202 ")
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        return str(json.loads(await self._reader.readexactly(length))["notification_id"])


@contextlib.asynccontextmanager
async def connections(gateway: GatewayProcess, key: str, count: int):
    """Connections that have all been used once, so that the gateway waits for more on each."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    async with contextlib.AsyncExitStack() as stack:
        opened = []
        for number in range(count):
            reader, writer = await asyncio.open_connection(host, int(port))
            stack.callback(writer.close)
            opened.append(Connection(reader, writer, key))
            await opened[-1].post(f"opening-{number}")
        yield opened


async def freeze(gateway: GatewayProcess) -> None:
    """Stop the gateway, and strace with it."""
    os.killpg(gateway.process.pid, signal.SIGSTOP)
    await until(lambda: all(state in "Tt" for state in states_of(gateway.process.pid)))


def states_of(pid: int) -> list[str]:
    """The states of a process and of its children (proc(5))."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stats = [Path(f"/proc/{one}/stat").read_text() for one in (str(pid), *children)]
    return [stat.rpartition(") ")[2][0] for stat in stats]


async def post_together(gateway: GatewayProcess, opened: list[Connection], ids: list[str]) -> list[str]:
    """Post while the gateway is stopped, so that it finds all of them at once; their notification ids."""
    await freeze(gateway)
    for connection, event_id in zip(opened, ids, strict=True):
        connection.send(event_id)
    os.killpg(gateway.process.pid, signal.SIGCONT)
    return [await connection.answer() for connection in opened]


async def test_an_event_is_synced_before_it_is_answered_alone_and_in_a_group(tmp_path: Path, sink: HttpSink):
    trace = tmp_path / "trace"
    gateway = GatewayProcess(tmp_path)
    await gateway.start(*system_calls.tracing(trace, ",".join({*WRITES, *SYNCS, *SENDS})))
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
        group = [f"in-a-group-{number:03}" for number in range(TOGETHER)]
        async with connections(gateway, route["key"], TOGETHER) as opened:
            alone = await opened[0].post("sent-alone")
            answers = await post_together(gateway, opened, group)
    finally:
        gateway.close()
    calls = system_calls.read(trace)
    commit_of("sent-alone", alone, calls)
    commits = {commit_of(id, answer, calls).begun for id, answer in zip(group, answers, strict=True)}
    assert len(commits) < TOGETHER / 2, "those that waited together shared their syncs"
