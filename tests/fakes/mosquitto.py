"""An MQTT broker of a test's own, on a free port, and somebody who listens there; and a broker by script."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from tests.fakes.ports import free_port
from tests.fakes.programs import Served, program
from tests.waiting import until

MAX_STARTS = 5


class Mosquitto(Served):
    """`more` is added to its configuration: who may log in and do what, TLS, limits."""

    def __init__(self, folder: Path, more: str = "allow_anonymous true") -> None:
        super().__init__(folder)
        self._program = program("mosquitto")
        self._more = more
        self.port = 0

    async def start(self) -> None:
        """Start it on a free port; on another one where somebody was quicker to take that."""
        for _ in range(MAX_STARTS):
            self.port = free_port()
            file = self.folder / "mosquitto.conf"
            file.write_text(f"listener {self.port} 127.0.0.1\nuser root\n{self._more}\n")
            self.run(self._program, "-c", str(file))
            await until(lambda: self.exited or _answers(self.port))
            if not self.exited:
                return
        raise AssertionError(self.log.read_text())

    def passwords(self, text: str) -> str:
        """A file of names and passwords, one `name:password` a line, as the broker wants it."""
        import subprocess

        file = self.folder / "passwords"
        file.write_text(text)
        hashed = shutil.which("mosquitto_passwd")
        assert hashed is not None
        subprocess.run([hashed, "-U", str(file)], check=True)
        return str(file)


class Listener:
    """Subscribes to a topic, in a thread of its own, and keeps what comes."""

    def __init__(self, port: int, topic: str, *, user: str = "", password: str = "") -> None:
        self.messages: list[MQTTMessage] = []
        self.on_message: Callable[[], None] = lambda: None
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        if user:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._port = port

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.messages.append(message)
        self.on_message()

    async def __aenter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        await until(self._subscribed.is_set)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Scripted:
    """A broker by script, as a relay's script: answers CONNECT and PUBLISH with these reasons (MQTT 5).

    `acknowledge` False ends the connection in place of a PUBACK, with a DISCONNECT of that reason; None says
    nothing to a PUBLISH. `at_once` is the Receive Maximum (0x21): how many it takes before it answers one.
    """

    def __init__(
        self,
        connack: int = 0,
        puback: int = 0,
        text: str = "",
        *,
        acknowledge: bool | None = True,
        at_once: int = 0xFFFF,
    ) -> None:
        self._at_once = b"\x21" + at_once.to_bytes(2, "big")
        self._connack, self._puback, self._acknowledge = connack, puback, acknowledge
        # A Reason String (0x1F), which must never be taken for more than words.
        reason = text.encode()
        self._properties = b"\x1f" + len(reason).to_bytes(2, "big") + reason if reason else b""
        self.published = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, body = await _packet(reader)
            if kind == 0x10:
                writer.write(b"\x20\x06\x00" + bytes([self._connack]) + b"\x03" + self._at_once)
                if self._connack:
                    break
            elif kind & 0xF0 == 0x30:
                self.published += 1
                if self._acknowledge is None:
                    continue
                writer.write(self._answer(body))
                if not self._acknowledge:
                    break
            elif kind == 0xE0:
                break
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def _answer(self, body: bytes) -> bytes:
        if not self._acknowledge:
            return b"\xe0\x02" + bytes([self._puback]) + b"\x00"
        at = 2 + int.from_bytes(body[:2], "big")
        rest = body[at : at + 2] + bytes([self._puback, len(self._properties)]) + self._properties
        return b"\x40" + bytes([len(rest)]) + rest


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    length, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return kind, await reader.readexactly(length)


def _answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0
