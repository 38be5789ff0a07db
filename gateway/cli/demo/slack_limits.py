"""What Slack takes of a message to an incoming webhook: Block Kit's limits, as the demo's chat enforces them.

Source: Slack's reference of blocks and text objects (docs.slack.dev, block kit).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_SECTION = 3000
MAX_FIELDS, MAX_FIELD = 10, 2000
MAX_ELEMENTS = 10


def faults(post: Mapping[str, Any]) -> list[str]:
    """Everything that Slack would answer with `invalid_blocks` or `no_text`."""
    found = [] if post.get("text") else ["no_text"]
    blocks = [
        *post.get("blocks", []),
        *(block for part in post.get("attachments", []) for block in part["blocks"]),
    ]
    if len(blocks) > MAX_BLOCKS:
        found.append(f"{len(blocks)} blocks")
    for block in blocks:
        found += _block_faults(block)
    return found


def _block_faults(block: Mapping[str, Any]) -> Iterator[str]:
    match block:
        case {"type": "header", "text": {"type": "plain_text", "text": text}}:
            yield from _length("header", text, MAX_HEADER)
        case {"type": "section", "fields": list(fields)} if len(fields) <= MAX_FIELDS:
            for field in fields:
                yield from _length("field", field["text"], MAX_FIELD)
        case {"type": "section", "text": {"text": text}}:
            yield from _length("section", text, MAX_SECTION)
        case {"type": "context", "elements": list(elements)} if 1 <= len(elements) <= MAX_ELEMENTS:
            for element in elements:
                yield from _length("context", element["text"], MAX_SECTION)
        case _:
            yield f"a block of type {block.get('type')!r} that Slack does not take"


def _length(part: str, text: str, limit: int) -> Iterator[str]:
    if not 1 <= len(text) <= limit:
        yield f"a {part} of {len(text)} characters"
