"""Discord by webhook: one embed for each delivery, pinging nobody.

Reference: Discord's developer documentation on webhooks, embed limits, rate limits and error codes (facts:
destinations 7). Every request waits for the message that was made, because without that Discord answers
success for messages that it does not keep.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

import orjson
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from gateway.spi.destination import DestinationConfig, Pace, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.rendering import colour, fitted, headline, one_line, shown_links, text_block
from gateway.spi.transport import HttpAnswer, HttpRequest, Url, failure_of, parse_retry_after, parse_url
from gateway.spi.url_settings import SecretUrl, readable_on_the_way

MAX_TITLE = 256
MAX_DESCRIPTION = 4096
MAX_FIELD = 1024
MAX_FOOTER = 200
MAX_EMBED = 6000
"""Characters of title, description, names and values of fields, and footer together. A footer may have
2,048; ours holds the event's type."""

MAX_LINKS = 4
MAX_LINK = 500
MAX_LABEL = 75
"""Our own: what links may take of the description, in characters."""

_REASONS = {
    10003: (Reason.MISCONFIGURED, "the thread or its channel is gone"),
    10015: (Reason.GONE, "the webhook was deleted"),
    20016: (Reason.THROTTLED, "the channel's slow mode"),
    20028: (Reason.THROTTLED, "the channel's rate limit"),
    40062: (Reason.THROTTLED, "Discord's rate limit"),
    40067: (Reason.MISCONFIGURED, "posts in this forum need a tag"),
    50027: (Reason.UNAUTHORIZED, "the webhook's token is wrong"),
    50083: (Reason.MISCONFIGURED, "the thread is archived"),
    160005: (Reason.MISCONFIGURED, "the thread is locked"),
    220001: (Reason.MISCONFIGURED, "a forum needs a thread: set thread_id or thread_name"),
    220002: (Reason.MISCONFIGURED, "thread_id and thread_name exclude each other"),
    220003: (Reason.MISCONFIGURED, "only in forums can a message begin a thread"),
    220004: (Reason.MISCONFIGURED, "webhooks cannot post here"),
}
"""Discord's error codes where they say more than the status."""

_MARKS = re.compile(r"[\\*_~|`\[\]<]")
_LINE_MARKS = re.compile(r"^( *)(?:(\d+)(?=[.)])|(?=[-+>#]))", re.MULTILINE)
_IN_FOOTER = frozenset({"Type", "Time"})


def _plain_webhook(secret: SecretStr) -> SecretStr:
    path = parse_url(secret.get_secret_value()).target.partition("?")[0]
    if path.rstrip("/").endswith(("/slack", "/github")):
        raise ValueError("this is the URL for another program's format; use it without /slack or /github")
    return secret


class DiscordConfig(DestinationConfig):
    """A webhook of a channel. Whoever knows its URL can post."""

    url: Annotated[SecretUrl, AfterValidator(_plain_webhook)] = Field(
        title="Webhook URL", description="URL of the webhook, as the channel's integrations show it."
    )

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.url.get_secret_value())


class DiscordAddress(SubscriptionAddress):
    """Where and in whose name a message appears."""

    thread_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,20}$")] = Field(
        "", title="Thread", description="Id of the thread or forum post that messages go to."
    )
    thread_name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", title="New thread", description="In a forum, begin a post of this name with every message."
    )
    username: Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", title="Name", description="In whose name messages appear; empty for the webhook's own."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )

    @model_validator(mode="after")
    def _one_thread(self) -> Self:
        if self.thread_id and self.thread_name:
            raise ValueError("give thread_id or thread_name, not both")
        return self


