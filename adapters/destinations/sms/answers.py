"""What Twilio's error codes mean for a delivery.

Reference: Twilio's error and warning dictionary (facts: destinations 3.2). Codes are refined over time, so an
unknown one counts as what its HTTP status says.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpAnswer, failure_of


class Meaning(NamedTuple):
    """What a code stands for; `recipient_only`: everybody else can be reached."""

    reason: Reason
    words: str
    recipient_only: bool = False


def _about_recipients(reason: Reason, words: dict[int, str]) -> dict[int, Meaning]:
    return {code: Meaning(reason, said, recipient_only=True) for code, said in words.items()}


def _about_all(reason: Reason, words: dict[int, str]) -> dict[int, Meaning]:
    return {code: Meaning(reason, said) for code, said in words.items()}


MEANINGS = {
    **_about_recipients(
        Reason.REJECTED,
        {
            21211: "not a valid number",
            21214: "the number cannot be reached",
            21217: "not a valid number",
            21408: "this region is not enabled for the account",
            21610: "the recipient unsubscribed by answering STOP",
            21612: "the sender cannot reach this number",
            21614: "not a mobile number",
            21635: "a landline",
            30004: "the number blocks messages, or unsubscribed",
            30005: "an unknown handset",
            30006: "a landline, or a carrier that cannot be reached",
        },
    ),
    **_about_recipients(
        Reason.UNAVAILABLE,
        {
            30003: "the handset cannot be reached, or is off",
            30008: "an unknown error of a carrier",
            30009: "a part of the message is missing",
        },
    ),
    **_about_all(
        Reason.REJECTED,
        {
            21602: "a message without a body",
            21617: "longer than 1,600 characters",
            30007: "filtered as spam by a carrier or by Twilio",
        },
    ),
    **_about_all(
        Reason.MISCONFIGURED,
        {
            20404: "no such account or service",
            21212: "not a valid sender",
            21603: "no sender",
            21606: "the sender is no number of the account",
            21608: "a trial account reaches verified numbers only",
            21659: "the sender is no number or short code of the account",
            21703: "the messaging service has no sender",
            30034: "the sender is not registered (A2P 10DLC)",
        },
    ),
    **_about_all(
        Reason.UNAUTHORIZED,
        {
            20003: "the credentials are not accepted",
            20005: "the account is not active",
            30002: "the account is suspended",
        },
    ),
    **_about_all(
        Reason.THROTTLED,
        {
            14107: "too many messages at once",
            20429: "too many requests at once",
            21611: "the sender's queue is full",
            30001: "the queue is full",
        },
    ),
}
"""Codes that say more than their status. Those from 30000 on come mostly in callbacks."""


def refusal(answer: HttpAnswer, code: int | None, message: str, now: float) -> DeliveryFailed:
    """The failure that an error answer stands for; `code` and `message` are Twilio's own."""
    general = failure_of(answer, now)
    meaning = MEANINGS.get(code or 0)
    reason = meaning.reason if meaning else _by_status(answer.status, general)
    return DeliveryFailed(
        reason,
        f"answered {answer.status}, {code}: {message}" if code else f"answered {answer.status}: {message}",
        retry_after=general.retry_after if general and reason is Reason.THROTTLED else None,
        status=answer.status,
        excerpt=answer.text,
        recipient_only=bool(meaning and meaning.recipient_only),
    )


def unsent(answer: HttpAnswer, code: int | None, status: str) -> DeliveryFailed:
    """The failure of a message that Twilio took and gave up in the same breath."""
    meaning = MEANINGS.get(code or 0, Meaning(Reason.REJECTED, "gave no reason"))
    return DeliveryFailed(
        meaning.reason,
        f"{status}, {code}: {meaning.words}" if code else f"{status}: {meaning.words}",
        status=answer.status,
        excerpt=answer.text,
        recipient_only=meaning.recipient_only,
    )


def _by_status(status: int, general: DeliveryFailed | None) -> Reason:
    """A server error may come after the message was queued."""
    if general is None or (status >= 500 and general.reason is not Reason.THROTTLED):
        return Reason.AMBIGUOUS
    return general.reason
