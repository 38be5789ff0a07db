"""Gotify: what arrives is held to the rules of its API."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.gotify_rules import answer, error, problems
from tests.fakes.http_sink import Reply


class GotifyRig(HttpRig):
    name = "gotify"
    path = "/gotify"
    ok = Reply(200, body=answer())
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "refused": Case(Reply(400, body=error(400, "Bad Request", "Field 'message'")), Reason.REJECTED),
        "unauthorized": Case(Reply(401, body=error(401, "Unauthorized", "bad token")), Reason.UNAUTHORIZED),
        "not_found": Case(Reply(404, body=error(404, "Not Found", "page not found")), Reason.MISCONFIGURED),
        "another_server": Case(Reply(200, body=b"<h1>Welcome to nginx!</h1>"), Reason.MISCONFIGURED),
        "another_api": Case(Reply(200, body=b'{"ok":true}'), Reason.MISCONFIGURED),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), "token": "A.s3cr3t-app-token"}

    @property
    def ids(self) -> list[str]:
        return [
            json.loads(request.body)["extras"]["tocsin::delivery"]["id"] for request in self.sink.requests
        ]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        post = json.loads(request.body)
        assert (request.method, request.target) == ("POST", f"{self.path}/message")
        assert request.headers["x-gotify-key"] == "A.s3cr3t-app-token"
        assert problems(post) == []
        return Said(post["title"], f"{post['title']}\n{post['message']}")