class Discord(HttpDestination[DiscordConfig, DiscordAddress]):
    """Posts one embed per delivery, no faster than Discord's answers allow."""

    kind: ClassVar[str] = "discord"
    title: ClassVar[str] = "Discord"
    summary: ClassVar[str] = "Messages to a channel or thread of Discord."
    Config = DiscordConfig
    Address = DiscordAddress

    def __init__(self, config: DiscordConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._pace: Pace | None = None
        home = tools.public_url or f"https://{tools.domain}"
        self._headers = (("content-type", "application/json"), ("user-agent", f"DiscordBot ({home}, 1)"))

    @property
    def pace(self) -> Pace | None:
        """What the last answers told. Discord publishes no figures, but asks to follow its headers."""
        return self._pace

    async def deliver(self, message: Message, address: DiscordAddress) -> Receipt:
        """See Destination. Discord knows no idempotency key: a try after an ambiguous one may show twice."""
        body = orjson.dumps(post(message, address))
        target = _target(self.config.url.get_secret_value(), address.thread_id)
        request = HttpRequest("POST", target, self._headers, body, self.timeout)
        return await self.exchange(request, judge=self._judge, vendor_id=_message_id)

    def _judge(self, answer: HttpAnswer, now: float) -> DeliveryFailed | None:
        self._pace = told_pace(answer) or self._pace
        return _judge(answer, now)


def _target(url: str, thread_id: str) -> Url:
    wanted = "wait=true" + (f"&thread_id={thread_id}" if thread_id else "")
    return parse_url(f"{url}{'&' if '?' in url else '?'}{wanted}")


def told_pace(answer: HttpAnswer) -> Pace | None:
    """The rate that an answer tells: at the beginning of a period, how many requests it takes and how long
    it still lasts. Later in a period the headers do not say how long it is; then None."""
    names = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset-after")
    try:
        limit, remaining, seconds = (float(answer.headers.get(name) or "nan") for name in names)
    except ValueError:
        return None
    if 1 <= limit <= 10_000 and remaining == limit - 1 and 0 < seconds <= 3_600:
        return Pace(int(limit), math.ceil(seconds * 10) / 10)
    return None


def _judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    told = answer.members
    failure = failure_of(answer, now)
    if failure is None:
        return None if _message_id(answer) else _unproven(answer)
    reason, why = _REASONS.get(_code(told), (failure.reason, ""))
    said = one_line(str(told.get("message", "")), 200)
    return DeliveryFailed(
        reason,
        ": ".join(part for part in (failure.detail, said, why) if part),
        retry_after=_pause(told, failure, now) if reason is Reason.THROTTLED else failure.retry_after,
        status=answer.status,
        excerpt=answer.text,
    )


def _unproven(answer: HttpAnswer) -> DeliveryFailed:
    detail = f"answered {answer.status} without the message, so it may not have been kept"
    return DeliveryFailed(Reason.AMBIGUOUS, detail, status=answer.status, excerpt=answer.text)


def _pause(told: Mapping[str, Any], failure: DeliveryFailed, now: float) -> float | None:
    """The longer of what the body says, in seconds and parts of them, and what the header says."""
    pauses = [parse_retry_after(str(told.get("retry_after", "")), now), failure.retry_after]
    return max((pause for pause in pauses if pause is not None), default=None)


def _code(told: Mapping[str, Any]) -> int:
    code = told.get("code")
    return code if isinstance(code, int) else 0


def _message_id(answer: HttpAnswer) -> str:
    id = answer.members.get("id")
    return id if isinstance(id, str) else ""


def post(message: Message, address: DiscordAddress) -> dict[str, Any]:
    """The message as Discord's JSON; whatever its text says, it pings nobody."""
    content: dict[str, Any] = {"embeds": [embed(message)], "allowed_mentions": {"parse": []}}
    named = {"username": address.username, "thread_name": address.thread_name}
    return content | {name: value for name, value in named.items() if value}


def embed(message: Message) -> dict[str, Any]:
    """Title, links, summary, and the facts in what is left of the characters that an embed may hold."""
    title = fitted(headline(message, MAX_TITLE), MAX_TITLE, escaped)
    footer = one_line(message.event.type, MAX_FOOTER)
    links = _links(message)
    room = MAX_DESCRIPTION - len(links) - 2
    summary = fitted(text_block(message.summary, MAX_DESCRIPTION).strip(), room, escaped)
    description = "\n\n".join(part for part in (summary, links) if part)
    left = MAX_EMBED - len(title) - len(footer) - len(description)
    made = {
        "title": title,
        "description": description,
        "url": message.event_url,
        "color": int(colour(message)[1:], 16),
        "fields": list(_fields(message, left)),
        "footer": {"text": footer},
        "timestamp": _timestamp(message),
    }
    return {name: value for name, value in made.items() if value}


def _fields(message: Message, left: int) -> Iterator[dict[str, Any]]:
    """The facts, each with an equal share of the characters left."""
    facts = [fact for fact in message.facts if fact.name not in _IN_FOOTER]
    share = left // max(len(facts), 1)
    for name, value in facts:
        text = fitted(one_line(value, MAX_FIELD), min(MAX_FIELD, share - len(name)), escaped)
        if text.strip():
            yield {"name": name, "value": text, "inline": True}


def _links(message: Message) -> str:
    """Every link but the one to the event, which is the title's."""
    links = [link for link in shown_links(message, MAX_LINKS, MAX_LINK) if link.url != message.event_url]
    return " · ".join(f"[{_label(label)}]({_inside(url)})" for label, url in links)


def _label(label: str) -> str:
    return fitted(one_line(label, MAX_LABEL), MAX_LABEL, escaped).strip() or "Link"


def _inside(url: str) -> str:
    """A URL for the inside of a link, which a bracket would end."""
    return url.replace("(", "%28").replace(")", "%29").replace("\\", "%5C")


def _timestamp(message: Message) -> str:
    """The event's time, '' where it has none that a calendar knows."""
    try:
        return datetime.fromisoformat(message.event.text("time") or "").isoformat()
    except ValueError:
        return ""


def escaped(text: str) -> str:
    """Text that Discord's Markdown shows as it is: its marks, mentions and time stamps behind backslashes."""
    return _LINE_MARKS.sub(r"\1\2\\", _MARKS.sub(r"\\\g<0>", text))
