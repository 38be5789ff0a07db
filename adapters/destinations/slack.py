"""Slack by incoming webhook, and every host that takes the same: Block Kit in a coloured attachment.

Reference: Slack's pages on incoming webhooks, Block Kit and formatting text (facts: destinations 5). Event
text is never markup: `&`, `<` and `>` are escaped, so that no mention, link or broadcast comes out of it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

import orjson
from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from gateway.spi.destination import DestinationConfig, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.rendering import CUT, clip, colour, headline, one_line, text_block, web_links
from gateway.spi.transport import HttpAnswer, HttpRequest, failure_of, parse_url

MAX_HEADER = 150
MAX_SECTION = 3000
MAX_FIELD = 2000
MAX_FIELDS = 10
MAX_LINKS = 4
MAX_LINK = 1000
MAX_TEXT = 12_000
"""Characters over all blocks; from about 13,200 Slack answers `msg_blocks_too_long` (bolt-js issue 2509)."""

MAX_FALLBACK = 3000
MAX_ELEMENT = 300

SLACK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})

_REASONS = {
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
"""Slack's error texts where they say more than the status (Slack changelog 2016-05-17)."""

_BROADCAST = re.compile(r"@(?=(?:all|channel|everyone|here)\b)", re.IGNORECASE)
_IN_CONTEXT = frozenset({"Type", "Time"})


def _url(secret: SecretStr) -> SecretStr:
    parse_url(secret.get_secret_value())
    return secret


class SlackConfig(DestinationConfig):
    """An incoming webhook. Whoever knows its URL can post, so the whole of it is a secret."""

    type: Literal["incoming_webhook"] = Field(
        "incoming_webhook", title="Type", description="How messages are posted; IBM's word for a webhook."
    )
    url: Annotated[SecretStr, AfterValidator(_url)] = Field(
        title="Webhook URL", description="URL of the incoming webhook, of Slack or of a compatible host."
    )

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        if self.url.get_secret_value().startswith("http://"):
            return ("http:// sends messages and the webhook's URL readable for everybody on the way",)
        return ()


class SlackAddress(SubscriptionAddress):
    """Where and how a message appears."""

    channel: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x20]*$")] = Field(
        "", title="Channel", description="#channel or @user, where the host lets a webhook choose it."
    )
    attachment_color: Annotated[str, StringConstraints(pattern=r"^(#[0-9A-Fa-f]{6})?$")] = Field(
        "", title="Colour", description="#RRGGBB of the bar beside the message; empty for the severity's."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )


class Slack(HttpDestination[SlackConfig, SlackAddress]):
    """Posts one message per delivery."""

    kind: ClassVar[str] = "slack"
    title: ClassVar[str] = "Slack"
    summary: ClassVar[str] = "Messages to a channel of Slack or of a compatible chat."
    Config = SlackConfig
    Address = SlackAddress

    def __init__(self, config: SlackConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = parse_url(config.url.get_secret_value())
        self._judge = _judge_slack if self._target.host in SLACK_HOSTS else _judge_compatible

    async def deliver(self, message: Message, address: SlackAddress) -> Receipt:
        """See Destination. Slack knows no idempotency key: a try after an ambiguous one may show twice."""
        body = orjson.dumps(post(message, address))
        headers = (("content-type", "application/json; charset=utf-8"),)
        request = HttpRequest("POST", self._target, headers, body, self.timeout)
        return await self.exchange(request, judge=self._judge)


def _judge_slack(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """Slack says `ok`; any other text is an error, whatever the status."""
    if answer.status == 200 and answer.text.strip() != "ok":
        said = one_line(answer.text, 100)
        reason = _REASONS.get(said, Reason.UNEXPECTED)
        return DeliveryFailed(reason, f"answered 200 {said}", status=200, excerpt=answer.text)
    return _judge_compatible(answer, now)


def _judge_compatible(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    failure = failure_of(answer, now)
    said = answer.text.strip()
    if failure is None or failure.reason is Reason.THROTTLED:
        return failure
    if said in _REASONS:
        return DeliveryFailed(
            _REASONS[said], f"answered {answer.status} {said}", status=answer.status, excerpt=said
        )
    if answer.status == 404:
        detail = "answered 404: the webhook's URL or the channel is wrong"
        return DeliveryFailed(Reason.MISCONFIGURED, detail, status=404, excerpt=answer.text)
    return failure


def post(message: Message, address: SlackAddress) -> dict[str, Any]:
    """The message as Slack's JSON: the title on top, all else beside the coloured bar, and a text for hosts
    and notifications that show no blocks."""
    title, summary = headline(message, MAX_FALLBACK), text_block(message.summary, MAX_SECTION).strip()
    fallback = f"{title}\n{summary}" if summary else title
    content: dict[str, Any] = {
        "text": escaped(fallback, MAX_FALLBACK),
        "blocks": [{"type": "header", "text": _plain(clip(title, MAX_HEADER, "…"))}],
        "attachments": [
            {"color": address.attachment_color or colour(message), "blocks": _blocks(message, summary)}
        ],
    }
    return {"channel": address.channel, **content} if address.channel else content


def _blocks(message: Message, summary: str) -> list[dict[str, Any]]:
    context = _context(message)
    blocks: list[dict[str, Any]] = []
    left = MAX_TEXT - MAX_HEADER - sum(len(element["text"]) for element in context)
    if summary:
        text = escaped(summary, MAX_SECTION)
        left -= len(text)
        blocks.append({"type": "section", "text": _mrkdwn(text)})
    if fields := _fields(message, left):
        blocks.append({"type": "section", "fields": fields})
    return [*blocks, {"type": "context", "elements": context}]


def _fields(message: Message, left: int) -> list[dict[str, str]]:
    """The facts, each with an equal share of the characters left."""
    facts = [fact for fact in message.facts if fact.name not in _IN_CONTEXT][:MAX_FIELDS]
    share = min(MAX_FIELD, left // max(len(facts), 1))
    heads = (f"*{escaped(name, MAX_ELEMENT)}*\n" for name, _ in facts)
    return [
        _mrkdwn(head + escaped(one_line(value, MAX_FIELD), share - len(head)))
        for head, (_, value) in zip(heads, facts, strict=True)
    ]


def _context(message: Message) -> list[dict[str, str]]:
    said = (message.event.type, message.event.text("time") or "")
    elements = [escaped(one_line(text, MAX_ELEMENT), MAX_ELEMENT) for text in said if text]
    links = [f"<{_target_of(url)}|{_label(label)}>" for label, url in web_links(message.links)]
    fitting = [link for link in links if len(link) <= MAX_LINK]
    return [_mrkdwn(text) for text in [*elements, *fitting[:MAX_LINKS]]]


def _target_of(url: str) -> str:
    """A URL for the inside of a link: what would end it percent-encoded (Slack, formatting text)."""
    return quote(url, safe="%:/?#[]@!$&'()*+,;=~").replace("&", "&amp;")


def _label(label: str) -> str:
    return escaped(one_line(label, 75).replace("|", "¦"), 100) or "link"


def escaped(text: str, limit: int) -> str:
    """Text for mrkdwn of at most `limit` characters; a cut never goes through an escape.

    Compatible hosts call everybody at a bare `@channel`, so an invisible space takes it apart.
    """
    text = _BROADCAST.sub("@\u200b", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(text) <= limit:
        return text
    text = text[: max(limit - len(CUT), 0)]
    escape = text.rfind("&", -4)
    if escape >= 0 and ";" not in text[escape:]:
        text = text[:escape]
    return text + CUT


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
