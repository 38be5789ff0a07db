"""A PostgreSQL server of a test's own: the machine's binaries, a folder of its own, a free port."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.fakes.ports import free_port

USER = "postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "max_connections": "200",
    "deadlock_timeout": "100ms",
    "log_min_messages": "warning",
}


def binaries() -> Path | None:
    """The folder of the newest server on this machine."""
    packaged = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    found = sorted(packaged, key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    path = shutil.which("postgres")
    return Path(path).resolve().parent if path else None


def require() -> Path:
    """The folder of the server's programs; skips the test without one, but not in CI."""
    folder = binaries()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is needed: apt-get install postgresql")
        pytest.skip("there is no PostgreSQL on this machine")
    return folder


class PostgresServer:
    """A server that is started, stopped, frozen and killed by tests."""

    def __init__(self, **settings: str) -> None:
        self._bin = require()
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))
        self._settings = _SETTINGS | settings
        root = os.geteuid() == 0
        self._as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if root else []
        self.port = free_port()
        if root:
            shutil.chown(self.folder, USER, USER)
        self._run("initdb", "-D", str(self._data), "-U", USER, "--auth=trust", "-E", "UTF8", "--no-sync")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres", **parameters: str) -> str:
        """The address of a database."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = f"-p {self.port} -k {self.folder} " + " ".join(
            f"-c {name}={value}" for name, value in self._settings.items()
        )
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop: `smart`, `fast` or `immediate`."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the server."""
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):  # it ended in this moment
                os.kill(pid, number)

    def close(self) -> None:
        """Stop if it runs, and remove everything."""
        if (self._data / "postmaster.pid").exists():
            self.signal(signal.SIGCONT)
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pids(self) -> list[int]:
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *(int(child) for child in children)]

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._bin / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=90, cwd=self.folder,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
