"""Messages made on the spot: an event with its meaning, as a delivery would carry it."""

from __future__ import annotations

import json
from typing import Any

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.event import DataForm, Event
from gateway.domain.vocabulary import Vocabulary
from gateway.spi.message import Message

DELIVERY_ID = "01998b2e-0000-7000-8000-00000000d001"


def make_message(
    *,
    delivery_id: str = DELIVERY_ID,
    recipient: str = "",
    data: Any = None,
    attributes: dict[str, Any] | None = None,
    **vocabulary: Any,
) -> Message:
    """A message of one event; `data` becomes its JSON, the other arguments its vocabulary."""
    content = None if data is None else json.dumps(data, ensure_ascii=False).encode()
    event = Event(
        {
            "specversion": "1.0",
            "id": "evt-1",
            "source": "/vault/a",
            "type": "com.example.backup.failed",
            "time": "2026-07-28T10:11:12Z",
            **(attributes or {}),
        },
        content,
        DataForm.NONE if content is None else DataForm.JSON,
    )
    return message_of(event, Vocabulary(**vocabulary), delivery_id=delivery_id, recipient=recipient)


def message_of(
    event: Event, vocabulary: Vocabulary, *, delivery_id: str = DELIVERY_ID, recipient: str = ""
) -> Message:
    accepted = AcceptedEvent("evt", "inst-1", "src-1", event, vocabulary, 1_785_233_472.0, 1)
    return Message(delivery_id, accepted, recipient)
