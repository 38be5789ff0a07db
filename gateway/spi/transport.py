"""Saying something over HTTP: the port that adapters see, and what an HTTP status means by default.

One request, one answer: no redirects, no cookies, no decompression, no retries. The implementation
lives in `gateway.transport`; URLs are checked in `gateway.spi.url`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Protocol

import orjson

from gateway.spi.outcome import DeliveryFailed, Reason, clean_line
from gateway.spi.url import InvalidUrl, Url, parse_url

__all__ = [
    "RESERVED_HEADERS",
    "Headers",
    "HttpAnswer",
    "HttpClient",
    "HttpRequest",
    "InvalidUrl",
    "Url",
    "failure_of",
    "header_fault",
    "parse_retry_after",
    "parse_url",
]

RETRY_AFTER_MIN, RETRY_AFTER_MAX = 1.0, 86_400.0
"""Seconds; what a receiver asks for is clamped to these (design section 4)."""

RESERVED_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Framing and hop-by-hop fields (RFC 9112 section 6, RFC 9110 section 7.6.1): the transport's own."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")
_NOT_IN_VALUES = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DELAY_SECONDS = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,10})?\Z")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `timeout` is in seconds for everything: name lookup, connection, TLS, sending, answer.

    Host, Content-Length and User-Agent are added; `RESERVED_HEADERS` may not be given. What may hold
    secrets stays out of `repr`.
    """

    method: str
    url: Url
    headers: Sequence[tuple[str, str]] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout: float = 10.0


class Headers:
    """The header fields of an answer, in order; names compare without case, values are cleaned when read."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._fields = fields

    def get(self, name: str) -> str | None:
        """The first value of a field, or None."""
        wanted = name.lower().encode("latin-1", "replace")
        for field_name, value in self._fields:
            if field_name.lower() == wanted:
                return clean_line(value.decode("latin-1"), limit=8192)
        return None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __len__(self) -> int:
        return len(self._fields)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A final answer. `body` is the raw bytes up to the transport's limit, never decompressed;
    `truncated` tells that there was more. `reason` is the cleaned phrase of the status line."""

    status: int
    reason: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    truncated: bool = False

    @property
    def text(self) -> str:
        """The body as UTF-8, undecodable bytes replaced; '' if it is compressed."""
        if self.headers.get("content-encoding") not in (None, "", "identity"):
            return ""
        return self.body.decode("utf-8", "replace")

    @property
    def members(self) -> dict[str, Any]:
        """The members of the JSON object that the body is; none where it is something else, or was cut."""
        return json_object(self.text)


def json_object(text: str) -> dict[str, Any]:
    """The members of the JSON object that a text is; none where it is something else."""
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


class HttpClient(Protocol):
    """Sends requests through the egress guard."""

    async def send(self, request: HttpRequest) -> HttpAnswer:
        """The answer, whatever its status: `failure_of` judges it.

        Raises DeliveryFailed: misconfigured, unsupported, blocked_address, unavailable, timeout and tls
        before anything was sent, ambiguous once something was.
        """


def header_fault(name: str, value: str) -> str | None:
    """Why a request header cannot be sent, or None. Also for checking headers when they are configured."""
    if not _is_token(name):
        return "a header name is 1 to 256 letters, digits or any of !#$%&'*+-.^_`|~"
    if name.lower() in RESERVED_HEADERS:
        return f"the header {name} is set by the gateway itself"
    if not value.isprintable() and _NOT_IN_VALUES.search(value):
        return f"the value of the header {name} holds a control character"
    return None


@lru_cache(maxsize=1024)
def _is_token(name: str) -> bool:
    return _TOKEN.match(name) is not None


def failure_of(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """The failure an answer stands for, or None for 2xx, by the table of design section 4.

    `now` is wall-clock time in seconds since the epoch, for a Retry-After that names a date.
    """
    if 200 <= answer.status < 300:
        return None
    retry_after = None
    if answer.status in (429, 503):
        retry_after = parse_retry_after(answer.headers.get("retry-after"), now)
    return DeliveryFailed(
        _reason(answer.status, retry_after),
        f"answered {answer.status} {answer.reason}".rstrip(),
        retry_after=retry_after,
        status=answer.status,
        excerpt=answer.text,
    )


_BY_STATUS = {
    401: Reason.UNAUTHORIZED,
    402: Reason.UNAUTHORIZED,
    403: Reason.UNAUTHORIZED,
    404: Reason.UNAUTHORIZED,
    407: Reason.UNAUTHORIZED,
    408: Reason.UNAVAILABLE,
    409: Reason.UNAVAILABLE,
    410: Reason.GONE,
    421: Reason.UNAVAILABLE,
    423: Reason.UNAVAILABLE,
    425: Reason.UNAVAILABLE,
    429: Reason.THROTTLED,
}


def _reason(status: int, retry_after: float | None) -> Reason:
    """Unlisted 3xx and 4xx count as 400; statuses outside 100 to 599 as 5xx (RFC 9110 section 15)."""
    if status == 503 and retry_after is not None:
        return Reason.THROTTLED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Reason.REJECTED if 300 <= status < 500 else Reason.UNAVAILABLE


def parse_retry_after(text: str | None, now: float) -> float | None:
    """Seconds to wait, clamped to 1 s to 24 h; None for what is neither seconds nor a date.

    RFC 9110 section 10.2.3 knows whole seconds and dates; some receivers send fractions.
    """
    if text is None:
        return None
    text = text.strip()
    if _DELAY_SECONDS.match(text):
        return _clamped(float(text))
    try:
        date = parsedate_to_datetime(text[:64])
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    # Without a zone it is the asctime form, which HTTP defines to be UTC.
    return _clamped(date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)


def _clamped(seconds: float) -> float:
    return min(max(seconds, RETRY_AFTER_MIN), RETRY_AFTER_MAX)
