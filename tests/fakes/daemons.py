"""Real servers of Debian packages, each started on a free port with a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import pytest

from tests.fakes.ports import free_port

START_SECONDS = 20.0


class Daemon(ABC):
    """A server that runs for as long as the context does. `url` is where it listens."""

    program: ClassVar[str]
    package: ClassVar[str]
    ready: ClassVar[str]

    def __enter__(self) -> Self:
        program = _require(self.program, self.package)
        self.folder = Path(tempfile.mkdtemp(prefix=f"tocsin-{self.program}-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, *self._arguments()], stdout=log, stderr=log, cwd=self.folder
            )
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    @abstractmethod
    def _arguments(self) -> list[str]: ...

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.url + self.ready):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise AssertionError(f"{self.program} does not start")
            time.sleep(0.02)


class VictoriaMetrics(Daemon):
    program = package = "victoria-metrics"
    ready = "/health"

    def _arguments(self) -> list[str]:
        listen = f"-httpListenAddr=127.0.0.1:{self.port}"
        # Without the offset what is fresh is hidden from queries for half a minute.
        return [
            f"-storageDataPath={self.folder}",
            listen,
            "-retentionPeriod=1200",
            "-search.latencyOffset=0s",
        ]


class Influxd(Daemon):
    """InfluxDB 1.6, which Debian has: a real reader of line protocol, without the API of version 2."""

    program, package = "influxd", "influxdb"
    ready = "/ping"

    def _arguments(self) -> list[str]:
        config = self.folder / "influxdb.conf"
        folders = "\n".join(
            f'[{part}]\n  dir = "{self.folder}/{part}"\n'
            + (f'  wal-dir = "{self.folder}/wal"\n' * (part == "data"))
            for part in ("meta", "data")
        )
        own = f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
        config.write_text(f'{own}{folders}\n[http]\n  bind-address = "127.0.0.1:{self.port}"\n')
        return ["-config", str(config)]


class Pushgateway(Daemon):
    program = package = "prometheus-pushgateway"
    ready = "/-/ready"

    def _arguments(self) -> list[str]:
        listen = f"--web.listen-address=127.0.0.1:{self.port}"
        # Debian's would otherwise keep what is pushed in /var/lib, from one run to the next.
        return [listen, f"--persistence.file={self.folder}/metrics", "--web.enable-admin-api"]


class Alertmanager(Daemon):
    """Tells `receiver_url` of every change at once, resolved alerts too."""

    program = package = "prometheus-alertmanager"
    ready = "/-/ready"

    def __init__(self, receiver_url: str) -> None:
        self._receiver_url = receiver_url

    def _arguments(self) -> list[str]:
        config = self.folder / "alertmanager.yml"
        config.write_text(
            "route: {receiver: here, group_by: ['...'], group_wait: 0s, group_interval: 1s}\n"
            "receivers:\n- name: here\n  webhook_configs:\n"
            f"  - {{url: '{self._receiver_url}', send_resolved: true}}\n"
        )
        return [
            f"--config.file={config}",
            f"--storage.path={self.folder}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]


def _require(program: str, package: str) -> str:
    """The path of a program; skips the test without it, but not in CI."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is needed: apt-get install {package}")
        pytest.skip(f"there is no {program} on this machine")
    return found


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status < 300
    except (urllib.error.URLError, OSError):
        return False
