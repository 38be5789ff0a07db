"""`examples/receiver.py`: the receiver that people copy, against a real gateway."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness import Client, cloudevent
from tests.waiting import until, until_async

EXAMPLE = Path(__file__).parents[2] / "examples" / "receiver.py"


class Example:
    """The example as a process."""

    def __init__(self, port: int, out: Path) -> None:
        self.url, self._out = f"http://127.0.0.1:{port}/", out

    @property
    def lines(self) -> list[str]:
        return [line for line in self._out.read_text().splitlines() if "HTTP/1" not in line]

    @property
    def answers(self) -> list[str]:
        """The statuses that it has logged."""
        return [
            line.split('" ')[1].split()[0] for line in self._out.read_text().splitlines() if "HTTP/1" in line
        ]


@contextlib.asynccontextmanager
async def example(port: int, secret: str, out: Path) -> AsyncIterator[Example]:
    with out.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLE), str(port), env={"SECRET": secret}, stdout=file, stderr=file
        )
    try:
        await until(lambda: _listens(port) or process.returncode is not None)
        yield Example(port, out)
    finally:
        process.kill()
        await process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture
async def route(client: Client, unused_tcp_port: int) -> dict:
    return await client.webhook_route(f"http://127.0.0.1:{unused_tcp_port}/", retry_schedule=[60.0])


async def test_it_verifies_prints_and_answers(
    client: Client, route: dict, unused_tcp_port: int, tmp_path: Path
):
    async with example(unused_tcp_port, route["secret"], tmp_path / "out") as receiver:
        await client.send(cloudevent("e-1", data={"summary": "größe"}), route["source"])
        await until(lambda: bool(receiver.answers))
        assert receiver.answers == ["204"]
        assert receiver.lines == ["backup.failed /tests e-1 {'summary': 'größe'}"]


async def test_a_repeat_is_answered_and_changes_nothing(
    client: Client, route: dict, unused_tcp_port: int, tmp_path: Path
):
    async with example(unused_tcp_port, route["secret"], tmp_path / "out") as receiver:
        _, answer = await client.send(cloudevent("e-1"), route["source"])
        await until(lambda: receiver.answers == ["204"])
        await until_async(lambda: _delivered(client, answer["notification_id"]))
        detail = await client.get(f"events/{answer['notification_id']}")
        status, _ = await client.call("POST", f"deliveries/{detail['deliveries'][0]['id']}/replay")
        assert status == 202
        await until(lambda: receiver.answers == ["204", "204"])
        assert len(receiver.lines) == 1


async def test_another_secret_is_refused(client: Client, route: dict, unused_tcp_port: int, tmp_path: Path):
    async with example(unused_tcp_port, "whsec_" + "A" * 44, tmp_path / "out") as receiver:
        await client.send(cloudevent("e-1"), route["source"])
        await until(lambda: bool(receiver.answers))
        assert receiver.answers == ["401"] and receiver.lines == []


def test_it_is_forty_lines():
    assert len(EXAMPLE.read_text().splitlines()) <= 40


async def _delivered(client: Client, event_id: str) -> bool:
    detail = await client.get(f"events/{event_id}")
    return [row["state"] for row in detail["deliveries"]] == ["delivered"]
