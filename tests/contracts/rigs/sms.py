"""The kinds of SMS: what arrives is held to Twilio's rules, and to what it may cost."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from urllib.parse import urlencode

from pydantic import SecretStr

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply
from tests.fakes.twilio_api import (
    ACCOUNT,
    ACTING,
    FROM,
    KEY,
    KEY_SECRET,
    TO,
    TOKEN,
    TwilioApi,
    error,
    problem,
    segment_count,
)

TAKEN_AND_LOST = {"sid": "SM1", "status": "failed", "error_code": 30003}
JSON = {"Content-Type": "application/json"}


class TwilioRig(HttpRig):
    """A kind that sends through Twilio."""

    max_segments = 2
    ok = ACTING
    recipient = TO
    address: ClassVar[dict[str, Any]] = {"invited": [TO]}
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "server_error": Case(Reply(500), Reason.AMBIGUOUS),
        "unavailable": Case(Reply(503), Reason.AMBIGUOUS),
        "unauthorized": Case(error(401, 20003, "Authenticate"), Reason.UNAUTHORIZED),
        "not_found": Case(error(404, 20404, "The requested resource was not found"), Reason.MISCONFIGURED),
        "too_many": Case(error(429, 20429, "Too Many Requests"), Reason.THROTTLED),
        "too_many_for_now": Case(
            error(429, 14107, "Rate exceeded", **{"Retry-After": "4"}), Reason.THROTTLED, 4.0
        ),
        "queue_full": Case(error(400, 21611, "Queue full"), Reason.THROTTLED),
        "invalid_number": Case(error(400, 21211, "Invalid 'To' Phone Number"), Reason.REJECTED),
        "unsubscribed": Case(error(400, 21610, "Unsubscribed"), Reason.REJECTED),
        "wrong_sender": Case(error(400, 21606, "Wrong 'From'"), Reason.MISCONFIGURED),
        "suspended": Case(error(403, 30002, "Account suspended"), Reason.UNAUTHORIZED),
        "unknown_code": Case(error(400, 29999, "Something new"), Reason.REJECTED),
        "newer_service": Case(problem(400, 21614, "Not a mobile number"), Reason.REJECTED),
        "lost_at_once": Case(Reply(201, JSON, json.dumps(TAKEN_AND_LOST).encode()), Reason.UNAVAILABLE),
        "no_message": Case(Reply(200, body=b"<h1>Welcome</h1>"), Reason.AMBIGUOUS),
        "no_object": Case(Reply(201, JSON, b"[]"), Reason.AMBIGUOUS),
        "no_sid": Case(Reply(201, JSON, b"{}"), Reason.AMBIGUOUS),
    }

    async def _start_server(self) -> None:
        self.sink: TwilioApi = await self._stack.enter_async_context(TwilioApi())

    def echo(self, text: str) -> None:
        self.sink.usual = error(400, 21211, text)

    @property
    def ids(self) -> list[str]:
        # Twilio has no place for an id: what is the same on each try is the message.
        return [one["Body"] for one in self.sink.messages]

    def said(self) -> Said:
        body = self.sink.messages[-1]["Body"]
        assert segment_count(body) <= self.max_segments
        return Said(body.split("\n")[0], body)


class SmsRig(TwilioRig):
    name = "sms"

    def _settings(self) -> dict[str, Any]:
        return {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "key_sid": KEY,
            "key_secret": KEY_SECRET,
            "from_number": FROM,
            "base_url": self.sink.url(""),
        }


class OperatedSmsRig(TwilioRig):
    name = "sms_ibm"

    def _settings(self) -> dict[str, Any]:
        return {}

    def _sms_account(self) -> SecretStr:
        keys = {"key_sid": KEY, "key_secret": KEY_SECRET}
        options = urlencode({"from": FROM, **keys, "base_url": self.sink.url("")})
        return SecretStr(f"twilio://{ACCOUNT}:{TOKEN}@?{options}")

    @property
    def secrets(self) -> set[str]:
        return {TOKEN, KEY_SECRET}
