"""What ntfy refuses in a message published as JSON, and what it answers (facts: destinations 13)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

FIELDS = {"topic", "title", "message", "tags", "priority", "actions", "click"}


def problems(body: bytes) -> list[str]:
    """Every rule that the publication breaks; [] means ntfy would show it as a message, not as a file."""
    return list(_problems(json.loads(body), len(body)))


def _problems(post: dict[str, Any], length: int) -> Iterator[str]:
    if length > 8192:
        yield f"41303 body of {length} bytes"
    if set(post) - FIELDS:
        yield f"40024 unknown {set(post) - FIELDS}"
    if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", post["topic"]):
        yield "40009 topic"
    if not 1 <= len(post["message"].encode()) <= 4096:
        yield f"message of {len(post['message'].encode())} bytes becomes a file"
    if post["priority"] not in range(1, 6):
        yield "40007 priority"
    if not all(isinstance(tag, str) and tag and "," not in tag for tag in post["tags"]):
        yield "tags"
    if not post.get("click", "https://").startswith(("https://", "http://")):
        yield "click"
    if len(post.get("actions", [])) > 3:
        yield "40018 more than three actions"
    for action in post.get("actions", []):
        if action["action"] != "view" or not action["label"] or not re.match("https?://", action["url"]):
            yield f"40018 {action}"


def answer(post_id: str = "hwQ2YpKdmg") -> bytes:
    """What ntfy says to a message that it took."""
    told = {"id": post_id, "time": 1_785_233_472, "expires": 1_785_276_672, "event": "message", "topic": "b"}
    return json.dumps(told).encode()


def error(code: int, said: str) -> bytes:
    """What ntfy says to one that it refuses; the status is in the code."""
    return json.dumps(
        {"code": code, "http": code // 100, "error": said, "link": "https://ntfy.sh/docs"}
    ).encode()
