"""A rig for kinds that post to a URL: a real server on loopback that answers as it is told."""

from __future__ import annotations

from typing import ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.rig import Case, Rig
from tests.fakes import http_sink
from tests.fakes.http_sink import HttpSink, Reply


class HttpRig(Rig):
    """A kind that posts to a URL."""

    path: ClassVar[str] = "/hook"
    ok: ClassVar[Reply] = Reply(200, body=b"ok")
    cases: ClassVar[dict[str, Case]] = {
        "refused": Case(Reply(400, body=b"no"), Reason.REJECTED),
        "too_large": Case(Reply(413), Reason.REJECTED),
        "redirected": Case(Reply(302, {"Location": "http://127.0.0.1:1/"}), Reason.REJECTED),
        "unauthorized": Case(Reply(401), Reason.UNAUTHORIZED),
        "forbidden": Case(Reply(403), Reason.UNAUTHORIZED),
        "not_found": Case(Reply(404), Reason.UNAUTHORIZED),
        "gone": Case(Reply(410), Reason.GONE),
        "throttled": Case(Reply(429, {"Retry-After": "7"}), Reason.THROTTLED, 7.0),
        "paused": Case(Reply(503, {"Retry-After": "9"}), Reason.THROTTLED, 9.0),
        "server_error": Case(Reply(500), Reason.UNAVAILABLE),
        "unavailable": Case(Reply(503), Reason.UNAVAILABLE),
        "silent": Case(http_sink.NEVER, Reason.AMBIGUOUS),
        "reset": Case(http_sink.DROP, Reason.AMBIGUOUS),
        "unreachable": Case(None, Reason.UNAVAILABLE),
    }

    async def _start_server(self) -> None:
        self.sink = await self._stack.enter_async_context(HttpSink(self.ok))

    async def act(self, case: str) -> None:
        reply = self.cases[case].act
        if reply is None:
            await self.sink.stop_listening()
        else:
            self.sink.usual = reply

    def recover(self) -> None:
        self.sink.usual = self.ok

    def echo(self, text: str) -> None:
        self.sink.usual = Reply(400, body=text.encode())

    async def reached(self) -> None:
        await self.sink.arrived.wait()

    @property
    def tries(self) -> int:
        return len(self.sink.requests)
