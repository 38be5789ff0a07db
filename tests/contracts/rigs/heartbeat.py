"""Heartbeat: what arrives is a ping as Healthchecks takes it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply

PING = re.compile(r"/ping/s3cret-uuid-1(/start|/fail|/[0-9]{1,3})?\?create=1(&rid=[0-9a-f-]{36})?")


class HeartbeatRig(HttpRig):
    name = "heartbeat"
    path = "/ping/s3cret-uuid-1?create=1"
    ok = Reply(200, body=b"OK")
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "not_found": Case(Reply(404, body=b"not found"), Reason.MISCONFIGURED),
        "not_found_of_old": Case(Reply(200, body=b"OK (not found)"), Reason.MISCONFIGURED),
        "limited": Case(Reply(429, body=b"rate limited"), Reason.THROTTLED, 60.0),
        "limited_of_old": Case(Reply(200, body=b"OK (rate limited)"), Reason.THROTTLED, 60.0),
        "ambiguous_name": Case(Reply(409, body=b"ambiguous slug"), Reason.MISCONFIGURED),
        "kuma_knows_no_such_monitor": Case(
            Reply(404, body=b'{"ok":false,"msg":"Monitor not found or not active."}'), Reason.MISCONFIGURED
        ),
        "kuma_is_not_content": Case(Reply(200, body=b'{"ok":false,"msg":"Invalid"}'), Reason.MISCONFIGURED),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), "monitor": "healthchecks"}

    @property
    def ids(self) -> list[str]:
        # A ping has no id: what is the same on each try is the ping.
        return [str(hash((request.target, request.body))) for request in self.sink.requests]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        assert request.method == "POST"
        assert PING.fullmatch(request.target)
        assert len(request.body) <= 10_000
        text = request.body.decode()
        return Said(text.splitlines()[0], text)
