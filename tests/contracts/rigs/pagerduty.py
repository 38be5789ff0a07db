"""PagerDuty: what arrives is held to the rules of the Events API v2."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply
from tests.fakes.pagerduty_rules import answer, error, problems


class PagerDutyRig(HttpRig):
    name = "pagerduty"
    ok = Reply(202, body=answer())
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "refused": Case(Reply(400, body=error("'payload.severity' is invalid")), Reason.REJECTED),
        "wrong_key": Case(Reply(400, body=error("'routing_key' is invalid")), Reason.UNAUTHORIZED),
        "odd_errors": Case(Reply(400, body=b'{"errors":{"a":1},"message":7}'), Reason.REJECTED),
        "not_found": Case(Reply(404), Reason.MISCONFIGURED),
        "limited": Case(Reply(429, body=b'{"status":"throttle exceeded"}'), Reason.THROTTLED, 30.0),
        "another_server": Case(Reply(200, body=b"<h1>Sign in</h1>"), Reason.MISCONFIGURED),
        "success_that_is_none": Case(Reply(202, body=error("no")), Reason.MISCONFIGURED),
    }

    def _settings(self) -> dict[str, Any]:
        return {"routing_key": "R0UT1NGKEYs3cretR0UT1NGKEYs3cret", "url": self.sink.url("/v2/enqueue")}

    @property
    def ids(self) -> list[str]:
        events = [json.loads(request.body) for request in self.sink.requests]
        return [event["payload"]["custom_details"]["tocsin"]["delivery"] for event in events]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        assert (request.method, request.target) == ("POST", "/v2/enqueue")
        assert problems(request.body) == []
        event = json.loads(request.body)
        text = event["payload"]["custom_details"]["tocsin"].get("summary", "")
        return Said(event["payload"]["summary"], f"{event['payload']['summary']}\n{text}")
