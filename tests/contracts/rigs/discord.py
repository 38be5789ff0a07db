"""Discord: what arrives is one embed, held to Discord's limits; an answer is the message that was made."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.discord_rules import problems, shown
from tests.fakes.http_sink import Reply


def error(status: int, code: int, **more: Any) -> Reply:
    return Reply(status, body=json.dumps({"message": "why", "code": code, **more}).encode())


LIMITED = b'{"message": "You are being rate limited.", "retry_after": 2.5, "global": false}'


class DiscordRig(HttpRig):
    name = "discord"
    path = "/api/webhooks/1131/s3cret_Token-x"
    ok = Reply(200, body=b'{"id": "1400000000000000001", "channel_id": "7"}')
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "unknown_webhook": Case(error(404, 10015), Reason.GONE),
        "wrong_token": Case(error(401, 50027), Reason.UNAUTHORIZED),
        "invalid_form": Case(error(400, 50035), Reason.REJECTED),
        "empty": Case(error(400, 50006), Reason.REJECTED),
        "forum_needs_a_thread": Case(error(400, 220001), Reason.MISCONFIGURED),
        "no_such_thread": Case(error(404, 10003), Reason.MISCONFIGURED),
        "told_in_the_body": Case(Reply(429, body=LIMITED), Reason.THROTTLED, 2.5),
        "longer_in_the_header": Case(Reply(429, {"Retry-After": "4"}, LIMITED), Reason.THROTTLED, 4.0),
        "slow_mode": Case(error(403, 20016, retry_after=9.5), Reason.THROTTLED, 9.5),
        "cloudflare": Case(Reply(429, {"Retry-After": "600"}, b"<html>"), Reason.THROTTLED, 600.0),
        "not_kept": Case(Reply(204, body=b""), Reason.AMBIGUOUS),
        "another_program": Case(Reply(200, body=b"<html>captive portal</html>"), Reason.AMBIGUOUS),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), **self.settings}

    @property
    def ids(self) -> list[str]:
        # Discord has no place for an id: what is the same on each try is the message.
        return [str(hash(request.body)) for request in self.sink.requests]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        assert request.target == f"{self.path}?wait=true"
        post = json.loads(request.body)
        assert problems(post) == []
        (embed,) = post["embeds"]
        fields = [f"{field['name']} {shown(field['value'])}" for field in embed.get("fields", ())]
        return Said(shown(embed["title"]), "\n".join([shown(embed.get("description", "")), *fields]))
