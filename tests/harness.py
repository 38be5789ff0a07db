"""A real gateway process for tests, and what they need to talk to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.waiting import until

ADMIN_KEY = "operator-key-of-the-tests-0123456789"


class GatewayProcess:
    """`tocsin serve` on a free loopback port, with its store in a folder that survives a kill.

    Settings that are None are left to their defaults; `listen_port` 0 takes a free port.
    """

    def __init__(self, folder: Path, listen_port: int = 0, **settings: object) -> None:
        self.folder = folder
        self._port = listen_port
        self.url = ""
        given = {"allow_networks": "127.0.0.0/8", "admin_key": ADMIN_KEY} | settings
        self._settings = {
            f"TOCSIN_{name.upper()}": str(value) for name, value in given.items() if value is not None
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        return self.folder / "gateway.log"

    async def start(self, *wrapper: str, **environment: str) -> None:
        """Start it, below `wrapper` if one is given, and wait until it is ready."""
        url_file = self.folder / "data" / "url"
        url_file.unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *wrapper,
                    sys.executable,
                    "-m",
                    "gateway",
                    "serve",
                    "--listen",
                    f"127.0.0.1:{self._port}",
                    "--data-dir",
                    str(self.folder / "data"),
                ],
                env={**os.environ, **self._settings, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await until(lambda: self.exited or (url_file.exists() and bool(url_file.read_text().strip())), 20)
        if self.exited:
            raise AssertionError(f"the gateway exited:\n{self.log_path.read_text()[-4000:]}")
        self.url = url_file.read_text().strip()

    @property
    def exited(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """kill -9 of the whole process group."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    async def stop(self, sent: signal.Signals = signal.SIGTERM, seconds: float = 40) -> int:
        """Ask it to stop; return its exit code."""
        assert self.process is not None
        if not self.exited:
            self.process.send_signal(sent)
            await until(lambda: self.exited, seconds)
        return int(self.process.returncode)

    def close(self) -> None:
        """End it whatever state it is in."""
        if self.process is not None and not self.exited:
            self.kill()

    def client(self, key: str = ADMIN_KEY) -> Client:
        """A client of this gateway."""
        return Client(self.url, key)


class Client:
    """A thin HTTP client of the default instance; use as an async context manager."""

    def __init__(self, url: str, key: str = ADMIN_KEY, instance: str = "default") -> None:
        self.base = f"{url}/v1/instances/{instance}/"
        self.key = key

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and parsed answer."""
        sent = {"Authorization": f"Bearer {self.key}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        arguments: dict[str, Any] = {"headers": sent}
        if isinstance(body, bytes):
            arguments["data"] = body
        elif body is not None:
            arguments["json"] = body
        async with self._session.request(method, self.base + path, **arguments) as answer:
            text = await answer.text()
            return answer.status, (await answer.json(content_type=None)) if text else None

    async def create(self, noun: str, **fields: Any) -> dict[str, Any]:
        """Create one of `noun`; fails the test unless the answer is 201."""
        status, answer = await self.call("POST", noun, fields)
        assert status == 201, answer
        return dict(answer)

    async def get(self, path: str) -> Any:
        """Read something that is there."""
        status, answer = await self.call("GET", path)
        assert status == 200, answer
        return answer

    async def send(self, event: Mapping[str, Any], source_id: str = "") -> tuple[int, Any]:
        """Post one structured event."""
        path = f"events?source_id={source_id}" if source_id else "events"
        return await self.call(
            "POST", path, json.dumps(event).encode(), Content_Type="application/cloudevents+json"
        )

    async def webhook_route(
        self,
        url: str,
        *,
        name: str = "hook",
        rule: str = "",
        retry_schedule: list[float] | None = None,
        params: Mapping[str, object] | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """A source with a key, a topic taking its events, a webhook subscribed: ids and secrets of all.

        `params` are further settings of the webhook, `fields` the source's; what its registration answered
        stands under `registered`.
        """
        source = await self.create("sources", name=name, **fields)
        key = await self.create(f"sources/{source['id']}/keys", name=name)
        topic = await self.create(
            "topics", name=name, sources=[{"id": source["id"], "rules": [{"rule": rule}]}]
        )
        destination = await self.create(
            "destinations",
            name=name,
            type="webhook",
            retry_schedule=retry_schedule or [],
            config={"params": {"url": url, "verb": "post", **(params or {})}},
        )
        subscription = await self.create(
            "subscriptions",
            name=name,
            topic_id=topic["id"],
            destination_id=destination["id"],
            attributes={"signing_enabled": True},
        )
        return {
            "source": source["id"],
            "registered": source,
            "key": key["key"],
            "topic": topic["id"],
            "destination": destination["id"],
            "subscription": subscription["id"],
            "secret": destination.get("generated", {}).get("signing_secret"),
        }


def cloudevent(id: str, **attributes: Any) -> dict[str, Any]:
    """A structured event with what is required."""
    return {"specversion": "1.0", "id": id, "source": "/tests", "type": "backup.failed", **attributes}
