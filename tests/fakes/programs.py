"""Servers that are programs of their own: found on this machine, or the test is skipped, but not in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

import pytest


def program(name: str) -> str:
    """The path of a server's program; its Debian package has the same name."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is needed: apt-get install {name}")
        pytest.skip(f"there is no {name} on this machine")
    return found


class Served(ABC):
    """A server's process, its output in `log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> int:
        """Start it; its process id."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        return self._process.pid

    @property
    def exited(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def end(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()

    @abstractmethod
    async def start(self) -> None:
        """Start the server and wait until it takes connections."""
