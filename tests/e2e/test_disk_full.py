"""A disk that is full, or takes no writes any more: new events are refused, the rest works, and it heals."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.disk import Disk
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async

MIB = 1 << 20
RESERVE = 16 * MIB
FLOOR = 4 * MIB
SENDERS = 4
HEALS_SECONDS = 2


@pytest.fixture
def disk(tmp_path: Path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = Disk(folder)
    yield made
    made.unmount()


def event(id: str, size: int = 200_000):
    return cloudevent(id, data={"text": "x" * size})


async def fill(client: Client, source_id: str, *, most: int = 2000) -> tuple[dict[str, str], list[str]]:
    """Post from several senders until each was refused twice running: what was accepted, and what was not.

    The first refusal makes the store give back the room of its log.
    """
    accepted: dict[str, str] = {}
    refused: list[str] = []

    async def send(name: int) -> None:
        for number in range(most):
            id = f"{name}-{number}"
            for _ in range(2):
                status, answer = await client.send(event(id), source_id)
                if status == 202:
                    accepted[id] = answer["notification_id"]
                    break
                assert (status, answer["code"]) == (507, "store_full"), answer
            else:
                refused.append(id)
                return

    await asyncio.gather(*(send(name) for name in range(SENDERS)))
    assert len(refused) == SENDERS
    return accepted, refused


async def require_only(client: Client, accepted: dict[str, str]) -> None:
    """Exactly these events are stored, each whole and with its delivery."""
    stored, cursor = {}, ""
    while True:
        page = await client.get(f"events?limit=500&cursor={cursor}")
        stored |= {row["cloudevent"]["id"]: row["id"] for row in page["events"]}
        cursor = page.get("cursor", "")
        if not cursor:
            break
    assert stored == accepted
    for id in list(stored.values())[:5]:
        detail = await client.get(f"events/{id}")
        assert len(detail["cloudevent"]["data"]["text"]) == 200_000
        assert len(detail["deliveries"]) == 1


async def until_accepted(client: Client, source_id: str, id: str) -> str:
    """Post one event until it is taken."""
    taken = []

    async def post() -> bool:
        status, answer = await client.send(event(id), source_id)
        assert status in (202, 503, 507), answer
        if status == 202:
            taken.append(answer["notification_id"])
        return status == 202

    await until_async(post, HEALS_SECONDS)
    return taken[0]


async def until_delivered(client: Client, sink: HttpSink, count: int) -> None:
    """Every delivery has arrived, once, and is settled."""

    async def settled() -> bool:
        pages = [await client.get(f"deliveries?state={state}&limit=1") for state in ("pending", "leased")]
        return not any(page["deliveries"] for page in pages)

    await until(lambda: len(sink.requests) >= count, 20)
    await until_async(settled)
    seen = Counter(one.headers["webhook-id"] for one in sink.requests)
    assert len(seen) == count and set(seen.values()) == {1}


async def until_ready(client: Client, *, is_ready: bool = True) -> None:
    """Wait until the gateway says that it is ready, or that it is not; it asks the store once a second."""
    root = client.base.split("/v1/")[0]

    async def so() -> bool:
        async with client._session.get(f"{root}/readyz") as answer:
            return answer.status == (200 if is_ready else 503)

    await until_async(so, HEALS_SECONDS)


def require_sound(database: Path) -> None:
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_a_full_disk_refuses_events_serves_reads_and_heals_when_it_grows(disk: Disk, sink: HttpSink):
    disk.mount("size=40m")
    gateway = GatewayProcess(disk.folder, free_space_floor_bytes=FLOOR)
    try:
        await gateway.start()
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            accepted, refused = await fill(client, route["source"])
            assert len(accepted) > 20 and disk.free > MIB
            status, answer = await client.send(event("while-full"), route["source"])
            assert (status, answer["code"]) == (507, "store_full")
            await until_ready(client, is_ready=False)
            await until_delivered(client, sink, len(accepted))
            await require_only(client, accepted)
            disk.remount("size=120m")
            for id in refused:
                accepted[id] = await until_accepted(client, route["source"], id)
            await until_ready(client)
            await until_delivered(client, sink, len(accepted))
            await require_only(client, accepted)
        assert await gateway.stop() == 0
        require_sound(disk.folder / "data" / "tocsin.db")
    finally:
        gateway.close()


async def test_a_disk_that_another_program_fills_stops_events_and_nothing_else(disk: Disk, sink: HttpSink):
    disk.mount("size=64m")
    gateway = GatewayProcess(disk.folder, free_space_floor_bytes=0)
    sink.usual = Reply(delay=0.5)
    try:
        await gateway.start()
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            ids = [f"before-{number}" for number in range(8)]
            answers = await asyncio.gather(*(client.send(event(id), route["source"]) for id in ids))
            accepted = {id: answer["notification_id"] for id, (_, answer) in zip(ids, answers, strict=True)}
            filler = disk.fill()
            more, _ = await fill(client, route["source"])
            accepted |= more
            await until_delivered(client, sink, len(accepted))
            await require_only(client, accepted)
            lines = log_lines(gateway)
            filler.unlink()
            accepted["after"] = await until_accepted(client, route["source"], "after")
            await until_delivered(client, sink, len(accepted))
            await require_only(client, accepted)
            await until(lambda: len(log_lines(gateway)) > len(lines))
        assert await gateway.stop() == 0
        require_sound(disk.folder / "data" / "tocsin.db")
    finally:
        gateway.close()


def log_lines(gateway: GatewayProcess) -> list[str]:
    return [line for line in gateway.log_path.read_text().splitlines() if '"delivery.attempted"' in line]


class Writes:
    """The right of a running process to write to files: taken, and given back."""

    def __init__(self, gateway: GatewayProcess) -> None:
        assert gateway.process is not None
        self._pid = gateway.process.pid
        self._before = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)

    def take(self) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (0, self._before[1]))

    def give_back(self) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, self._before)


async def test_a_store_that_can_no_longer_be_written_refuses_events_and_heals(tmp_path: Path, sink: HttpSink):
    gateway = GatewayProcess(tmp_path)
    sink.usual = Reply(delay=0.5)
    try:
        await gateway.start()
        writes = Writes(gateway)
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            _, answer = await client.send(event("before"), route["source"])
            accepted = {"before": answer["notification_id"]}
            await until(lambda: len(sink.requests) == 1)
            writes.take()
            await until(lambda: sink.answered == 1)
            for number in range(10):
                status, answer = await client.send(event(f"refused-{number}"), route["source"])
                assert (status, answer["code"]) == (503, "store_unavailable")
            status, _ = await client.call("POST", "sources", {"name": "refused too"})
            assert status == 503
            await until_ready(client, is_ready=False)
            await require_only(client, accepted)
            writes.give_back()
            accepted["after"] = await until_accepted(client, route["source"], "after")
            await until_ready(client)
            await until_delivered(client, sink, len(accepted))
            await require_only(client, accepted)
        assert await gateway.stop() == 0
    finally:
        gateway.close()
