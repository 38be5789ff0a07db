"""Members that a sender put beside its attributes, but that CloudEvents has no room for.

IBM's notifications may hold arrays, objects, fractions, line breaks and names such as `message_subject`
where a CloudEvent has attributes. Such members travel, exactly as they came, as one JSON object in the
text of one lawful attribute, so that the event stays a CloudEvent, and nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gateway.domain.event import Event

CARRIER = "tocsinmembers"
"""The attribute that carries them."""

_NONE: Mapping[str, Any] = {}


def carried(event: Event) -> Mapping[str, Any]:
    """The members that were carried along, by name; empty for nearly every event. Not to be changed."""
    text = event.attributes.get(CARRIER)
    return _read(text) if isinstance(text, str) else _NONE


def as_sent(event: Event) -> Mapping[str, Any]:
    """All that the sender wrote beside `data`, by name and as it was written. Not to be changed."""
    text = event.attributes.get(CARRIER)
    if not isinstance(text, str):
        return event.attributes
    rest = {name: value for name, value in event.attributes.items() if name != CARRIER}
    return {**rest, **_read(text)}


@lru_cache(maxsize=8)
def _read(text: str) -> Mapping[str, Any]:
    """Anything may be in the attribute, since any sender may set it; what is no object carries nothing."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return _NONE
    return found if isinstance(found, dict) else _NONE
