"""Senders that never give up: each event is posted, with the same id, until a 2xx comes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from typing import Protocol

import aiohttp

from tests.harness import Client, cloudevent


class Reachable(Protocol):
    """What has an address to post to."""

    url: str


class Senders:
    """Post events with unique ids for as long as they run; a node that does not answer gives way to the next.

    `refused` counts the answers other than 2xx, `broken` the posts without any, `longest` is the longest
    that one took, in seconds.
    """

    def __init__(self, gateways: Sequence[Reachable], key: str) -> None:
        self.acknowledged: dict[str, str] = {}
        self.refused = self.broken = 0
        self.longest = 0.0
        self._gateways, self._key = gateways, key
        self._running = True
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, number: int) -> None:
        """Start so many senders."""
        self._tasks = [asyncio.create_task(self._run(name)) for name in range(number)]

    async def stop(self) -> None:
        """Stop them all."""
        self._running = False
        await asyncio.gather(*self._tasks)

    async def _run(self, name: int) -> None:
        first = name % len(self._gateways)
        nodes = itertools.cycle([*self._gateways[first:], *self._gateways[:first]])
        for number in itertools.count():
            event = cloudevent(f"{name}-{number}")
            while self._running and not await self._post(next(nodes), event):
                await asyncio.sleep(0.01)
            if not self._running:
                return

    async def _post(self, gateway: Reachable, event: dict[str, object]) -> bool:
        began = asyncio.get_running_loop().time()
        try:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with Client(gateway.url, self._key) as client:
                    status, answer = await client.send(event)
                    if status == 202:
                        self.acknowledged[str(event["id"])] = answer["notification_id"]
                        return True
                    self.refused += 1
                    return False
            self.broken += 1
            return False
        finally:
            self.longest = max(self.longest, asyncio.get_running_loop().time() - began)
