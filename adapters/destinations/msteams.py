"""Microsoft Teams by a Workflows webhook: an Adaptive Card in the envelope that the flow's template expects.

Reference: Microsoft's pages on Workflows webhooks, on webhooks' limits and on formatting cards, and the
schema of Adaptive Cards 1.4 (facts: destinations 6). Teams knows no threads, no ids and no updates here,
and a flow that took a card says nothing of what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import Field, StringConstraints

from gateway.domain.severity import Severity
from gateway.spi.destination import DestinationConfig, Pace, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.rendering import details, fitted, good_news, headline, one_line, shown_links, text_block
from gateway.spi.transport import HttpAnswer, HttpRequest, failure_of, parse_url
from gateway.spi.url_settings import SecretUrl, readable_on_the_way

MAX_BYTES = 28 * 1024
"""Of a whole message, as Microsoft documents it for webhooks."""

BUDGET = 20_000
"""Bytes of JSON that are used of it: from about 21 KB messages were seen to be refused."""

MAX_TITLE = 250
MAX_SUMMARY = 8_000
MAX_FACT = 1_000
MAX_DATA = 6_000
MAX_LINKS = 4
MAX_LINK = 1_000
"""Characters of a title and a URL, bytes of escaped JSON of the other texts: our shares of the budget. A
card has room for six buttons, of which one shows the data."""

VERSION = "1.4"
_LOOKS = {
    Severity.INFO: ("accent", "Accent"),
    Severity.NOTICE: ("emphasis", "Default"),
    Severity.WARNING: ("warning", "Warning"),
    Severity.ERROR: ("attention", "Attention"),
    Severity.CRITICAL: ("attention", "Attention"),
}
_GOOD = ("good", "Good")
"""The style of the title's box and the colour of its text."""

_MARKS = re.compile(r"[\\*_\[\]`~]|&(?=#?\w+;)")
_LINE_MARKS = re.compile(r"^( *)(?:(\d+)(?=[.)])|(?=[-+>#]))", re.MULTILINE)
"""What Markdown makes something of: anywhere, and at the beginning of a line."""

_HIDDEN_STATUS = re.compile(r"HTTP error (4\d\d|5\d\d)")
_FLOW_IS_OFF = frozenset({"WorkflowTriggerIsNotEnabled", "WorkflowNotFound", "WorkflowTriggerNotFound"})


class TeamsConfig(DestinationConfig):
    """A flow that starts when a webhook request is received. Whoever knows its URL can post."""

    url: SecretUrl = Field(
        title="Webhook URL", description="URL of the flow, with its whole query; the signature is in there."
    )

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.url.get_secret_value())


class TeamsAddress(SubscriptionAddress):
    """How a message appears."""

    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )


