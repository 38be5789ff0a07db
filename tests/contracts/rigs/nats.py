"""NATS: a real server, and on it a listener that answers as a JetStream stream does (ADR-22, errors.json)."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import nats
from nats.aio.msg import Msg

from gateway.spi.cloudevents import structured
from gateway.spi.outcome import Reason
from tests.contracts.rigs.rig import Case, Rig, Said
from tests.fakes.nats_server import NatsServer
from tests.fakes.relay import Relay
from tests.waiting import until

TOKEN = "n4ts-t0ken-s3cret"
HANG, DROP, STRANGER = "say nothing", "drop the connection", "refuse the log-in"
TAKEN = {"stream": "EVENTS", "seq": 7}


def refusal(code: int, err_code: int, description: str) -> dict[str, Any]:
    return {"error": {"code": code, "err_code": err_code, "description": description}}


class NatsRig(Rig):
    name = "nats"
    settings: ClassVar[dict[str, Any]] = {"token": TOKEN}
    cases: ClassVar[dict[str, Case]] = {
        "refused": Case(refusal(400, 10054, "message size exceeds maximum allowed"), Reason.REJECTED),
        "bad_request": Case(refusal(400, 10003, "bad request"), Reason.REJECTED),
        "unauthorized": Case(STRANGER, Reason.UNAUTHORIZED),
        "not_found": Case(refusal(404, 10059, "stream not found"), Reason.MISCONFIGURED),
        "gone": Case(refusal(400, 10109, "invalid operation on sealed stream"), Reason.GONE),
        "throttled": Case(refusal(503, 10077, "maximum messages exceeded"), Reason.THROTTLED),
        "no_room": Case(refusal(500, 10047, "insufficient storage resources available"), Reason.THROTTLED),
        "server_error": Case(refusal(503, 10008, "JetStream temporarily unavailable"), Reason.UNAVAILABLE),
        "no_acknowledgement": Case([], Reason.AMBIGUOUS),
        "silent": Case(HANG, Reason.AMBIGUOUS),
        "reset": Case(DROP, Reason.AMBIGUOUS),
        "unreachable": Case(None, Reason.UNAVAILABLE),
    }

    async def _start_server(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.server = NatsServer(folder, f'authorization {{ token: "{TOKEN}" }}')
        await self._stack.enter_async_context(self.server)
        self.relay = await self._stack.enter_async_context(Relay(self.server.port))
        self.messages: list[Msg] = []
        self._act: Any = TAKEN
        listener = await nats.connect(self.server.url, token=TOKEN)
        self._stack.push_async_callback(listener.close)
        await listener.subscribe("tocsin.>", cb=self._take)
        await listener.flush()

    async def _take(self, message: Msg) -> None:
        self.messages.append(message)
        if self._act == DROP:
            self.relay.drop()
        elif self._act != HANG:
            await message.respond(json.dumps(self._act).encode())

    def _settings(self) -> dict[str, Any]:
        return {"url": f"nats://127.0.0.1:{self.relay.port}", **self.settings}

    async def act(self, case: str) -> None:
        act = self.cases[case].act
        if act is None:
            await self.relay.stop_listening()
        elif act == STRANGER:
            self.relay.script = _refuse
        else:
            self._act = act

    def recover(self) -> None:
        self._act, self.relay.script = TAKEN, None

    def echo(self, text: str) -> None:
        self._act = refusal(400, 10003, text)

    def is_success(self, code: str | int) -> bool:
        return code == "acked"

    async def reached(self) -> None:
        await until(lambda: bool(self.messages))

    @property
    def tries(self) -> int:
        return self.relay.connections

    @property
    def ids(self) -> list[str]:
        return [message.headers["Nats-Msg-Id"] for message in self.messages if message.headers]

    def said(self) -> Said:
        message = self.messages[-1]
        assert message.headers["Content-Type"].startswith("application/cloudevents+json")
        texts = json.loads(structured.decode(message.data).data or b"{}")
        return Said(" ".join(texts.get("title", "").split()), texts.get("summary", ""))


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'INFO {"server_id":"X","version":"2.9.10","max_payload":1048576,"auth_required":true}\r\n')
    await reader.readuntil(b"PING\r\n")
    writer.write(b"-ERR 'Authorization Violation'\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
