"""What the Bot API refuses of a message (facts: destinations 11), and what a reader sees of one."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

MAX_UNITS = 4096
TAGS = frozenset({"a", "b", "blockquote", "code", "i", "pre", "s", "u"})
ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")


class Reader(HTMLParser):
    """Reads Telegram's HTML; `problems` are what Telegram would answer with `can't parse entities`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.shown = ""
        self.urls: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._open.append(tag)
        if tag not in TAGS or {name for name, _ in attrs} - ({"href"} if tag == "a" else set()):
            self.problems.append(f"unsupported tag {self.get_starttag_text()}")
        self.urls += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"unexpected end of {tag}")

    def handle_data(self, data: str) -> None:
        self.shown += data

    def handle_comment(self, data: str) -> None:
        self.problems.append("a comment")

    def close(self) -> None:
        super().close()
        self.problems += [f"no end of {tag}" for tag in self._open]


def read(content: dict[str, Any]) -> Reader:
    """What becomes of a message: its text without marks, its links, and every rule that it breaks."""
    reader = Reader()
    if content.get("parse_mode") == "HTML":
        reader.feed(content["text"])
        reader.close()
        if ENTITY.search(content["text"]):
            reader.problems.append("a bare &")
    else:
        reader.shown = content["text"]
    length = len(reader.shown.strip().encode("utf-16-le")) // 2
    if not 1 <= length <= MAX_UNITS:
        reader.problems.append(f"a text of {length} units")
    if re.search(r"(?<!\w)@\w", reader.shown):
        reader.problems.append("a mention")
    if not content.get("chat_id"):
        reader.problems.append("no chat")
    return reader
