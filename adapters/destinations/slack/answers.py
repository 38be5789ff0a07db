"""What the answers of Slack and of compatible hosts mean.

Reference: Slack's changelog of 2016-05-17 on webhooks' errors and its page of chat.postMessage (facts:
destinations 5.1 and 5.2); Mattermost's incoming webhook handler and Rocket.Chat's integrations API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.rendering import one_line
from gateway.spi.transport import HttpAnswer, failure_of

_BY_TEXT = {
    "action_prohibited": Reason.UNAUTHORIZED,
    "channel_is_archived": Reason.REJECTED,
    "channel_not_found": Reason.MISCONFIGURED,
    "invalid_token": Reason.UNAUTHORIZED,
    "no_active_hooks": Reason.MISCONFIGURED,
    "no_service": Reason.MISCONFIGURED,
    "no_team": Reason.MISCONFIGURED,
    "rollup_error": Reason.UNAVAILABLE,
    "team_disabled": Reason.MISCONFIGURED,
    "user_not_found": Reason.MISCONFIGURED,
}
"""Texts of Slack's webhooks where they say more than the status."""

_BY_CODE = {
    **dict.fromkeys(("ratelimited", "rate_limited"), Reason.THROTTLED),
    **dict.fromkeys(
        ("fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"),
        Reason.UNAVAILABLE,
    ),
    **dict.fromkeys(
        (
            "access_denied",
            "account_inactive",
            "ekm_access_denied",
            "invalid_auth",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "not_authed",
            "org_login_required",
            "restricted_action",
            "token_expired",
            "token_revoked",
        ),
        Reason.UNAUTHORIZED,
    ),
    **dict.fromkeys(
        (
            "cannot_reply_to_message",
            "channel_not_found",
            "is_archived",
            "messages_tab_disabled",
            "not_in_channel",
            "thread_not_found",
            "user_not_found",
        ),
        Reason.MISCONFIGURED,
    ),
    **dict.fromkeys(
        (
            "invalid_arguments",
            "invalid_blocks",
            "invalid_blocks_format",
            "invalid_metadata_format",
            "metadata_too_large",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_text",
            "too_many_attachments",
        ),
        Reason.REJECTED,
    ),
}
"""Errors of Slack's Web API; one that is not here is `unexpected`, so it is tried again."""

_OF_OTHERS = {
    "web.incoming_webhook.channel.app_error": Reason.MISCONFIGURED,
    "web.incoming_webhook.channel_locked.app_error": Reason.MISCONFIGURED,
    "web.incoming_webhook.disabled.app_error": Reason.MISCONFIGURED,
    "web.incoming_webhook.invalid.app_error": Reason.MISCONFIGURED,
    "web.incoming_webhook.permissions.app_error": Reason.MISCONFIGURED,
    "web.incoming_webhook.user.app_error": Reason.MISCONFIGURED,
    "invalid-channel": Reason.MISCONFIGURED,
    "overriding destination channel is disabled for this integration": Reason.MISCONFIGURED,
}
"""Ids of Mattermost's errors and texts of Rocket.Chat's."""


def judge_slack(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """A webhook of Slack says `ok`; any other text is an error, whatever the status."""
    if answer.status == 200 and answer.text.strip() != "ok":
        said = one_line(answer.text, 100)
        return _failed(_BY_TEXT.get(said, Reason.UNEXPECTED), said, answer)
    return judge_compatible(answer, now)


def judge_compatible(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """Any success of a compatible host counts, unless it says itself that it is none."""
    failure = failure_of(answer, now)
    told = answer.members
    if failure is None:
        if told.get("success") is not False:
            return None
        return _failed(_OF_OTHERS.get(_error(told), Reason.REJECTED), _error(told), answer)
    said = _error(told) or answer.text.strip()
    reason = _BY_TEXT.get(said) or _OF_OTHERS.get(said)
    if reason is not None and failure.reason is not Reason.THROTTLED:
        return _failed(reason, said, answer)
    if answer.status == 404:
        return _failed(Reason.MISCONFIGURED, "Not Found: the webhook's URL or the channel is wrong", answer)
    return failure


def judge_api(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """The Web API answers 200 to almost everything: `ok` in its JSON tells, and `error` tells why not."""
    failure = failure_of(answer, now)
    if failure is not None:
        return failure
    told = answer.members
    if told.get("ok") is True:
        return None
    error = _error(told)
    if not error:
        return _failed(Reason.UNEXPECTED, "but not as Slack does", answer)
    needed = one_line(str(told.get("needed", "")), 100)
    detail = f"{error}, the token needs {needed}" if needed else error
    return _failed(_BY_CODE.get(error, Reason.UNEXPECTED), detail, answer)


def message_id(answer: HttpAnswer) -> str:
    """Channel and time stamp of the message that was made; the latter begins a thread."""
    told = answer.members
    return f"{told.get('channel', '')}/{told.get('ts', '')}"


def _failed(reason: Reason, said: str, answer: HttpAnswer) -> DeliveryFailed:
    detail = f"answered {answer.status} {said}".rstrip()
    return DeliveryFailed(reason, detail, status=answer.status, excerpt=answer.text)


def _error(told: Mapping[str, Any]) -> str:
    """Slack and Rocket.Chat call it `error`, Mattermost `id`."""
    error = told.get("error") or told.get("id")
    return one_line(error, 100) if isinstance(error, str) else ""
