"""ntfy: what arrives is held to the rules of its API."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply
from tests.fakes.ntfy_rules import answer, error, problems

UNTIL_MIDNIGHT = 86_400.0 - 1_785_233_472.0 % 86_400.0


class NtfyRig(HttpRig):
    name = "ntfy"
    ok = Reply(200, body=answer())
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "refused": Case(Reply(400, body=error(40007, "invalid priority parameter")), Reason.REJECTED),
        "bad_topic": Case(Reply(400, body=error(40010, "topic name is not allowed")), Reason.MISCONFIGURED),
        "too_large": Case(Reply(413, body=error(41303, "JSON body too large")), Reason.REJECTED),
        "unauthorized": Case(Reply(401, body=error(40101, "unauthorized")), Reason.UNAUTHORIZED),
        "forbidden": Case(Reply(403, body=error(40301, "forbidden")), Reason.UNAUTHORIZED),
        "not_found": Case(Reply(404, body=error(40401, "page not found")), Reason.MISCONFIGURED),
        "requests": Case(Reply(429, body=error(42901, "too many requests")), Reason.THROTTLED, 5.0),
        "day_is_full": Case(
            Reply(429, body=error(42908, "daily message quota reached")), Reason.THROTTLED, UNTIL_MIDNIGHT
        ),
        "failed_logins": Case(Reply(429, body=error(42909, "too many failures")), Reason.THROTTLED, 60.0),
        "no_code": Case(Reply(429), Reason.THROTTLED),
        "no_subscriber": Case(Reply(507, body=error(50701, "no previous subscriber")), Reason.UNAVAILABLE),
        "another_server": Case(Reply(200, body=b"<h1>Welcome to nginx!</h1>"), Reason.MISCONFIGURED),
        "another_event": Case(Reply(200, body=b'{"event":"open"}'), Reason.MISCONFIGURED),
    }

    def _settings(self) -> dict[str, Any]:
        return {
            "url": self.sink.url(""),
            "topic": "backups",
            "user": "gateway",
            "password": "p4ss-s3cret",
        }

    @property
    def ids(self) -> list[str]:
        # ntfy has no place for an id: what is the same on each try is the message.
        return [str(hash(request.body)) for request in self.sink.requests]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        assert (request.method, request.target) == ("POST", "/")
        assert request.headers["authorization"].startswith("Basic ")
        assert problems(request.body) == []
        post = json.loads(request.body)
        buttons = [action["label"] for action in post.get("actions", [])]
        return Said(post["title"], "\n".join([post["title"], post["message"], *buttons]))
