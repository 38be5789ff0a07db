"""A digest as readers of its event find it: one event of the gateway's own that tells of several.

Its data, which templates read as `data.*`:

    reason, total, shown      why they are one message, how many they are, how many of them are in `items`
    period.from, period.to    from when to when they came (RFC 3339)
    counts.severity, counts.outcome     how many of each word
    changes.newly_failing, changes.recovered, changes.still_failing    names, in digests
    items[]    worst first: title, severity, outcome, resource, time, type, event_id
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.source import SELF
from gateway.domain.view import Json, Missing

DIGEST_TYPE = "io.tocsin.digest"
SHOWN_LINES = 100
"""Items that stand in a message; their number is bounded where the event is made too."""


def is_digest(accepted: AcceptedEvent) -> bool:
    """Whether an event is a digest: one that the gateway made, whoever else uses its type."""
    return accepted.source_id == SELF and accepted.event.type == DIGEST_TYPE


def digest_lines(data: Json | Missing) -> Iterator[str]:
    """What a digest tells of, a line for each, and how many more there are."""
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(items, list):
        return
    shown = [item for item in items[:SHOWN_LINES] if isinstance(item, dict)]
    for item in shown:
        yield _line(item)
    total = data.get("total")
    if isinstance(total, int) and total > len(shown):
        yield f"and {total - len(shown):,} more"


def _line(item: dict[str, Json]) -> str:
    said = item.get("outcome") or item.get("severity") or "event"
    title, resource = str(item.get("title", "")), item.get("resource")
    about = f" ({resource})" if resource and str(resource) not in title else ""
    when = str(item.get("time") or "")[:16].replace("T", " ")
    return f"- {said}: {title}{about}" + (f", {when} UTC" if when else "")
