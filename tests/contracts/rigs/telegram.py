"""Telegram: what arrives is read as the Bot API reads it; failures are told as it tells them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply
from tests.fakes.telegram_rules import read

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def refusal(code: int, description: str, *, status: int = 0, **parameters: Any) -> Reply:
    answer = {"ok": False, "error_code": code, "description": description}
    if parameters:
        answer["parameters"] = parameters
    return Reply(status or code, body=json.dumps(answer).encode())


class TelegramRig(HttpRig):
    name = "telegram"
    ok = Reply(200, body=b'{"ok": true, "result": {"message_id": 365}}')
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "no_such_chat": Case(refusal(400, "Bad Request: chat not found"), Reason.MISCONFIGURED),
        "no_such_topic": Case(refusal(400, "Bad Request: message thread not found"), Reason.MISCONFIGURED),
        "blocked": Case(refusal(403, "Forbidden: bot was blocked by the user"), Reason.MISCONFIGURED),
        "kicked": Case(refusal(403, "Forbidden: bot was kicked from the group chat"), Reason.MISCONFIGURED),
        "no_rights": Case(refusal(400, "Bad Request: not enough rights to send text"), Reason.MISCONFIGURED),
        "too_long": Case(refusal(400, "Bad Request: message is too long"), Reason.REJECTED),
        "wrong_token": Case(refusal(401, "Unauthorized"), Reason.UNAUTHORIZED),
        "no_such_bot": Case(refusal(404, "Not Found"), Reason.UNAUTHORIZED),
        "flood": Case(
            refusal(429, "Too Many Requests: retry after 17", retry_after=17), Reason.THROTTLED, 17.0
        ),
        "flood_in_a_success": Case(
            refusal(429, "Too Many Requests", status=200, retry_after=3), Reason.THROTTLED, 3.0
        ),
        "outage": Case(refusal(502, "Bad Gateway"), Reason.UNAVAILABLE),
        "another_program": Case(Reply(200, body=b"<html>captive portal</html>"), Reason.UNEXPECTED),
    }

    def _settings(self) -> dict[str, Any]:
        base = self.sink.url("/").rstrip("/")
        return {"token": TOKEN, "chat_id": "-1001", "base_url": base, **self.settings}

    @property
    def ids(self) -> list[str]:
        # Telegram has no place for an id: what is the same on each try is the message.
        return [str(hash(request.body)) for request in self.sink.requests]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        assert request.target == f"/bot{TOKEN}/sendMessage"
        reader = read(json.loads(request.body))
        assert reader.problems == []
        title, _, rest = reader.shown.replace("@\u200b", "@").partition("\n")
        return Said(title, "\n".join([rest, *reader.urls]))
