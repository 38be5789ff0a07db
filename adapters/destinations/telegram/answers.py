"""What Telegram's answers mean. Its failures are JSON with a code, a description and, for some, parameters.

Reference: Telegram's Bot API, making requests and ResponseParameters; the descriptions are known from what
users of the API report (facts: destinations 11), so an unknown one is judged by its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.rendering import one_line
from gateway.spi.transport import HttpAnswer, failure_of, parse_retry_after

_SETTINGS = (
    "bot can't initiate conversation",
    "bot can't send messages to bots",
    "bot is not a member",
    "bot was blocked",
    "bot was kicked",
    "chat not found",
    "chat_write_forbidden",
    "group chat was deactivated",
    "have no rights",
    "message thread not found",
    "need administrator rights",
    "not enough rights",
    "peer_id_invalid",
    "topic_closed",
    "topic_deleted",
    "upgraded to a supergroup",
    "user is deactivated",
)
"""In Telegram's descriptions: what somebody has to change in the chat or in the settings."""


def judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """Telegram says `ok` in the body; a failure has its code there too, whatever the status."""
    content = answer.members
    if content.get("ok") is True and answer.status < 300:
        return None
    code = content.get("error_code")
    if answer.status < 300 and isinstance(code, int) and code >= 300:
        answer = replace(answer, status=code, reason="in the body of a success")
    failure = failure_of(answer, now)
    if failure is None:
        detail = f"answered {answer.status}, but not as Telegram does"
        return DeliveryFailed(Reason.UNEXPECTED, detail, status=answer.status, excerpt=answer.text)
    return _explained(failure, content, now)


def _explained(failure: DeliveryFailed, content: Mapping[str, Any], now: float) -> DeliveryFailed:
    said = description(content)
    reason = failure.reason
    if failure.status in (400, 403) and any(one in said.lower() for one in _SETTINGS):
        reason = Reason.MISCONFIGURED
    pause = parse_retry_after(str(parameters(content).get("retry_after", "")), now)
    return DeliveryFailed(
        reason,
        f"{failure.detail}: {one_line(said, 300)}" if said else failure.detail,
        retry_after=pause if pause is not None and reason is Reason.THROTTLED else failure.retry_after,
        status=failure.status,
        excerpt=failure.excerpt,
    )


def description(content: Mapping[str, Any]) -> str:
    """Telegram's words for a failure."""
    return str(content.get("description", ""))


def parameters(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a client may act on by itself: how long to wait, where a group has gone."""
    found = content.get("parameters")
    return found if isinstance(found, dict) else {}


def message_id(answer: HttpAnswer) -> str:
    """The id of the message that was made."""
    result = answer.members.get("result")
    id = result.get("message_id") if isinstance(result, dict) else None
    return str(id) if isinstance(id, int) else ""
