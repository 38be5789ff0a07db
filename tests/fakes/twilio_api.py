"""Twilio's Message resource as its documents describe it (facts: destinations 3), and its status callbacks.

The answers to the magic numbers of test credentials are Twilio's. Segments are counted and signatures made
anew here, so that the adapter is not judged by its own arithmetic.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qsl

import aiohttp

from tests.fakes.http_sink import HttpSink, Received, Reply

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "tw1lio-auth-t0ken-s3cret"
KEY, KEY_SECRET = "SK" + "fedcba9876543210" * 2, "ap1-key-s3cret"
SERVICE = "MG" + "0f" * 16
FROM, TO = "+15005550006", "+15558675310"

ACTING = Reply(201)
"""In place of a scripted reply: answer as Twilio would."""

TO_ERRORS = {
    "+15005550001": (21211, "The 'To' number +15005550001 is not a valid phone number."),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
FROM_ERRORS = {
    "+15005550001": (21212, "The 'From' number +15005550001 is not a valid phone number."),
    "+15005550007": (21606, "The 'From' phone number is not a valid, message-capable number."),
    "+15005550008": (21611, "This 'From' number has exceeded the maximum number of queued messages"),
}
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "\f^{}\\[~]|€"


def error(status: int, code: int, message: str, **headers: str) -> Reply:
    """An error as Twilio words it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more, "status": status}
    return Reply(status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


def problem(status: int, code: int, title: str) -> Reply:
    """An error as Twilio's newer services word it (RFC 9457)."""
    body = {"type": "https://twil.io/x", "title": title, "status": status, "code": code, "detail": "more"}
    return Reply(status, {"Content-Type": "application/problem+json"}, json.dumps(body).encode())


def segment_count(body: str) -> int:
    """By 3GPP TS 23.038 and 23.040; nothing that belongs together is parted."""
    if all(one in BASIC or one in EXTENDED for one in body):
        letters, alone, part = [1 + (one in EXTENDED) for one in body], 160, 153
    else:
        letters, alone, part = [len(one.encode("utf-16-be")) // 2 for one in body], 70, 67
    if sum(letters) <= alone:
        return 1
    parts = [0]
    for width in letters:
        if parts[-1] + width > part:
            parts.append(0)
        parts[-1] += width
    return len(parts)


class TwilioApi(HttpSink):
    """Takes messages while `usual` is ACTING; `messages` are the forms of those that were taken."""

    def __init__(self, usual: Reply = ACTING) -> None:
        super().__init__(usual)
        self.messages: list[dict[str, str]] = []

    def record(self, request: Received) -> None:
        super().record(request)
        if self.usual is ACTING and not self._replies:
            self.answer(self._judged(request))

    def _judged(self, request: Received) -> Reply:
        if request.headers.get("Authorization") not in map(_basic, ((ACCOUNT, TOKEN), (KEY, KEY_SECRET))):
            return error(401, 20003, "Authenticate")
        if (request.method, request.target) != ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"):
            return error(404, 20404, "The requested resource was not found")
        if request.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return error(400, 21603, "No form")
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        form = dict(pairs)
        assert len(form) == len(pairs), "a field came twice"
        return self._taken(form)

    def _taken(self, form: dict[str, str]) -> Reply:
        sender, body = form.get("From", ""), form.get("Body", "")
        if form.get("To") in TO_ERRORS:
            return error(400, *TO_ERRORS[form["To"]])
        if sender in FROM_ERRORS:
            return error(400, *FROM_ERRORS[sender])
        if sender != FROM and form.get("MessagingServiceSid") != SERVICE:
            return error(400, 21603, "A 'From' phone number is required.")
        if not body.strip():
            return error(400, 21602, "Message body is required.")
        if len(body) > 1600:
            return error(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
        sid = f"SM{len(self.messages):032x}"
        self.messages.append({**form, "sid": sid})
        answer = {
            "sid": sid,
            "status": "accepted" if not sender else "queued",
            "to": form["To"],
            "from": sender or None,
            "body": body,
            "num_segments": str(segment_count(body)) if sender else "0",
            "date_created": "Tue, 28 Jul 2026 10:11:12 +0000",
            "error_code": None,
            "error_message": None,
            "account_sid": ACCOUNT,
        }
        return Reply(201, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    async def call_back(
        self, message: dict[str, str], status: str, code: str = "", *, token: str = TOKEN, to: str = ""
    ) -> int:
        """Tell the gateway how a message fares, signed; the status of its answer. `to`: where it listens."""
        url = message["StatusCallback"]
        form = {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "From": message.get("From", ""),
            "MessageSid": message["sid"],
            "MessageStatus": status,
            "SmsSid": message["sid"],
            "SmsStatus": status,
            "To": message["To"],
            **({"ErrorCode": code} if code else {}),
        }
        headers = {"X-Twilio-Signature": signature(token, url, form)}
        async with aiohttp.ClientSession() as session:
            async with session.post(to or url, data=form, headers=headers) as answer:
                return answer.status


def signature(token: str, url: str, form: dict[str, str]) -> str:
    """The address and every field in the order of their names, under HMAC-SHA1 with the token."""
    signed = url + "".join(name + value for name, value in sorted(form.items()))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def _basic(credentials: tuple[str, str]) -> str:
    return f"Basic {base64.b64encode(':'.join(credentials).encode()).decode()}"
