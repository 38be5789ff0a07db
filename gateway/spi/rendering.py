"""A message as text and as HTML, and the small tools for fitting foreign text into a channel's limits.

The default forms are IBM Event Notifications': the title, the summary and, where
the subscription asks for it, the event's data under "Notification details:". All text of an event is
hostile: it is cleaned and cut here, and escaped by whoever knows the target's syntax.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

from gateway.domain.event import DataForm, Event
from gateway.domain.severity import Severity
from gateway.spi.message import ACKNOWLEDGE_LINK, HTML, TEXT, Fact, Link, Message, MessageState

CUT = "[...]"
"""What ends a text that was cut, as IBM's cut texts end."""

DETAILS_TITLE = "Notification details:"
UNSUBSCRIBE = "Unsubscribe"
MAX_DETAILS = 64 * 1024
"""Characters of the event's data shown in a body."""

COLOURS = {
    Severity.INFO: "#3498DB",
    Severity.NOTICE: "#1ABC9C",
    Severity.WARNING: "#F1C40F",
    Severity.ERROR: "#E74C3C",
    Severity.CRITICAL: "#8E0000",
}
RESOLVED_COLOUR = "#2ECC71"

# Control characters, surrogates, and characters that reorder the text around them.
_INVISIBLE = "\ud800-\udfff\u202a-\u202e\u2066-\u2069"
_NOT_IN_BLOCKS = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f{_INVISIBLE}]")
_NOT_IN_LINES = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_INVISIBLE}]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def good_news(message: Message) -> bool:
    """Whether a message is shown in green: it tells that all is well and of nothing that is not."""
    if message.state is MessageState.RECOVERY:
        return True
    return message.resolves and message.state is not MessageState.PROBLEM


def colour(message: Message) -> str:
    """The colour of a message, `#RRGGBB`: by severity, green for good news."""
    return RESOLVED_COLOUR if good_news(message) else COLOURS[message.severity]


def clip(text: str, limit: int, mark: str = CUT) -> str:
    """At most `limit` characters; what is cut ends with `mark`."""
    return text if len(text) <= limit else text[: max(limit - len(mark), 0)] + mark[:limit]


def fitted(text: str, limit: int, escape: Callable[[str], str], measure: Callable[[str], int] = len) -> str:
    """The text escaped, at most `limit` long by `measure`; what does not fit is cut before it is escaped,
    so that no escape is cut in two, and ends with CUT."""
    whole = escape(text)
    if measure(whole) <= limit:
        return whole

    def size(kept: int) -> int:
        return measure(escape(text[:kept] + CUT))

    kept = bisect_right(range(len(text)), limit, key=size) - 1
    return escape(text[:kept] + CUT) if kept >= 0 else ""


def one_line(text: str, limit: int) -> str:
    """One line of at most `limit` characters: no line ends of any kind, no control characters."""
    if not text.isprintable():
        text = _NOT_IN_LINES.sub(" ", text)
    return clip(" ".join(text.split()), limit, "…")


def text_block(text: str, limit: int) -> str:
    """Lines of text ended by a line feed, of at most `limit` characters, without control characters."""
    if not text.isprintable():
        text = _NOT_IN_BLOCKS.sub("", _LINE_ENDS.sub("\n", text))
    return clip(text, limit)


def headline(message: Message, limit: int) -> str:
    """The title in one line of at most `limit` characters; never empty, which many channels refuse."""
    return one_line(message.title, limit) or one_line(message.event.type, limit) or "event"


def details(event: Event) -> str:
    """The event's data for people: JSON indented, its members as they came; '' where there is none."""
    if event.data is None:
        return ""
    if event.form is DataForm.JSON:
        return clip(msgspec.json.format(event.data, indent=2).decode(), MAX_DETAILS)
    if event.form is DataForm.TEXT:
        return text_block(event.data.decode("utf-8", "replace"), MAX_DETAILS)
    return f"{len(event.data)} bytes of {one_line(event.text('datacontenttype') or 'data', 100)}"


def text_body(message: Message, *, with_details: bool) -> str:
    """The message as plain text: the summary, or title and facts where there is none; then the details.
    What a template made stands alone."""
    if TEXT in message.templated:
        return text_block(message.templated[TEXT], MAX_DETAILS) + "\n"
    lines = [text_block(message.summary, MAX_DETAILS) or _title_and_facts(message)]
    shown = details(message.event) if with_details else ""
    if shown:
        lines += [DETAILS_TITLE, shown]
    if message.acknowledge_url:
        lines.append(f"{ACKNOWLEDGE_LINK}: {message.acknowledge_url}")
    if message.unsubscribe_url:
        lines.append(f"{UNSUBSCRIBE}: {message.unsubscribe_url}")
    return "\n\n".join(lines) + "\n"


