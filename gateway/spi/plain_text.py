"""What stands below a message's title where a channel counts bytes: blocks of text, fitted into a limit.

What goes first when it is too much: the facts, from the last one on, then the end of the summary; links
stay. For channels that show a title of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.spi.message import Link, Message
from gateway.spi.rendering import clip, one_line, web_links

MAX_FACT = 500
MAX_LABEL = 100
"""Characters of a fact's value, and of a link's label."""

MAX_LINKS = 5
MAX_LINK = 1000
"""Bytes of a link's URL. Longer ones are left out, and those with a backslash, which no URL has."""


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode("utf-8", "replace"))


def fact_lines(message: Message) -> list[str]:
    """The facts, a line each."""
    return [f"{name}: {one_line(value, MAX_FACT)}" for name, value in message.facts]


def short_links(message: Message) -> list[Link]:
    """The links that a small message has room for, labels in one line."""
    sound = (link for link in web_links(message.links) if "\\" not in link.url)
    fitting = (link for link in sound if size(link.url) <= MAX_LINK)
    named = [Link(one_line(label, MAX_LABEL) or url, url) for label, url in fitting]
    return [*named[: MAX_LINKS - 1], named[-1]] if len(named) > MAX_LINKS else named


def fitted(
    summary: str,
    facts: Sequence[str],
    links: Sequence[str],
    limit: int,
    rendered: Callable[[str], str] = str,
) -> str:
    """Summary, facts and links as one text of at most `limit` bytes, as long as the links alone are shorter.

    `rendered` makes markup of the summary; facts and links come as they shall be. A cut never goes through
    what it has made.
    """
    facts = list(facts)
    while facts and size(_blocks(rendered(summary), facts, links)) > limit:
        facts.pop()
    if size(_blocks(rendered(summary), facts, links)) <= limit:
        return _blocks(rendered(summary), facts, links)
    fits, too_long = 0, len(summary)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if size(_blocks(rendered(clip(summary, middle)), facts, links)) <= limit:
            fits = middle
        else:
            too_long = middle
    return _blocks(rendered(clip(summary, fits)), facts, links)


def _blocks(summary: str, facts: Sequence[str], links: Sequence[str]) -> str:
    return "\n\n".join(block for block in (summary, "\n".join(facts), "\n".join(links)) if block)
