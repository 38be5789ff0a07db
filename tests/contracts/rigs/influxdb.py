"""InfluxDB: what arrives is one point of line protocol, read strictly."""

from __future__ import annotations

from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply
from tests.fakes.influxdb import InfluxServer
from tests.fakes.line_protocol import read_point

_PARTIAL = b'{"code":"invalid","message":"partial write: field type conflict: dropped=1"}'


class InfluxRig(HttpRig):
    name = "influxdb"
    settings: ClassVar[dict[str, Any]] = {"org": "backup", "bucket": "events", "token": "t0ken-s3cret=="}
    sink: InfluxServer
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "not_found": Case(Reply(404, body=b'{"code":"not found"}'), Reason.MISCONFIGURED),
        "no_such_api": Case(Reply(400, body=b'unsupported path requested: "/x"'), Reason.MISCONFIGURED),
        "partial_write": Case(Reply(400, body=_PARTIAL), Reason.REJECTED),
        "points_rejected": Case(Reply(422, body=_PARTIAL), Reason.REJECTED),
        "success_that_is_none": Case(Reply(200, body=_PARTIAL), Reason.REJECTED),
        "web_page": Case(Reply(200, {"Content-Type": "text/html"}, b"<!doctype html>"), Reason.MISCONFIGURED),
    }

    async def _start_server(self) -> None:
        self.sink = await self._stack.enter_async_context(InfluxServer(token=self.settings["token"]))

    def recover(self) -> None:
        self.sink.restore()

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(), **self.settings}

    @property
    def ids(self) -> list[str]:
        # What is the same on each try is the point; another one of the same moment has another.
        return [request.body.decode() for request in self.sink.requests]

    def said(self) -> Said:
        fields = read_point(self.sink.requests[-1].body.decode()).fields
        return Said(str(fields["title"]), f"{fields['title']}\n{fields.get('summary', '')}")
