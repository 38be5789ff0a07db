"""What Gotify refuses in a message posted to it, and what it answers (facts: destinations 12)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MYSQL_TEXT = 65_535
"""Bytes of a text in Gotify's database, where that is MySQL."""

KEY = re.compile(r"[a-z]+::[a-z]+(::[a-z]+)?")
OURS = {"title", "message", "priority", "extras"}


def problems(post: dict[str, Any]) -> list[str]:
    """Every rule that the message breaks; [] means Gotify would take it and clients could show it."""
    return list(_problems(post))


def _problems(post: dict[str, Any]) -> Iterator[str]:
    if not post.get("message"):
        yield "Field 'message' is required"
    if set(post) - OURS:
        yield f"unknown {set(post) - OURS}"
    for name in ("title", "message"):
        if len(post[name].encode()) > MYSQL_TEXT:
            yield f"{name} too long"
    if not isinstance(post["priority"], int) or not 0 <= post["priority"] <= 10:
        yield f"priority {post['priority']}"
    yield from _extras_problems(post["extras"])


def _extras_problems(extras: dict[str, Any]) -> Iterator[str]:
    for key in extras:
        if not KEY.fullmatch(key):
            yield f"key {key}"
    if extras["client::display"]["contentType"] not in ("text/plain", "text/markdown"):
        yield "contentType"
    click = extras.get("client::notification", {}).get("click", {}).get("url", "https://")
    if not click.startswith(("https://", "http://")):
        yield f"click {click}"


def answer(number: int = 7) -> bytes:
    """What Gotify says to a message that it took."""
    return json.dumps({"id": number, "appid": 1, "message": "m", "title": "t", "priority": 5}).encode()


def error(status: int, name: str, description: str) -> bytes:
    """What Gotify says to one that it refuses."""
    return json.dumps({"error": name, "errorCode": status, "errorDescription": description}).encode()
