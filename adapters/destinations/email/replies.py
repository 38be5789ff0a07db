"""What a mail server's reply, or its silence, means for a delivery (RFC 5321 section 4.2, RFC 3463).

421                          throttled: the server closes for everybody, the destination pauses
4yz                          unavailable; for a recipient at least five minutes later (greylisting)
530 534 535 538, 5yz on AUTH unauthorized
5.2.2                        unavailable: a full mailbox empties
5yz on MAIL                  misconfigured: the sender is not welcome; too big is rejected
5yz 5.7.z on MAIL or RCPT    unauthorized: relaying denied
5yz on RCPT or the content   rejected
silence after the content    ambiguous, before it timeout or unavailable
"""

from __future__ import annotations

import re
import ssl
from enum import IntEnum

from aiosmtplib import SMTPResponseException

from gateway.spi.outcome import DeliveryFailed, Reason

PAUSE_SECONDS = 60.0
GREYLIST_SECONDS = 300.0
FULL_MAILBOX_SECONDS = 3600.0

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|\Z)")
_LOGIN_CODES = frozenset({530, 534, 535, 538})


class Stage(IntEnum):
    """How far a conversation with a mail server has come."""

    WAITING = 0
    CONNECT = 1
    TLS = 2
    AUTH = 3
    SENDER = 4
    RECIPIENT = 5
    CONTENT = 6


def failure_of(error: Exception, stage: Stage, server: str) -> DeliveryFailed:
    """What a failure of the conversation means: an error of aiosmtplib, an OSError or a ValueError."""
    if isinstance(error, SMTPResponseException) and 200 <= error.code < 600:
        return _refusal(error.code, error.message, stage)
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return DeliveryFailed(Reason.REJECTED, f"no mail can be sent to or from this address: {error}")
    detail = f"{server}: {_words(error)}"
    if stage is Stage.CONTENT:
        return DeliveryFailed(Reason.AMBIGUOUS, f"{detail}, after the message was sent")
    if stage is Stage.TLS or isinstance(error.__cause__ or error, ssl.SSLError):
        return DeliveryFailed(Reason.TLS, detail)
    if isinstance(error, TimeoutError):
        return DeliveryFailed(Reason.TIMEOUT, f"{detail} ({stage.name.lower()})")
    return DeliveryFailed(Reason.UNAVAILABLE, detail)


def _words(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"the TLS handshake failed: {(cause.reason or 'protocol error').replace('_', ' ').lower()}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(cause, SMTPResponseException):
        return "the answer is not SMTP"
    return "the connection was lost"


def _refusal(code: int, text: str, stage: Stage) -> DeliveryFailed:
    reason, wait = _judge(code, _enhanced(text), stage)
    recipient_only = stage is Stage.RECIPIENT and reason is Reason.UNAVAILABLE
    return DeliveryFailed(
        reason, f"{code} {text}", retry_after=wait, status=code, excerpt=text, recipient_only=recipient_only
    )


def _enhanced(text: str) -> str:
    found = _ENHANCED.match(text)
    return found.group() if found else ""


def _judge(code: int, enhanced: str, stage: Stage) -> tuple[Reason, float | None]:
    """The reason, and the seconds to wait where the code says so."""
    if code == 421:
        return Reason.THROTTLED, PAUSE_SECONDS
    if code in _LOGIN_CODES:
        return Reason.UNAUTHORIZED, None
    if code < 400:
        return (Reason.AMBIGUOUS if stage is Stage.CONTENT else Reason.UNAVAILABLE), None
    if code < 500:
        return Reason.UNAVAILABLE, GREYLIST_SECONDS if stage >= Stage.RECIPIENT else None
    if enhanced == "5.2.2":
        return Reason.UNAVAILABLE, FULL_MAILBOX_SECONDS
    return _judge_permanent(code, enhanced, stage), None


def _judge_permanent(code: int, enhanced: str, stage: Stage) -> Reason:
    if stage is Stage.AUTH:
        return Reason.UNAUTHORIZED
    if stage is Stage.TLS:
        return Reason.TLS
    if stage <= Stage.CONNECT:
        return Reason.MISCONFIGURED
    if enhanced.startswith("5.7.") and stage is not Stage.CONTENT:
        return Reason.UNAUTHORIZED
    if stage is Stage.SENDER and code != 552 and enhanced != "5.3.4":
        return Reason.MISCONFIGURED
    return Reason.REJECTED
