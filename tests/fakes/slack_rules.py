"""What Slack refuses in a message posted to an incoming webhook (facts: destinations 5.1 and 5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MARKUP = re.compile(r"<(?P<target>[^<>|]*)(?:\|(?P<label>[^<>|]*))?>")
BARE_AMPERSAND = re.compile(r"&(?!amp;|lt;|gt;)")


def problems(post: dict[str, Any]) -> list[str]:
    """Every rule that the message breaks; [] means Slack would answer `ok`."""
    found = [] if post.get("text") else ["no_text"]
    found += mrkdwn_problems(post.get("text", ""), 40_000)
    attachments = post.get("attachments", [])
    blocks = [*post.get("blocks", []), *(block for part in attachments for block in part["blocks"])]
    if len(blocks) > 50 or len(attachments) > 100:
        found.append("invalid_blocks: too many")
    for block in blocks:
        found += _block_problems(block)
    found += [
        f"color {part['color']}" for part in attachments if not re.fullmatch("#[0-9A-Fa-f]{6}", part["color"])
    ]
    if sum(len(text["text"]) for text in texts(blocks)) > 13_200:
        found.append("msg_blocks_too_long")
    return found


def texts(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every text object of some blocks."""
    for block in blocks:
        if "text" in block:
            yield block["text"]
        yield from block.get("fields", [])
        yield from block.get("elements", [])


def _block_problems(block: dict[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield from _plain_problems(block["text"], 150)
        case "section" if "text" in block or "fields" in block:
            if "text" in block:
                yield from mrkdwn_problems(block["text"]["text"], 3000)
            if len(block.get("fields", [])) > 10:
                yield "fields: more than 10"
            for field in block.get("fields", []):
                yield from mrkdwn_problems(field["text"], 2000)
        case "context" if 1 <= len(block["elements"]) <= 10:
            for element in block["elements"]:
                yield from mrkdwn_problems(element["text"], 3000)
        case other:
            yield f"invalid block {other}"


def _plain_problems(text: dict[str, Any], limit: int) -> Iterator[str]:
    if text["type"] != "plain_text" or not 1 <= len(text["text"]) <= limit:
        yield f"plain_text of {len(text['text'])} characters"


def mrkdwn_problems(text: str, limit: int) -> Iterator[str]:
    """Too long, empty, or markup that is not a link to the web: a mention, say, or a cut escape."""
    if not 1 <= len(text) <= limit:
        yield f"text of {len(text)} characters"
    for link in MARKUP.finditer(text):
        if not link["target"].startswith(("http://", "https://")):
            yield f"mention {link.group()}"
    if BARE_AMPERSAND.search(text) or re.search("[<>]", MARKUP.sub("", text)):
        yield "unescaped text"
    if re.search(r"@(?:channel|here|everyone|all)\b", text):
        yield "broadcast"


def shown(text: str) -> str:
    """What a reader sees of mrkdwn."""
    text = MARKUP.sub(lambda link: link["label"] or link["target"], text)
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text.replace("@\u200b", "@")
