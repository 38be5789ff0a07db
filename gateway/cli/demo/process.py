"""The demo's gateway: `tocsin serve` as anyone would start it, in a temporary folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.cli.places import ADMIN_KEY_FILE, URL_FILE, Place, Unreachable

START_SECONDS = 20.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02
LAST_LINES = 15


class GatewayProcess:
    """One gateway. `place` says how to speak to it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "gateway.log"
        self.place = Place("", "")
        self.exit_code: int | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Started and ready, stopped at the end whatever happens. Raises Unreachable if it does not start."""
        with self.log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command(), env=_environment(), stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )
        try:
            await self._start(process)
            yield
        finally:
            self.exit_code = await self._stop(process)

    async def _start(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._wait_for_url(process)
        except TimeoutError:
            raise Unreachable(
                f"the gateway did not start in {START_SECONDS:g} s:\n{self.last_lines()}"
            ) from None

    async def _stop(self, process: asyncio.subprocess.Process) -> int:
        """Ask it to end; it is killed if it does not."""
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await process.wait()
        except TimeoutError:
            process.kill()
            return await process.wait()

    def last_lines(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])

    def _command(self) -> list[str]:
        options = {
            "--listen": "127.0.0.1:0",
            "--data-dir": str(self.data),
            "--allow-networks": "127.0.0.1/32",
        }
        return [
            sys.executable,
            "-m",
            "gateway",
            "serve",
            *(word for pair in options.items() for word in pair),
        ]

    async def _wait_for_url(self, process: asyncio.subprocess.Process) -> None:
        path = self.data / URL_FILE
        while not path.exists():
            if process.returncode is not None:
                raise Unreachable(f"the gateway did not start:\n{self.last_lines()}")
            await asyncio.sleep(POLL_SECONDS)
        key = (self.data / ADMIN_KEY_FILE).read_text(encoding="utf-8").strip()
        self.place = Place(path.read_text(encoding="ascii").strip(), key)


def _environment() -> dict[str, str]:
    """This shell's, without settings of another gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
