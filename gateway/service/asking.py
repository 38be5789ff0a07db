"""Asking a polled source: one GET through the egress guard, and what was answered as JSON.

That nobody answers is an answer too. What is not JSON is kept as text; secrets of the source are masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from gateway.domain.errors import ConfigurationError, Invalid, Malformed
from gateway.domain.source import Source
from gateway.security.vault import Secrets
from gateway.service.source_options import opened
from gateway.spi.cloudevents.json_text import check_value
from gateway.spi.foreign import read_object
from gateway.spi.masking import Masking
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.polled_format import PollOptions
from gateway.spi.secret_fields import plain_secrets
from gateway.spi.transport import HttpAnswer, HttpClient, HttpRequest, parse_url

MAX_ANSWER = 64 * 1024
"""Bytes of a body that are read."""
UNANSWERED = "unanswered"


class Asking:
    """Asks sources. `http` reads bodies of MAX_ANSWER bytes."""

    def __init__(self, http: HttpClient, secrets: Secrets) -> None:
        self._http, self._secrets = http, secrets

    async def ask(self, source: Source) -> bytes:
        """The answer as JSON text: the member `answer` of `gateway.spi.polled_format`."""
        try:
            options = opened(source, self._secrets)
        except (Invalid, ConfigurationError, ValidationError):
            return _unreached(Reason.MISCONFIGURED, "a setting or a secret of this source cannot be used")
        assert isinstance(options, PollOptions)  # noqa: S101  it is the model of a polled format
        masking = Masking(plain_secrets(options).values())
        try:
            answer = await self._http.send(_request(options))
        except DeliveryFailed as failure:
            return _unreached(failure.reason, masking.failure(failure, b"").detail)
        return _document(answer, masking)


def _request(options: PollOptions) -> HttpRequest:
    headers = [(name, value.get_secret_value()) for name, value in options.headers.items()]
    if "accept" not in {name.lower() for name, _ in headers}:
        headers.append(("Accept", "application/json, */*;q=0.5"))
    return HttpRequest("GET", parse_url(options.full_url), headers, timeout=options.timeout)


def _unreached(reason: Reason, detail: str) -> bytes:
    # What is ambiguous of a message is just no answer of a page: asking twice does no harm.
    word = UNANSWERED if reason is Reason.AMBIGUOUS else reason.value
    return orjson.dumps({"unreached": word, "detail": detail})


def _document(answer: HttpAnswer, masking: Masking) -> bytes:
    """Status and body; a JSON body stays the bytes that came."""
    text = masking.everywhere(answer.text.encode())
    head = b'{"status":%d,"body":' % answer.status
    if not answer.truncated and _is_json(text):
        return head + text.strip() + b"}"
    cut = b',"truncated":true}' if answer.truncated else b"}"
    return head + orjson.dumps(text.decode("utf-8", "replace")) + cut


def _is_json(text: bytes) -> bool:
    """Whether a body is exactly one JSON value, that may stand in an event."""
    try:
        check_value(text)
        read_object(b'{"answer":{"body":' + text + b"}}")
    except Malformed:
        return False
    return True


def excerpt(answer: Mapping[str, Any], limit: int = 2000) -> str:
    """The beginning of an answer for people, as JSON text."""
    body = answer.get("body")
    text = body if isinstance(body, str) else orjson.dumps(body).decode() if body is not None else None
    shown = {**answer, "body": text[:limit]} if text is not None else dict(answer)
    return orjson.dumps(shown).decode()
