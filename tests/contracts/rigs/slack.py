"""Slack: what arrives is Block Kit, held to Slack's rules."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply
from tests.fakes.slack_rules import problems, shown, texts


class SlackRig(HttpRig):
    name = "slack"
    path = "/services/T000/B000/s3cretpath"
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "not_found": Case(Reply(404, body=b"channel_not_found"), Reason.MISCONFIGURED),
        "no_such_url": Case(Reply(404, body=b"<h1>Not found</h1>"), Reason.MISCONFIGURED),
        "archived": Case(Reply(410, body=b"channel_is_archived"), Reason.REJECTED),
        "prohibited": Case(Reply(403, body=b"action_prohibited"), Reason.UNAUTHORIZED),
        "invalid_blocks": Case(Reply(400, body=b"invalid_blocks"), Reason.REJECTED),
        "no_such_user": Case(Reply(400, body=b"user_not_found"), Reason.MISCONFIGURED),
        "rollup_error": Case(Reply(500, body=b"rollup_error"), Reason.UNAVAILABLE),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), "format": "blocks", **self.settings}

    @property
    def ids(self) -> list[str]:
        # Slack has no place for an id: what is the same on each try is the message.
        return [str(hash(request.body)) for request in self.sink.requests]

    def said(self) -> Said:
        post = json.loads(self.sink.requests[-1].body)
        assert problems(post) == []
        header = post["blocks"][0]["text"]["text"]
        blocks = [block for part in post["attachments"] for block in part["blocks"]]
        assert shown(post["text"]).startswith(header.removesuffix("…"))
        return Said(header, "\n".join(shown(text["text"]) for text in texts(blocks)))
