"""How one attempt ended: a Receipt, or DeliveryFailed with a Reason out of a closed set.

Everything a far end may have had a hand in (reason phrases, excerpts, ids) is cleaned and bounded here,
once, so that it can be stored, logged and shown. What follows from a reason (retry, pause, dead
letter) is decided by the pipeline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.errors import TocsinError

MAX_DETAIL = 500
"""Characters of a detail, a code or an id."""

MAX_EXCERPT = 4096
"""Bytes of UTF-8 kept of an answer."""

MAX_SENT = 16_384
"""Bytes kept of what went out."""

_BIDI = "\u200e\u200f\u202a-\u202e\u2066-\u2069"
_NOT_IN_LINES = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}]+")
_NOT_IN_TEXT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}]+")


class Reason(StrEnum):
    """Why an attempt failed. Design section 4 names the set; stores, metrics and documents rely on it."""

    REJECTED = "rejected"
    UNAUTHORIZED = "unauthorized"
    GONE = "gone"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    AMBIGUOUS = "ambiguous"
    TLS = "tls"
    BLOCKED_ADDRESS = "blocked_address"
    MISCONFIGURED = "misconfigured"
    RENDER_FAILED = "render_failed"
    UNSUPPORTED = "unsupported"
    UNEXPECTED = "unexpected"

    @property
    def permanent(self) -> bool:
        """True when trying the same message again cannot help: it becomes a dead letter at once."""
        return self in _PERMANENT

    @property
    def disables(self) -> bool:
        """True when the receiver said that nothing shall be sent there any more (410)."""
        return self is Reason.GONE

    @property
    def flags(self) -> bool:
        """True when it is tried again, but somebody has to look at the destination's settings."""
        return self in _FLAGGING

    @property
    def sent_unknown(self) -> bool:
        """True when the receiver may have got the message all the same, so that a retry may duplicate it."""
        return self is Reason.AMBIGUOUS


_PERMANENT = frozenset({Reason.REJECTED, Reason.RENDER_FAILED, Reason.UNSUPPORTED})
_FLAGGING = frozenset({Reason.UNAUTHORIZED, Reason.TLS, Reason.BLOCKED_ADDRESS, Reason.MISCONFIGURED})


@dataclass(frozen=True, slots=True)
class Receipt:
    """The channel took the message. `code` is its own answer (an HTTP status, an SMTP reply),
    `vendor_id` the id it gave the message, '' if none. All text is cleaned and at most 500 characters.
    `sent` is what went out, secrets masked; its first MAX_SENT bytes are kept."""

    code: str | int
    detail: str = ""
    vendor_id: str = ""
    sent: bytes = b""

    def __post_init__(self) -> None:
        if isinstance(self.code, str):
            object.__setattr__(self, "code", clean_line(self.code))
        if self.detail:
            object.__setattr__(self, "detail", clean_line(self.detail))
        if self.vendor_id:
            object.__setattr__(self, "vendor_id", clean_line(self.vendor_id))
        if len(self.sent) > MAX_SENT:
            object.__setattr__(self, "sent", self.sent[:MAX_SENT])


class DeliveryFailed(TocsinError):
    """An attempt failed. `retry_after` is in seconds: with `throttled` it pauses the destination, with any
    other reason it is the least wait before this delivery's next try. `status` is the HTTP status or SMTP
    code if there was an answer; `excerpt` is the beginning of what it said; `sent` as in a Receipt.
    `recipient_only` says that the destination works and only this recipient does not, `final` that this
    delivery is not to be tried again by itself, whatever its reason."""

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        retry_after: float | None = None,
        status: int | None = None,
        excerpt: str = "",
        sent: bytes = b"",
        recipient_only: bool = False,
        final: bool = False,
    ) -> None:
        self.reason = reason
        self.recipient_only = recipient_only
        self.final = final or reason.permanent or reason.disables
        self.detail = clean_line(detail)
        self.retry_after = retry_after
        self.status = status
        self.excerpt = clean_text(excerpt)
        self.sent = sent[:MAX_SENT]
        super().__init__(f"{reason}: {self.detail}")


def clean_line(text: str, limit: int = MAX_DETAIL) -> str:
    """One line without control, bidirectional or surrogate characters, of at most `limit` characters."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text if text.isprintable() else _NOT_IN_LINES.sub(" ", text).strip()


def clean_text(text: str, limit: int = MAX_EXCERPT) -> str:
    """Like `clean_line`, but tabs and line feeds stay; at most `limit` bytes of UTF-8."""
    text = text[:limit]
    if not text.isprintable():
        text = _NOT_IN_TEXT.sub(" ", text.replace("\r\n", "\n"))
    if text.isascii():
        return text
    return text.encode("utf-8")[:limit].decode("utf-8", "ignore")
