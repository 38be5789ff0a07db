"""Starting a gateway that will kill itself (`failing_gateway`), and what to ask of it afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess
from tests.waiting import until, until_async

UNSETTLED = ("pending", "leased", "held")


class Failing:
    """A gateway below the launcher. Harmless until `arm`."""

    def __init__(self, gateway: GatewayProcess, step: str) -> None:
        self._gateway = gateway
        self._armed = gateway.folder / "armed"
        self._report = gateway.folder / "report"
        self.wrapper = (
            sys.executable,
            "-m",
            "tests.crash.failing_gateway",
            step,
            str(self._armed),
            str(self._report),
        )

    def arm(self) -> None:
        """From now on the step is deadly."""
        self._armed.touch()

    def disarm(self) -> None:
        self._armed.unlink()

    def strikes(self) -> list[str]:
        """What each kill told."""
        return self._report.read_text().splitlines() if self._report.exists() else []

    async def died(self) -> None:
        """Wait until it has killed itself."""
        await until(lambda: self._gateway.exited, 15)
        process = self._gateway.process
        assert process is not None and process.returncode == -signal.SIGKILL


async def post(gateway: GatewayProcess, key: str, event: dict[str, Any]) -> str:
    """Post once; the id if it was acknowledged, '' if the connection broke."""
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with gateway.client(key) as sender:
            status, answer = await sender.send(event)
            assert status == 202, answer
            return str(answer["notification_id"])
    return ""


async def post_all(gateway: GatewayProcess, key: str, events: list[dict[str, Any]]) -> dict[str, str]:
    """Post together; the ids of those that were acknowledged, by event id."""
    ids = await asyncio.gather(*(post(gateway, key, event) for event in events))
    return {str(event["id"]): id for event, id in zip(events, ids, strict=True) if id}


async def stored(client: Client) -> dict[str, str]:
    """Every event in the store: its own id by the sender's."""
    return {row["cloudevent"]["id"]: row["id"] async for row in rows(client, "events")}


async def rows(client: Client, noun: str, wanted: str = ""):
    """Every row of a listing, page by page."""
    cursor = ""
    while True:
        page = await client.get(f"{noun}?limit=500&cursor={cursor}&{wanted}".rstrip("&"))
        for row in page[noun]:
            yield row
        cursor = page.get("cursor", "")
        if not cursor:
            return


async def until_settled(client: Client, seconds: float = 30) -> None:
    """Wait until no delivery is open any more."""

    async def settled() -> bool:
        pages = [await client.get(f"deliveries?state={state}&limit=1") for state in UNSETTLED]
        return not any(page["deliveries"] for page in pages)

    await until_async(settled, seconds)


def receipts(sink: HttpSink) -> Counter[str]:
    """How often each delivery arrived, by the id that the receiver saw."""
    return Counter(one.headers["webhook-id"] for one in sink.requests)


def log_lines(folder: Path, word: str) -> list[str]:
    """The lines of the gateway's log that hold a word."""
    return [line for line in (folder / "gateway.log").read_text().splitlines() if word in line]
