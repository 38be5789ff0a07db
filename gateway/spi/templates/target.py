"""What a template makes, and how a value is escaped for it.

A value never gets out of the place that the template gave it: not `{{x}}`, nor `{{{x}}}`, which means the
same. No seed needs unescaped values, and every text in an event may come from an attacker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from urllib.parse import quote

from gateway.spi.rendering import one_line, text_block
from gateway.spi.templates.limits import MAX_OUTPUT


class Target(StrEnum):
    """The syntax that a template writes."""

    TEXT = "text"
    LINE = "line"
    HTML = "html"
    JSON = "json"
    SLACK = "slack"
    SLACK_JSON = "slack_json"
    """JSON whose texts are mrkdwn, such as blocks."""
    TELEGRAM = "telegram"
    MARKDOWN = "markdown"
    URL = "url"


JSON_TARGETS = frozenset({Target.JSON, Target.SLACK_JSON})

Escape = Callable[[str], str]
"""Makes text harmless where it is put."""

# The characters that Handlebars escapes, as it writes them (handlebars/utils.js).
_HTML: Mapping[int, str] = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "`": "&#x60;", "=": "&#x3D;"}
)
_TELEGRAM: Mapping[int, str] = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_SLACK: Mapping[int, str] = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ELEMENT = re.compile(r"<(?:!doctype|!--|[a-z][a-z0-9]*[\s>/])", re.IGNORECASE)
_HTML_SPECIAL = re.compile("[&<>\"'`=]")
_BROADCAST = re.compile(r"@(?=(?:all|channel|everyone|here)\b)", re.IGNORECASE)
_MARKDOWN = re.compile(r"[\\`*_\[\]<>~|&!]|^[ \t]*(?:[#+=-]|[0-9]{1,9}(?=[.)]))", re.MULTILINE)


def clean(text: str) -> str:
    """Without control characters; line ends as line feeds."""
    return text if text.isprintable() else text_block(text, max(len(text), MAX_OUTPUT))


def clean_line(text: str) -> str:
    """In one line."""
    return text if text.isprintable() else one_line(text, max(len(text), MAX_OUTPUT))


def html(text: str) -> str:
    """For text and quoted attributes of HTML, with the entities that Handlebars writes."""
    text = clean(text)
    return text.translate(_HTML) if _HTML_SPECIAL.search(text) else text


def telegram(text: str) -> str:
    """For Telegram's HTML, which knows four entities by name (Bot API, HTML style)."""
    return clean(text).translate(_TELEGRAM)


def slack(text: str) -> str:
    """For Slack's mrkdwn. Compatible hosts call everybody at a bare `@channel`, so that is taken apart."""
    return _BROADCAST.sub("@\u200b", clean(text)).translate(_SLACK)


def markdown(text: str) -> str:
    """For CommonMark: what would begin markup stands behind a backslash, a number in a list before one."""
    return _MARKDOWN.sub(_behind_backslash, clean(text))


def _behind_backslash(found: re.Match[str]) -> str:
    mark = found.group()
    lead = mark[: len(mark) - len(mark.lstrip())]
    mark = mark.lstrip()
    return f"{lead}{mark}\\" if mark.isdigit() else f"{lead}\\{mark}"


def url(text: str) -> str:
    """Percent-encoded: nothing but letters, digits and ``-._~`` is left as it is (RFC 3986, section 2.3)."""
    return quote(text, safe="", errors="replace")


ESCAPES: Mapping[Target, Escape] = {
    Target.TEXT: clean,
    Target.LINE: clean_line,
    Target.HTML: html,
    Target.SLACK: slack,
    Target.TELEGRAM: telegram,
    Target.MARKDOWN: markdown,
    Target.URL: url,
}
"""For every target whose values are escaped alike wherever they stand; JSON is in `json_place`."""


def looks_like_json(text: str) -> bool:
    """Whether the first thing that it writes is a bracket of JSON."""
    at, size = 0, len(text)
    while at < size:
        if text[at].isspace():
            at += 1
        elif text.startswith("{{", at):
            end = text.find("}}", at)
            at = end + (3 if text.startswith("{{{", at) else 2) if end >= 0 else size
        else:
            return text[at] in "{["
    return False


def looks_like_html(text: str) -> bool:
    """Whether there is an element in it."""
    return _ELEMENT.search(text) is not None