class Teams(HttpDestination[TeamsConfig, TeamsAddress]):
    """Posts one card per delivery."""

    kind: ClassVar[str] = "msteams"
    title: ClassVar[str] = "Microsoft Teams"
    summary: ClassVar[str] = (
        "Adaptive Cards to a chat or channel of Microsoft Teams, through a Workflows webhook."
    )
    Config = TeamsConfig
    Address = TeamsAddress

    def __init__(self, config: TeamsConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = parse_url(config.url.get_secret_value())

    @property
    def pace(self) -> Pace:
        """Microsoft publishes 60 requests in 30 seconds for each webhook. Of the longer spans, 100 an hour
        and 1,800 a day, Teams tells itself, with 429."""
        return Pace(60, 30.0)

    async def deliver(self, message: Message, address: TeamsAddress) -> Receipt:
        """See Destination. Teams knows no idempotency key: a try after an ambiguous one may show twice."""
        headers = (("content-type", "application/json; charset=utf-8"),)
        request = HttpRequest("POST", self._target, headers, orjson.dumps(post(message)), self.timeout)
        return await self.exchange(request, judge=_judge)


def _judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    """A success may hide a failure: old connectors answer 200 with the text of what Teams told them."""
    hidden = _HIDDEN_STATUS.search(answer.text) if 200 <= answer.status < 300 else None
    if hidden:
        told = HttpAnswer(int(hidden[1]), "in the text of a success", answer.headers, answer.body)
        return failure_of(told, now)
    code = _error_code(answer)
    if answer.status == 404 or (answer.status >= 400 and code in _FLOW_IS_OFF):
        detail = f"answered {answer.status} {code}".rstrip() + ": the flow is switched off or gone"
        return DeliveryFailed(Reason.MISCONFIGURED, detail, status=answer.status, excerpt=answer.text)
    return failure_of(answer, now)


def _error_code(answer: HttpAnswer) -> str:
    """The code of an error of Azure Logic Apps, '' where there is none."""
    error = answer.members.get("error")
    return one_line(str(error.get("code", "")), 100) if isinstance(error, dict) else ""


def post(message: Message) -> dict[str, Any]:
    """What the flow's trigger takes: a list of attachments, of which one is the card."""
    content_type = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": content_type, "contentUrl": None, "content": card(message)}
    return {"type": "message", "attachments": [attachment]}


def card(message: Message) -> dict[str, Any]:
    """Title and links first; summary, facts and the event's data with what is left of the budget."""
    title = headline(message, MAX_TITLE)
    body: list[dict[str, Any]] = [_title(message, title)]
    actions = _buttons(message)
    made = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "fallbackText": title,
        "body": body,
        "actions": actions,
        "msteams": {"width": "Full"},
    }
    body += _text(message.summary, min(MAX_SUMMARY, BUDGET - _size(made)))
    body += _facts(message, BUDGET - _size(made))
    if shown := list(_data(message, BUDGET - _size(made))):
        body += shown
        actions.append(_SHOW_DATA)
    return made


def _buttons(message: Message) -> list[dict[str, Any]]:
    return [
        {"type": "Action.OpenUrl", "title": one_line(label, 75) or "Link", "url": url}
        for label, url in shown_links(message, MAX_LINKS, MAX_LINK)
    ]


def _title(message: Message, title: str) -> dict[str, Any]:
    style, colour = _GOOD if good_news(message) else _LOOKS[message.severity]
    text = {
        "type": "TextBlock",
        "text": escaped(title),
        "color": colour,
        "size": "Medium",
        "weight": "Bolder",
        "wrap": True,
    }
    return {"type": "Container", "style": style, "bleed": True, "items": [text]}


def _text(text: str, limit: int, **look: str) -> Iterator[dict[str, Any]]:
    """One block of text, none where there is nothing to say or too little room to say it."""
    block = {"type": "TextBlock", "text": "", **look, "wrap": True}
    text = fitted(text_block(text, MAX_BYTES), limit - _size(block), escaped, _size)
    if text.strip():
        yield {**block, "text": text}


def _facts(message: Message, left: int) -> Iterator[dict[str, Any]]:
    """The facts, each with an equal share of the bytes left."""
    share = min(MAX_FACT, (left - 100) // max(len(message.facts), 1)) - 60
    texts = (
        (name, fitted(one_line(value, MAX_FACT), share, escaped, _size)) for name, value in message.facts
    )
    facts = [{"title": name, "value": text} for name, text in texts if text.strip()]
    if facts:
        yield {"type": "FactSet", "facts": facts}


_SHOW_DATA = {"type": "Action.ToggleVisibility", "title": "Show data", "targetElements": ["data"]}


def _data(message: Message, left: int) -> Iterator[dict[str, Any]]:
    """The event's data, hidden until somebody asks for it, as IBM's cards have it."""
    hidden = {"type": "Container", "id": "data", "isVisible": False, "items": []}
    left -= _size(hidden) + _size(_SHOW_DATA) + 2
    if items := list(_text(details(message.event), min(MAX_DATA, left), fontType="Monospace")):
        yield {**hidden, "items": items}


def _size(value: object) -> int:
    """Bytes of JSON."""
    return len(orjson.dumps(value))


def escaped(text: str) -> str:
    """Text that the card's Markdown shows as it is: its marks behind backslashes, each line a paragraph, and
    indentation that is neither dropped nor taken for code."""
    text = _LINE_MARKS.sub(r"\1\2\\", _MARKS.sub(r"\\\g<0>", text))
    lines = (line.lstrip(" ").rjust(len(line), "\u00a0") for line in text.split("\n"))
    return "\n\n".join(lines)
