"""Several gateway processes on one port of one machine: started, watched, replaced and stopped together.

The kernel shares connections out among those that listen on the port. Each worker is a node like any other.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping

import structlog

from gateway.cli.places import URL_FILE
from gateway.cli.signals import stop_signals
from gateway.domain.errors import ConfigurationError
from gateway.settings import PREFIX, Settings
from gateway.telemetry.logging import configure
from gateway.telemetry.metrics import SHARED, forget_worker

log = structlog.get_logger()

AGAIN_SECONDS = 1.0
"""How long to wait before a worker that ended is replaced."""
STOP_SECONDS = 15.0
"""How long stopping may take beyond the drain."""
MISCONFIGURED = 2
METRICS_FOLDER = "metrics"


def run_workers(settings: Settings, given: Mapping[str, object], *, line_format: str) -> int:
    """Run until a signal. Returns 0, 2 when a worker cannot start, 1 when one had to be killed.

    Raises ConfigurationError when the address cannot be listened on.
    """
    writer = configure(settings.log_level, line_format)
    try:
        return asyncio.run(Workers(settings, given).run())
    finally:
        writer.close()


class Workers:
    """The processes by their place; one that ends before it is told to is replaced."""

    def __init__(self, settings: Settings, given: Mapping[str, object]) -> None:
        self._settings = settings
        self._environment = os.environ | {
            f"{PREFIX}{name.upper()}": str(value) for name, value in given.items() if value is not None
        }
        self._metrics = settings.data_dir / METRICS_FOLDER
        self._failed = 0

    async def run(self) -> int:
        """Start them, the first one alone, and keep them until a signal or until one cannot start."""
        asked = stop_signals()
        # Bound, and never listening: it keeps the port for all of them.
        with _bound(self._settings.host, self._settings.port) as kept:
            self._share_metrics()
            host, port = kept.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            self._environment |= {f"{PREFIX}LISTEN": f"{shown}:{port}", f"{PREFIX}SHARE_PORT": "true"}
            keeping = [asyncio.create_task(self._keep(0, asked))]
            if await self._first_is_up(asked, keeping[0]):
                places = range(1, self._settings.workers)
                keeping += [asyncio.create_task(self._keep(place, asked)) for place in places]
            await asyncio.gather(*keeping)
        return self._failed

    def _share_metrics(self) -> None:
        """An empty folder in which workers count together: /metrics of one shows all of them."""
        try:
            shutil.rmtree(self._metrics, ignore_errors=True)
            self._settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._metrics.mkdir(mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                f"TOCSIN_DATA_DIR: {self._metrics} cannot be made: {error.strerror}"
            ) from error
        self._environment[SHARED] = str(self._metrics)

    async def _first_is_up(self, asked: asyncio.Event, first: asyncio.Task[None]) -> bool:
        """Wait for the first worker, which makes what is missing, keys and tables, for all."""
        url = self._settings.data_dir / URL_FILE
        url.unlink(missing_ok=True)
        while not (asked.is_set() or first.done() or url.exists()):  # noqa: ASYNC110  another process makes it
            await asyncio.sleep(0.05)
        return url.exists()

    async def _keep(self, place: int, asked: asyncio.Event) -> None:
        """One worker after the other in this place, until it is asked to end or cannot start."""
        while not asked.is_set():
            worker = await self._start(place)
            ended = asyncio.create_task(worker.wait())
            waiting = asyncio.create_task(asked.wait())
            await asyncio.wait((ended, waiting), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not ended.done():
                await self._stop(worker, ended)
                return
            forget_worker(worker.pid, self._metrics)
            if worker.returncode == MISCONFIGURED:
                self._failed = MISCONFIGURED
                asked.set()
            else:
                log.error("worker.ended", place=place + 1, code=worker.returncode)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _start(self, place: int) -> asyncio.subprocess.Process:
        name = f"{self._settings.node_name or socket.gethostname()}-{place + 1}"
        own = {f"{PREFIX}NODE_NAME": name, f"{PREFIX}WORKERS": "1"}
        # A session of its own: Ctrl-C reaches this process alone, which tells each worker once. The pipe is
        # how a worker learns that this process was killed.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "worker"),
            stdin=asyncio.subprocess.PIPE,
            env=self._environment | own,
            start_new_session=True,
        )

    async def _stop(self, worker: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
        worker.send_signal(signal.SIGTERM)
        grace = self._settings.drain_delay + self._settings.drain_seconds + STOP_SECONDS
        try:
            async with asyncio.timeout(grace):
                await asyncio.shield(ended)
        except TimeoutError:
            worker.kill()
            self._failed = self._failed or 1
            await ended


def _bound(host: str, port: int) -> socket.socket:
    """A socket on an address that others may share. Raises ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"TOCSIN_LISTEN: cannot listen on {host}:{port}: {error.strerror}"
        ) from error
    return bound
