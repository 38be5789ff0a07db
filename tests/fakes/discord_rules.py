"""What Discord refuses of a message to a webhook (facts: destinations 7), and what a reader sees of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

LINK = re.compile(r"\[(?P<label>(?:\\.|[^\\\[\]])+)\]\((?P<url>https?://[^\s()<>]+)\)")
MARK = re.compile(r"(?<!\\)(?:\\\\)*[*_~|`\[\]<]")
LINE_MARK = re.compile(r"^ *(?:[-+>#]|\d+[.)])", re.MULTILINE)


def problems(post: dict[str, Any]) -> list[str]:
    """Every rule that the message breaks."""
    found = [] if post.get("allowed_mentions") == {"parse": []} else ["it may ping somebody"]
    embeds = post.get("embeds") or []
    if not 1 <= len(embeds) <= 10:
        found.append(f"{len(embeds)} embeds")
    if not len(post.get("username", "x").strip()) <= 80:
        found.append("username")
    for embed in embeds:
        found += _embed_problems(embed)
    if sum(len(text.strip()) for embed in embeds for text, _ in limited(embed)) > 6000:
        found.append("more than 6000 characters")
    return found


def limited(embed: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Every text that counts, with its limit."""
    if "title" in embed:
        yield embed["title"], 256
    if "description" in embed:
        yield embed["description"], 4096
    if "footer" in embed:
        yield embed["footer"]["text"], 2048
    for field in embed.get("fields", ()):
        yield field["name"], 256
        yield field["value"], 1024


def _embed_problems(embed: dict[str, Any]) -> Iterator[str]:
    for text, limit in limited(embed):
        if not 1 <= len(text.strip()) <= limit:
            yield f"a text of {len(text)} characters"
    if len(embed.get("fields", ())) > 25:
        yield "more than 25 fields"
    if not 0 <= embed.get("color", 0) <= 0xFFFFFF:
        yield "color"
    if "timestamp" in embed and datetime.fromisoformat(embed["timestamp"]).tzinfo is None:
        yield "timestamp"
    for text, _ in limited({name: part for name, part in embed.items() if name != "footer"}):
        plain = LINK.sub("", text)
        if MARK.search(plain) or LINE_MARK.search(plain):
            yield f"markup: {plain[:200]}"


def shown(text: str) -> str:
    """What a reader sees of Markdown that holds nothing but escapes and links."""
    text = LINK.sub(lambda link: f"{link['label']} {link['url']}", text)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
