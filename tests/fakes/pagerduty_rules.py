"""What PagerDuty's Events API v2 refuses in an event, and what it answers (facts: destinations 8)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

EVENT = {"routing_key", "event_action", "dedup_key", "payload", "links", "images", "client", "client_url"}
PAYLOAD = {
    "summary",
    "source",
    "severity",
    "timestamp",
    "component",
    "group",
    "class",
    "custom_details",
}


def problems(body: bytes) -> list[str]:
    """Every rule that the event breaks; [] means PagerDuty would answer 202."""
    return list(_problems(json.loads(body.decode("utf-8")), len(body)))


def _problems(event: dict[str, Any], length: int) -> Iterator[str]:
    if length > 512_000:
        yield f"event of {length} bytes"
    if set(event) - EVENT or set(event["payload"]) - PAYLOAD:
        yield "unknown members"
    if not event.get("routing_key"):
        yield "'routing_key' is missing or blank"
    if event["event_action"] not in ("trigger", "acknowledge", "resolve"):
        yield "'event_action' is invalid"
    if not 1 <= len(event["dedup_key"]) <= 255:
        yield "'dedup_key' is too long"
    yield from _payload_problems(event["payload"])
    for link in event.get("links", []):
        if set(link) != {"href", "text"} or not re.match("https?://", link["href"]):
            yield f"link {link}"


def _payload_problems(payload: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(payload.get("summary", "")) <= 1024 or len(payload["summary"].splitlines()) != 1:
        yield "'payload.summary' is missing, blank or too long"
    if not payload.get("source"):
        yield "'payload.source' is missing or blank"
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        yield "'payload.severity' is invalid"
    if "timestamp" in payload:
        datetime.fromisoformat(payload["timestamp"])
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' is no object"


def answer(dedup_key: str = "k") -> bytes:
    """What PagerDuty says to an event that it took, with status 202."""
    told = {"status": "success", "message": "Event processed", "dedup_key": dedup_key}
    return json.dumps(told).encode()


def error(*errors: str) -> bytes:
    """What it says to one that it refuses, with status 400."""
    told = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    return json.dumps(told).encode()
