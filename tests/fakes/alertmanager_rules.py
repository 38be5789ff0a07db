"""What Alertmanager refuses of posted alerts (its OpenAPI document; facts: destinations 17)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MEMBERS = {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}


def problems(posted: list[dict[str, Any]]) -> list[str]:
    """Every rule that the alerts break; [] means Alertmanager would answer 200."""
    return [problem for alert in posted for problem in _problems(alert)]


def _problems(alert: dict[str, Any]) -> Iterator[str]:
    if strange := alert.keys() - _MEMBERS:
        yield f"no such member: {strange}"
    if not alert["labels"].get("alertname"):
        yield "no alertname"
    for name, text in {**alert["labels"], **alert["annotations"]}.items():
        if not _NAME.fullmatch(name) or not isinstance(text, str) or not text:
            yield f"invalid label or annotation {name}"
    starts, ends = (_instant(alert.get(name)) for name in ("startsAt", "endsAt"))
    if starts and ends and ends < starts:
        yield "start time must be before end time"
    if not re.match(r"https?://|$", alert.get("generatorURL", "")):
        yield "generatorURL"


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
