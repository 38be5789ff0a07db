"""The command line as a process, for tests: `tocsin` with arguments, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness import ADMIN_KEY
from tests.waiting import until

COMMAND = [sys.executable, "-m", "gateway"]
TIMEOUT = 40.0


def environment(**given: str) -> dict[str, str]:
    """This environment without any gateway's, and what is given."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")} | given


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs commands against one gateway."""

    def __init__(self, url: str, key: str = ADMIN_KEY, folder: Path | None = None, **more: str) -> None:
        self.environment = environment(TOCSIN_URL=url, TOCSIN_KEY=key, **more)
        self.folder = folder

    async def run(self, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Ran:
        """Run one command to its end."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **(env or {})},
            cwd=self.folder,
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                out, err = await process.communicate(stdin.encode())
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def ok(self, *arguments: str, **options: Any) -> Ran:
        """Run a command that has to succeed."""
        ran = await self.run(*arguments, **options)
        assert ran.code == 0, f"{arguments}: exit code {ran.code}\n{ran.out}{ran.err}"
        return ran

    async def json(self, *arguments: str, **options: Any) -> Any:
        """The answer of a command as JSON."""
        return (await self.ok(*arguments, "--output", "json", **options)).json

    async def names(self, noun: str) -> list[str]:
        """The names of everything that a noun lists."""
        return [row["name"] for row in await self.json(noun, "list")]

    @contextlib.asynccontextmanager
    async def running(self, *arguments: str, out: Path) -> AsyncIterator[Running]:
        """A command that runs until it is told to stop; what it says goes to `out`."""
        with out.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *COMMAND, *arguments, stdout=file, stderr=file, env=self.environment, cwd=self.folder
            )
        try:
            yield Running(process, out)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class Running:
    """A command that runs."""

    def __init__(self, process: asyncio.subprocess.Process, out: Path) -> None:
        self.process = process
        self._out = out

    @property
    def said(self) -> str:
        return self._out.read_text()

    async def says(self, text: str, seconds: float = 20) -> None:
        """Wait until it has said something."""
        await until(lambda: text in self.said or self.process.returncode is not None, seconds)
        assert text in self.said, self.said

    async def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Tell it to stop; its exit code."""
        self.process.send_signal(sent)
        async with asyncio.timeout(TIMEOUT):
            return await self.process.wait()
