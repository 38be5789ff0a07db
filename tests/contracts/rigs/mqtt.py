"""MQTT: a real broker with somebody who listens, behind a relay; refusals come from a broker by script."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from gateway.spi.cloudevents import structured
from gateway.spi.outcome import Reason
from tests.contracts.rigs.rig import Case, Rig, Said
from tests.fakes.mosquitto import Listener, Mosquitto, Scripted
from tests.fakes.relay import Relay
from tests.waiting import until

USER, PASSWORD = "gateway", "mqtt-p4ss-s3cret"
HANG, DROP = "say nothing", "drop the connection"


def refused(reason: int) -> dict[str, int]:
    return {"puback": reason}


class MqttRig(Rig):
    name = "mqtt"
    settings: ClassVar[dict[str, Any]] = {"user": USER, "password": PASSWORD}
    cases: ClassVar[dict[str, Case]] = {
        "refused": Case(refused(0x99), Reason.REJECTED),
        "unauthorized": Case({"connack": 0x86}, Reason.UNAUTHORIZED),
        "may_not_publish": Case(refused(0x87), Reason.UNAUTHORIZED),
        "not_found": Case(refused(0x90), Reason.MISCONFIGURED),
        "gone": Case({"connack": 0x9D}, Reason.GONE),
        "throttled": Case(refused(0x97), Reason.THROTTLED),
        "busy": Case({"connack": 0x89}, Reason.THROTTLED),
        "server_error": Case(refused(0x80), Reason.UNAVAILABLE),
        "unknown_code": Case(refused(0xBB), Reason.AMBIGUOUS),
        "old_broker": Case({"connack": 0x84}, Reason.MISCONFIGURED),
        "sent_away": Case({"puback": 0x96, "acknowledge": False}, Reason.THROTTLED),
        "shut_down": Case({"puback": 0x8B, "acknowledge": False}, Reason.AMBIGUOUS),
        "silent": Case(HANG, Reason.AMBIGUOUS),
        "reset": Case(DROP, Reason.AMBIGUOUS),
        "unreachable": Case(None, Reason.UNAVAILABLE),
    }

    recovered = False

    async def _start_server(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.broker = Mosquitto(folder)
        await self._stack.enter_async_context(self.broker)
        self.relay = await self._stack.enter_async_context(Relay(self.broker.port))
        self.listener = await self._stack.enter_async_context(Listener(self.broker.port, "tocsin/#"))

    def _settings(self) -> dict[str, Any]:
        return {"url": f"mqtt://127.0.0.1:{self.relay.port}", **self.settings}

    async def act(self, case: str) -> None:
        act = self.cases[case].act
        if act is None:
            await self.relay.stop_listening()
        elif isinstance(act, dict):
            self.relay.script = Scripted(**act)
        else:
            self.relay.heard.clear()
        if act == DROP:
            loop = asyncio.get_running_loop()
            self.listener.on_message = lambda: loop.call_soon_threadsafe(self.relay.drop)

    def recover(self) -> None:
        self.recovered = self.relay.script is not None
        if self.recovered:
            self.relay.drop()
        self.relay.script, self.listener.on_message = None, lambda: None
        self.relay.heard.set()

    def echo(self, text: str) -> None:
        self.relay.script = Scripted(puback=0x87, text=text)

    def is_success(self, code: str | int) -> bool:
        return code == "0x00"

    async def reached(self) -> None:
        await until(lambda: bool(self.listener.messages))

    @property
    def tries(self) -> int:
        return self.relay.connections

    @property
    def ids(self) -> list[str]:
        return [one.properties.CorrelationData.decode() for one in self.listener.messages]

    async def deliver(self, message: Any) -> Any:
        known = self.adapter._connection
        if self.recovered and known is not None:
            self.recovered = False
            # A broker that is exchanged for another: the adapter has to see the first one go.
            await until(known.lost.done)
        before = len(self.listener.messages)
        receipt = await super().deliver(message)
        await until(lambda: len(self.listener.messages) > before)
        return receipt

    def said(self) -> Said:
        message = self.listener.messages[-1]
        assert message.properties.ContentType == "application/cloudevents+json; charset=utf-8"
        texts = json.loads(structured.decode(message.payload).data or b"{}")
        return Said(" ".join(texts.get("title", "").split()), texts.get("summary", ""))
