"""haproxy in front of gateways, with the configuration that `deploy/` ships."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

from tests.fakes.ports import free_port

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "compose" / "haproxy.cfg"


class Haproxy:
    """A balancer on a free port; use as a context manager. `url` is where senders post to."""

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self._program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
        if self._program is None:
            if os.environ.get("CI"):
                pytest.fail("haproxy is needed: apt-get install haproxy")
            pytest.skip("there is no haproxy on this machine")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._file = folder / "haproxy.cfg"
        self._file.write_text(_here(CONFIGURATION.read_text(), folder, port, ports))

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [str(self._program), "-f", str(self._file), "-db"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    async def up(self, number: int) -> bool:
        """Whether so many nodes are ready, in its own eyes."""
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(2)
                asked.connect(str(self._folder / "haproxy.sock"))
                asked.sendall(b"show stat\n")
                text = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        except OSError:
            return False
        rows = [line.split(",") for line in text.splitlines() if line.startswith("nodes,node-")]
        return sum(row[17].startswith("UP") for row in rows) == number


def _here(text: str, folder: Path, port: int, nodes: Sequence[int]) -> str:
    """The configuration that is shipped, with this machine's ports in place of its names."""
    text, _, _ = text.partition("resolvers docker\n")
    text = re.sub(r"^  server .*\n", "", text, flags=re.MULTILINE)
    text = text.replace(" init-addr none resolvers docker", "").replace(
        "bind :8080", f"bind 127.0.0.1:{port}"
    )
    text = text.replace("global\n", f"global\n  stats socket {folder}/haproxy.sock mode 600 level admin\n")
    return text.rstrip() + "\n" + "".join(f"  server node-{one} 127.0.0.1:{one}\n" for one in nodes)
