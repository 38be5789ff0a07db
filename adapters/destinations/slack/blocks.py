"""A message as Slack's Block Kit: the title on top, all else beside a coloured bar.

Reference: Slack's pages on Block Kit, attachments and formatting text (facts: destinations 5.3 and 5.4).
Event text is never markup: `&`, `<` and `>` are escaped, so that no mention, link or broadcast comes of it.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from gateway.spi.message import Message
from gateway.spi.rendering import clip, fitted, headline, one_line, shown_links, text_block

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

_BROADCAST = re.compile(r"@(?=(?:all|channel|everyone|here)\b)", re.IGNORECASE)
_IN_CONTEXT = frozenset({"Type", "Time"})


def content(message: Message, colour: str) -> dict[str, Any]:
    """The message as blocks, and as a text for notifications and for clients that show no blocks."""
    title, summary = headline(message, MAX_FALLBACK), text_block(message.summary, MAX_SECTION).strip()
    fallback = f"{title}\n{summary}" if summary else title
    return {
        "text": escaped(fallback, MAX_FALLBACK),
        "blocks": [{"type": "header", "text": _plain(clip(title, MAX_HEADER, "…"))}],
        "attachments": [{"color": colour, "blocks": _blocks(message, summary)}],
    }


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
    links = (
        f"<{_target_of(url)}|{_label(label)}>" for label, url in shown_links(message, MAX_LINKS, MAX_LINK)
    )
    return [_mrkdwn(text) for text in [*elements, *(link for link in links if len(link) <= MAX_LINK)]]


def _target_of(url: str) -> str:
    """A URL for the inside of a link: what would end it percent-encoded (Slack, formatting text)."""
    return quote(url, safe="%:/?#[]@!$&'()*+,;=~").replace("&", "&amp;")


def _label(label: str) -> str:
    return escaped(one_line(label, 75).replace("|", "¦"), 100) or "link"


def escaped(text: str, limit: int) -> str:
    """Text for mrkdwn of at most `limit` characters; a cut never goes through an escape.

    An invisible space takes a bare `@channel` apart, which some settings of Slack turn into a broadcast.
    """
    return fitted(_BROADCAST.sub("@\u200b", text), limit, _entities)


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
