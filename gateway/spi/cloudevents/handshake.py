"""The validation handshake, as a receiver of webhooks (CloudEvents HTTP 1.1 Web Hooks 1.0.2, 4).

A sender asks with OPTIONS whether it may deliver. This is the reading of the question and the wording of
consent; whether to consent is the caller's. A callback is told, never called: its URL is the sender's choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.domain.errors import Malformed
from gateway.domain.syntax import is_absolute_uri
from gateway.spi.cloudevents.binary import Headers

_ORIGIN, _RATE, _CALLBACK = b"webhook-request-origin", b"webhook-request-rate", b"webhook-request-callback"
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_is_dns_name = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}\.?").fullmatch
_is_rate = re.compile(r"[1-9][0-9]{0,8}").fullmatch


@dataclass(frozen=True, slots=True)
class Handshake:
    """The question: to deliver as `origin`, at `rate` requests a minute, with an answer to `callback`."""

    origin: str
    rate: int | None = None
    callback: str | None = None


def read(headers: Headers) -> Handshake | None:
    """The question in the headers of an OPTIONS request, None where there is none. Raises Malformed."""
    asked = _asked(headers)
    origin, rate, callback = asked.get(_ORIGIN), asked.get(_RATE), asked.get(_CALLBACK)
    if origin is None:
        return None
    if not _is_dns_name(origin):
        raise _refusal("webhook_origin_invalid", "WebHook-Request-Origin is not a DNS name", "a DNS name")
    if rate is not None and not _is_rate(rate):
        raise _refusal("webhook_rate_invalid", "WebHook-Request-Rate is no rate", "requests a minute, from 1")
    if callback is not None and not (callback.lower().startswith("https://") and is_absolute_uri(callback)):
        raise _refusal("webhook_callback_invalid", "WebHook-Request-Callback is no HTTPS URL", "https://...")
    return Handshake(origin, int(rate) if rate else None, callback)


def consent(handshake: Handshake, *, limit: int | None = None) -> dict[str, str]:
    """The headers that say yes, at no more than `limit` requests a minute (None: unlimited)."""
    granted = "*" if limit is None else str(min(limit, handshake.rate or limit))
    return {"Allow": "POST", "WebHook-Allowed-Origin": handshake.origin, "WebHook-Allowed-Rate": granted}


def _asked(headers: Headers) -> dict[bytes, str]:
    asked: dict[bytes, str] = {}
    for name, value in headers:
        field = name.lower()
        if field not in (_ORIGIN, _RATE, _CALLBACK):
            continue
        if field in asked:
            raise _refusal("header_repeated", f"{field.decode()} occurs more than once", "exactly one")
        asked[field] = value.strip(b" \t").decode("latin-1")
    return asked


def _refusal(code: str, detail: str, expected: str) -> Malformed:
    return Malformed(code, detail, expected=expected)
