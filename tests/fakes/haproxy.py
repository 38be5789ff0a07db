"""haproxy in front of gateways, as `deploy/` configures it: round robin over those that are ready."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

CONFIGURATION = """
global
  stats socket {folder}/haproxy.sock mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  option redispatch
  retries 3
frontend events
  bind 127.0.0.1:{port}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  retry-on conn-failure empty-response
  default-server check inter 500ms fall 2 rise 1
"""


class Haproxy:
    """A balancer on a free port; use as a context manager. `url` is where senders post to."""

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self._program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
        if self._program is None:
            if os.environ.get("CI"):
                pytest.fail("haproxy is needed: apt-get install haproxy")
            pytest.skip("there is no haproxy on this machine")
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._file = folder / "haproxy.cfg"
        servers = "".join(f"  server node-{one} 127.0.0.1:{one}\n" for one in ports)
        self._file.write_text(CONFIGURATION.format(folder=folder, port=port) + servers)

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
