"""A message as a Slack attachment of old, which Mattermost, Rocket.Chat and others show; they drop blocks.

Reference: Mattermost's pages on Slack compatibility and message attachments, its incoming_webhook.go, and
Rocket.Chat's processWebhookMessage.ts (facts: destinations 19). Their text is Markdown, in which both also
read Slack's `<url|label>`. None of their escapes is common to them, so what would be markup is taken apart
by an invisible space, and a bar that could belong to a link of Slack's becomes a broken bar.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from gateway.spi.message import Message
from gateway.spi.rendering import fitted, headline, one_line, shown_links, text_block

MAX_TITLE = 250
MAX_SUMMARY = 2500
MAX_FIELD = 1000
MAX_LINKS = 4
MAX_LINK = 500
MAX_LABEL = 75
MAX_FOOTER = 300
"""Characters. Rocket.Chat takes 5,000 of a text unless set otherwise, Mattermost 16,383."""

_MARKS = re.compile(r"(?<!\w)@(?=\w)|<(?=\S)|\](?=[(\[:])")
_IN_FOOTER = "Type"


def content(message: Message, colour: str) -> dict[str, Any]:
    """The title as the text, the rest in one attachment."""
    title = inert(headline(message, MAX_TITLE), MAX_TITLE)
    summary = inert(text_block(message.summary, MAX_SUMMARY).strip(), MAX_SUMMARY)
    text = "\n\n".join(part for part in (summary, _links(message)) if part)
    attachment = {
        "fallback": f"{title}\n{summary}" if summary else title,
        "color": colour,
        "text": text,
        "fields": _fields(message),
        "footer": inert(one_line(message.event.type, MAX_FOOTER), MAX_FOOTER),
    }
    return {"text": title, "attachments": [attachment]}


def _fields(message: Message) -> list[dict[str, Any]]:
    shown = (fact for fact in message.facts if fact.name != _IN_FOOTER)
    texts = ((name, inert(one_line(value, MAX_FIELD), MAX_FIELD)) for name, value in shown)
    return [{"title": name, "value": text, "short": True} for name, text in texts if text]


def _links(message: Message) -> str:
    links = shown_links(message, MAX_LINKS, MAX_LINK)
    return " · ".join(f"<{_target_of(url)}|{_label(label)}>" for label, url in links)


def _target_of(url: str) -> str:
    """A URL that ends neither Slack's form of a link nor the Markdown that it becomes."""
    return quote(url, safe="%:/?#@!$&'*+,;=~")


def _label(label: str) -> str:
    cleaned = one_line(label, MAX_LABEL).translate(_NOT_IN_LABELS)
    return inert(cleaned, MAX_LABEL) or "Link"


_NOT_IN_LABELS = str.maketrans("|<>[]", "¦‹›()")


def inert(text: str, limit: int) -> str:
    """Text of at most `limit` characters that mentions nobody and links nowhere but where it says."""
    return fitted(text.replace("|", "¦") if "<" in text else text, limit, _taken_apart)


def _taken_apart(text: str) -> str:
    return _MARKS.sub("\\g<0>\u200b", text)
