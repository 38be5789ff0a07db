"""Building events with the CloudEvents SDK, for `send` and for the demo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from gateway.domain.errors import ConfigurationError

Mode = Literal["structured", "binary"]

JSON = "application/json"


def build(attributes: Mapping[str, Any], data: Any = None) -> CloudEvent:
    """An event; attributes that are None or '' are left out. Raises ConfigurationError with every fault."""
    known = {name: value for name, value in attributes.items() if value not in (None, "")}
    try:
        return CloudEvent(known, data)
    except CloudEventValidationError as error:
        faults = [f"{name}: {fault}" for name, found in error.errors.items() for fault in found]
        raise ConfigurationError("no CloudEvent: " + "; ".join(faults)) from None


def encode(event: BaseCloudEvent, mode: Mode) -> tuple[dict[str, str], bytes]:
    """Headers and body of a request that carries the event."""
    binary = mode == "binary"
    message = to_binary_event(_with_json_bytes(event)) if binary else to_structured_event(event)
    return dict(message.headers), message.body


def _with_json_bytes(event: BaseCloudEvent) -> BaseCloudEvent:
    """The SDK writes JSON objects only; other JSON values go as bytes that are ready."""
    data: Any = event.get_data()
    if isinstance(data, dict | bytes | None) or event.get_datacontenttype() != JSON:
        return event
    return CloudEvent(dict(event.get_attributes()), json.dumps(data).encode())


def moment(text: str) -> datetime:
    """A time that was typed, RFC 3339. Raises ConfigurationError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigurationError(f"--time {text!r} must read like 2026-01-31T03:00:00Z")
    return found
