"""A message as Telegram's HTML and as plain text, in the units that Telegram counts.

Reference: Telegram's Bot API, formatting options (facts: destinations 11). Of HTML only `&`, `<`, `>` and
quotes need escaping; what Telegram finds in the text by itself, a mention say, is taken apart.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import NamedTuple

from gateway.domain.severity import Severity
from gateway.spi.message import Message
from gateway.spi.rendering import fitted, good_news, headline, one_line, shown_links, text_block

MAX_TEXT = 4096
"""UTF-16 units of what is shown; marks do not count (Bot API, sendMessage)."""

MAX_TITLE = 256
MAX_SUMMARY = 3000
MAX_FACT = 300
MAX_LINKS = 4
MAX_LINK = 500
MAX_LABEL = 75
"""Our shares of it, in UTF-16 units."""

_MARKS = {
    Severity.INFO: "ℹ️",
    Severity.NOTICE: "🔔",
    Severity.WARNING: "⚠️",
    Severity.ERROR: "🔴",
    Severity.CRITICAL: "🚨",
}
_GOOD = "✅"

_MENTION = re.compile(r"(?<!\w)@(?=\w)")


class Markup(NamedTuple):
    """How text, bold text and a link (label, URL) are written, and what a link takes of what is shown."""

    plain: Callable[[str], str]
    bold: Callable[[str], str]
    link: Callable[[str, str], str]
    shows_url: bool


def _text(text: str) -> str:
    return text


HTML = Markup(
    html.escape,
    lambda text: f"<b>{html.escape(text)}</b>",
    lambda label, url: f'<a href="{html.escape(url)}">{html.escape(label)}</a>',
    shows_url=False,
)
PLAIN = Markup(_text, _text, lambda label, url: f"{label}: {url}", shows_url=True)


def text(message: Message, markup: Markup) -> str:
    """The message in at most MAX_TEXT units: title and links first, then the summary, then the facts."""
    mark = _GOOD if good_news(message) else _MARKS[message.severity]
    title = _cut(headline(message, MAX_TITLE), MAX_TITLE)
    links = [
        (_cut(one_line(label, MAX_LABEL), MAX_LABEL) or "Link", url)
        for label, url in shown_links(message, MAX_LINKS, MAX_LINK)
    ]
    left = MAX_TEXT - 16 - units(title)
    left -= sum(units(label) + 3 + (len(url) if markup.shows_url else 0) for label, url in links)
    summary = _cut(text_block(message.summary, MAX_TEXT).strip(), min(MAX_SUMMARY, left))
    parts = [
        f"{mark} {markup.bold(title)}",
        markup.plain(summary),
        "\n".join(_facts(message, markup, left - units(summary))),
        "\n".join(markup.link(label, url) for label, url in links),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(message: Message, markup: Markup, left: int) -> list[str]:
    """The facts, a line each, with an equal share of the units left; none where that says nothing."""
    share = min(MAX_FACT, left // max(len(message.facts), 1))
    cut = ((name, _cut(one_line(value, MAX_FACT), share - len(name) - 3)) for name, value in message.facts)
    return [f"{markup.bold(name)}: {markup.plain(value)}" for name, value in cut if value.strip()]


def _cut(text: str, limit: int) -> str:
    """At most `limit` units in which nobody is mentioned: an invisible space takes a bare @name apart."""
    return fitted(_MENTION.sub("@\u200b", text), limit, _text, units)


def units(text: str) -> int:
    """The length of a text in UTF-16 units, in which Telegram counts."""
    return len(text) + sum(character > "\uffff" for character in text)
