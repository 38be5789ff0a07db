"""The gateway under test: a real process, configured as its users do, and the load on it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import processes
from bench.driver import CONNECTIONS, Load, Sink

ADMIN_KEY = "benchmark-operator-key-0123456789"
FANS = (0, 1, 5)


class Gateway:
    """A real `tocsin serve` on a core of its own, configured over HTTP.

    `settings` are further variables; a node `like` another shares its store, and so its configuration.
    """

    def __init__(
        self,
        folder: Path,
        sink_port: int,
        settings: Mapping[str, str] | None = None,
        *,
        like: Gateway | None = None,
    ) -> None:
        self._folder = folder
        self.process = processes.start(
            ["-m", "gateway", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder)],
            core=processes.UNDER_TEST,
            env={
                "TOCSIN_ADMIN_KEY": ADMIN_KEY,
                "TOCSIN_ALLOW_NETWORKS": "127.0.0.0/8",
                "TOCSIN_LOG_LEVEL": "info",
                **(settings or {}),
            },
        )
        self.port = self._await_port()
        self.sources = like.sources if like else {fan: self._configure(fan, sink_port) for fan in FANS}

    def close(self) -> None:
        """Stop it, in a minute at most."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _await_port(self) -> int:
        url = self._folder / "url"
        for _ in range(200):
            if url.exists() and url.read_text().strip():
                return int(url.read_text().strip().rpartition(":")[2])
            time.sleep(0.05)
        raise SystemExit("the gateway did not start")

    def _configure(self, fan: int, sink_port: int) -> tuple[str, str]:
        source = self.call("sources", {"name": f"bench-{fan}"})["id"]
        key = self.call(f"sources/{source}/keys", {"name": "bench"})["key"]
        rules = [{"rule": "type starts-with backup. and severity in (warning, error, critical)"}]
        topic = self.call("topics", {"name": f"bench-{fan}", "sources": [{"id": source, "rules": rules}]})[
            "id"
        ]
        for number in range(fan):
            params = {"url": f"http://127.0.0.1:{sink_port}/hook", "verb": "post"}
            destination = self.call(
                "destinations",
                {"name": f"sink-{fan}-{number}", "type": "webhook", "config": {"params": params}},
            )["id"]
            self.call(
                "subscriptions",
                {
                    "name": f"bench-{fan}-{number}",
                    "topic_id": topic,
                    "destination_id": destination,
                    "attributes": {"signing_enabled": True},
                },
            )
        return source, key

    def listed(self, noun: str) -> list[dict[str, Any]]:
        """The first page of a noun."""
        rows: list[dict[str, Any]] = self.call(f"{noun}?limit=100")[noun]
        return rows

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask a path of the default instance, as its operator; with a body, post it there."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/instances/default/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            result: dict[str, Any] = json.load(answer)
        return result

    def load(
        self, fan: int, prefix: str, count: int, rate: float = 0.0, connections: int = CONNECTIONS
    ) -> Load:
        """A load on the source that fans out `fan` times."""
        _, key = self.sources[fan]
        path = "/v1/instances/default/events"
        return Load(self.port, path, key, prefix, count, rate, connections=connections)


async def arrived(count: int) -> None:
    """Wait until the receiver has seen that many requests."""
    for _ in range(6000):
        if Sink.count >= count:
            return
        await asyncio.sleep(0.01)
    raise SystemExit(f"only {Sink.count} of {count} deliveries arrived")
