"""Gotify: push messages to phones and browsers, through a server of one's own.

Reference: Gotify's REST API, `POST /message`, and its pages on priorities and message extras (facts:
destinations 12). Event text goes out as plain text; where a subscription asks for Markdown, it is escaped, so
that no image or link comes out of it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from gateway.domain.severity import Severity
from gateway.spi.destination import DestinationConfig, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination, refusal
from gateway.spi.message import Link, Message, MessageState
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.plain_text import MAX_FACT, fact_lines, fitted, short_links
from gateway.spi.rendering import headline, one_line, text_block
from gateway.spi.transport import HttpAnswer, HttpRequest, failure_of, header_fault, parse_url
from gateway.spi.url_settings import readable_on_the_way

MAX_TITLE = 250
"""Characters; a phone shows fewer."""

MAX_MESSAGE = 16_384
"""Bytes. Gotify itself has no limit below its database's, 65,535 bytes in MySQL; nobody scrolls that far."""

PRIORITIES = {
    Severity.INFO: 2,
    Severity.NOTICE: 4,
    Severity.WARNING: 5,
    Severity.ERROR: 8,
    Severity.CRITICAL: 10,
}
"""0 is silent, from 1 on an icon, from 4 a sound, from 8 vibration (Gotify's page on priorities)."""

RESOLVED_PRIORITY = 2

KEY_HEADER = "x-gotify-key"

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>=:@])")


def _server(text: str) -> str:
    parse_url(text)
    if "?" in text:
        raise ValueError("the server's URL has no query; the token has a field of its own")
    return text.rstrip("/")


def _token(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value() or header_fault(KEY_HEADER, secret.get_secret_value()):
        raise ValueError("an application token is one word, as Gotify shows it")
    return secret


class GotifyConfig(DestinationConfig):
    """A server, and the application there whose messages these are."""

    url: Annotated[str, AfterValidator(_server)] = Field(
        title="Server", description="URL of the Gotify server, without /message."
    )
    token: Annotated[SecretStr, AfterValidator(_token)] = Field(
        title="Application token", description="Token of a Gotify application; begins with A."
    )

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.url, "messages and the token")


class GotifyAddress(SubscriptionAddress):
    """How a message appears."""

    priority: Annotated[int, Field(ge=0, le=10)] | None = Field(
        None, title="Priority", description="0 to 10 for every message; empty for the severity's."
    )
    markdown: bool = Field(
        False, title="Markdown", description="Set facts and links in Markdown; the event's text stays text."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )


class Gotify(HttpDestination[GotifyConfig, GotifyAddress]):
    """Posts one message per delivery."""

    kind: ClassVar[str] = "gotify"
    title: ClassVar[str] = "Gotify"
    summary: ClassVar[str] = "Push messages through a Gotify server."
    Config = GotifyConfig
    Address = GotifyAddress

    def __init__(self, config: GotifyConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = parse_url(f"{config.url}/message")
        self._headers = (
            ("content-type", "application/json; charset=utf-8"),
            (KEY_HEADER, config.token.get_secret_value()),
        )

    async def deliver(self, message: Message, address: GotifyAddress) -> Receipt:
        """See Destination."""
        body = orjson.dumps(post(message, address))
        request = HttpRequest("POST", self._target, self._headers, body, self.timeout)
        return await self.exchange(request, judge=_judge, vendor_id=_id)


def _judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """Gotify answers with the message that it made; anything else is another server's answer."""
    failure = failure_of(answer, now)
    if failure is None:
        if _id(answer) or answer.truncated:
            return None
        return refusal(answer, Reason.MISCONFIGURED, "this is not what Gotify answers; is the URL right?")
    said = answer.members.get("errorDescription")
    if answer.status == 404:
        return refusal(answer, Reason.MISCONFIGURED, said or "there is no /message below this URL")
    return refusal(answer, failure.reason, said, retry_after=failure.retry_after)


def _id(answer: HttpAnswer) -> str:
    return str(answer.members.get("id", ""))


def post(message: Message, address: GotifyAddress) -> dict[str, Any]:
    """The message as Gotify's JSON."""
    title = headline(message, MAX_TITLE)
    text = _marked_text(message) if address.markdown else _plain_text(message)
    return {
        "title": title,
        "message": text or title,
        "priority": _priority(message) if address.priority is None else address.priority,
        "extras": _extras(message, markdown=address.markdown),
    }


def _priority(message: Message) -> int:
    if message.resolves and message.state is not MessageState.PROBLEM:
        return RESOLVED_PRIORITY
    return PRIORITIES[message.severity]


def _extras(message: Message, *, markdown: bool) -> dict[str, Any]:
    """How to show it, where a tap on it leads, and what a program that reads along may recognise it by."""
    extras: dict[str, Any] = {
        "client::display": {"contentType": "text/markdown" if markdown else "text/plain"},
        "tocsin::delivery": {"id": message.dedup_key, "thread": one_line(message.thread_key, MAX_FACT)},
    }
    url = message.event_url or next((link.url for link in short_links(message)), "")
    return extras | ({"client::notification": {"click": {"url": url}}} if url else {})


def _plain_text(message: Message) -> str:
    links = [f"{label}: {url}" if label != url else url for label, url in short_links(message)]
    return fitted(_summary(message), fact_lines(message), links, MAX_MESSAGE)


def _marked_text(message: Message) -> str:
    facts = [f"- **{escaped(name)}:** {escaped(one_line(value, MAX_FACT))}" for name, value in message.facts]
    links = [f"- {_link(link)}" for link in short_links(message)]
    return fitted(_summary(message), facts, links, MAX_MESSAGE, _paragraphs)


def _summary(message: Message) -> str:
    return text_block(message.summary, MAX_MESSAGE).strip()


def _paragraphs(text: str) -> str:
    """Text whose line ends stay line ends, which takes two spaces before each in Markdown."""
    return "  \n".join(escaped(line.strip()) for line in text.split("\n"))


def _link(link: Link) -> str:
    target = link.url.replace("(", "%28").replace(")", "%29")
    return f"[{escaped(link.label)}]({target})"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no link made of a bare address."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\1", text)
