"""A NATS server of a test's own, with JetStream in its folder and a free port."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes.programs import Served, program
from tests.waiting import until


class NatsServer(Served):
    """`more` is added to its configuration: who may log in, TLS."""

    def __init__(self, folder: Path, more: str = "") -> None:
        super().__init__(folder)
        self._program = program("nats-server")
        self._file = folder / "nats.conf"
        self._file.write_text(
            f'listen: "127.0.0.1:-1"\nports_file_dir: "{folder}"\n'
            f'jetstream {{ store_dir: "{folder}" }}\n{more}\n'
        )
        self.port = 0

    async def start(self) -> None:
        """Start it; the port is the one that it took."""
        pid = self.run(self._program, "-c", str(self._file))
        ports = self.folder / f"nats-server_{pid}.ports"
        await until(lambda: self.exited or (ports.exists() and bool(ports.read_text())))
        assert not self.exited, self.log.read_text()
        self.port = int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"
