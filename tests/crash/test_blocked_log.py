"""Nobody reads the log any more and its pipe is full: the gateway works on, and stops when told (F46)."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands import COMMAND, environment
from tests.fakes.http_sink import HttpSink
from tests.harness import ADMIN_KEY, Client, cloudevent
from tests.waiting import until

SENDERS, EACH = 8, 100
PAGE = 4096
"""The least that a pipe holds (fcntl(2), F_SETPIPE_SZ)."""


class Unread:
    """A gateway whose standard error is a full pipe that nobody reads."""

    def __init__(self, folder: Path) -> None:
        self._read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PAGE)
        os.set_blocking(write, False)
        os.write(write, b"x" * PAGE)
        os.set_blocking(write, True)
        self.url_file = folder / "data" / "url"
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(folder / "data")],
            env=environment(TOCSIN_ADMIN_KEY=ADMIN_KEY, TOCSIN_ALLOW_NETWORKS="127.0.0.0/8"),
            stdout=subprocess.DEVNULL,
            stderr=write,
        )
        os.close(write)

    def hang_up(self) -> None:
        """Whoever could have read it is gone."""
        os.close(self._read)
        self._read = -1

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        if self._read >= 0:
            os.close(self._read)


@pytest.mark.parametrize("gone", [False, True], ids=["a full pipe", "a broken pipe"])
async def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path, sink: HttpSink, gone: bool):
    gateway = Unread(tmp_path)
    try:
        await until(lambda: gateway.url_file.exists() and bool(gateway.url_file.read_text().strip()), 20)
        if gone:
            gateway.hang_up()
        slowest = 0.0
        async with Client(gateway.url_file.read_text().strip()) as client:
            route = await client.webhook_route(sink.url("/hook"))

            async def send(name: int) -> None:
                nonlocal slowest
                for number in range(EACH):
                    began = time.monotonic()
                    status, _ = await client.send(cloudevent(f"{name}-{number}"), route["source"])
                    assert status == 202
                    slowest = max(slowest, time.monotonic() - began)

            await asyncio.gather(*(send(name) for name in range(SENDERS)))
            await until(lambda: len(sink.requests) == SENDERS * EACH)
        assert slowest < 1
        gateway.process.send_signal(signal.SIGTERM)
        await until(lambda: gateway.process.poll() is not None, 10)
        assert gateway.process.returncode == 0
    finally:
        gateway.close()
    assert not gateway.url_file.exists()