def _title_and_facts(message: Message) -> str:
    facts = (f"{name}: {one_line(value, MAX_DETAILS)}" for name, value in message.facts)
    return "\n".join((headline(message, MAX_DETAILS), "", *facts))


def html_body(message: Message, *, with_details: bool) -> str:
    """The message as an HTML document of its own: no images, no scripts, nothing loaded, all text escaped.
    What a template made stands alone, and is as its author wrote it."""
    if HTML in message.templated:
        return message.templated[HTML]
    title = html.escape(headline(message, MAX_DETAILS))
    summary = html.escape(text_block(message.summary, MAX_DETAILS)).replace("\n", "<br>\n")
    shown = html.escape(details(message.event)) if with_details else ""
    return "".join(
        (
            _HEAD % title,
            _FRAME % (message.severity.word, colour(message)),
            f'<h1 style="font-size:20px;line-height:1.3;margin:4px 0 12px">{title}</h1>\n',
            f"<p {_PARAGRAPH}>{summary}</p>\n" if summary else "",
            _facts_table(message.facts),
            *_anchors(message.links),
            f"<p {_PARAGRAPH}>{DETAILS_TITLE}</p>\n<pre {_PRE}>{shown}</pre>\n" if shown else "",
            "</div>\n",
            _farewell(message.unsubscribe_url),
            "</body>\n</html>\n",
        )
    )


# Programs that drop <style> show the light form, which stands in the elements; the dark one overrules it.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
body { background: #1c1c1e !important; color: #e6e6e8 !important; }
th, .farewell, .farewell a { color: #a6a6ad !important; }
a { color: #8ab4f8 !important; }
pre { background: #2c2c30 !important; }
.critical { border-left-color: #e5484d !important; }
}
</style>
</head>
<body style="margin:0;padding:16px;font-family:sans-serif;font-size:15px;line-height:1.45;color:#222222;\
background:#ffffff">
"""
_FRAME = (
    '<div class="%s" style="max-width:640px;border-left:4px solid %s;padding:4px 16px;'
    'overflow-wrap:anywhere">\n'
)
_PARAGRAPH = 'style="margin:0 0 12px"'
_PRE = (
    'style="background:#f4f4f4;padding:12px;margin:0;font-size:13px;white-space:pre-wrap;'
    'overflow-wrap:anywhere"'
)
_TABLE = 'style="border-collapse:collapse;margin:0 0 12px"'
_ROW = (
    '<tr><th style="text-align:left;vertical-align:top;white-space:nowrap;font-weight:normal;color:#666666;'
    'padding:2px 16px 2px 0">%s</th><td style="vertical-align:top;padding:2px 0">%s</td></tr>\n'
)
_FAREWELL = (
    '<p class="farewell" style="max-width:640px;margin:16px 0 0;padding:0 20px;font-size:12px;color:#666666">'
    '<a href="%s" style="color:#666666">%s</a></p>\n'
)


def _farewell(url: str) -> str:
    return _FAREWELL % (html.escape(url), UNSUBSCRIBE) if url else ""


def _facts_table(facts: Iterable[Fact]) -> str:
    rows = [_ROW % (html.escape(name), html.escape(one_line(value, MAX_DETAILS))) for name, value in facts]
    return f"<table {_TABLE}>\n{''.join(rows)}</table>\n" if rows else ""


def _anchors(links: Iterable[Link]) -> Iterable[str]:
    for label, url in web_links(links):
        named = html.escape(one_line(label, 200) or url)
        yield f'<p {_PARAGRAPH}><a href="{html.escape(url)}">{named}</a></p>\n'


def shown_links(message: Message, most: int, longest: int) -> list[Link]:
    """At most `most` links, in order, whose URLs have at most `longest` characters; the link to the event
    itself is the last to go."""
    fitting = [link for link in web_links(message.links) if len(link.url) <= longest]
    if len(fitting) > most and fitting[-1].url == message.event_url:
        return [*fitting[: most - 1], fitting[-1]]
    return fitting[:most]


def web_links(links: Iterable[Link]) -> Iterable[Link]:
    """The links that a reader may be sent to: http and https, in one piece."""
    return (link for link in links if _WEB.match(link.url) and not _NOT_IN_LINES.search(link.url))


_WEB = re.compile(r"https?://[^\s\"<>]{1,2000}\Z", re.IGNORECASE)
