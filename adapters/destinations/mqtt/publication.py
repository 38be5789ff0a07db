"""What is published of an event, by the CloudEvents MQTT binding (section 3)."""

from __future__ import annotations

from typing import NamedTuple

from gateway.domain.event import DataForm, canonical
from gateway.spi.cloudevents import encode
from gateway.spi.message import Message

_HEAD = 64
"""Bytes, generously, that a PUBLISH takes beside topic, properties and payload."""

_PAIR = 5


class Publication(NamedTuple):
    """One PUBLISH with QoS 1. `correlation` is the delivery's id, the same on every try."""

    topic: str
    payload: bytes
    content_type: str
    correlation: bytes
    user_properties: tuple[tuple[str, str], ...] = ()
    retain: bool = False

    @property
    def size(self) -> int:
        """About as many bytes as the packet takes, never fewer."""
        pairs = sum(len(name) + len(value.encode()) + _PAIR for name, value in self.user_properties)
        named = len(self.topic) + len(self.content_type.encode()) + len(self.correlation)
        return _HEAD + named + pairs + len(self.payload)

    @property
    def kept(self) -> bytes:
        """What to keep of it: the payload, in binary mode below the properties."""
        if not self.user_properties:
            return self.payload
        fields = [("Content Type", self.content_type), *self.user_properties]
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return b"%b\r\n%b" % (lines.encode("utf-8", "replace"), self.payload)


def structured(message: Message, topic: str, *, retain: bool) -> Publication:
    """The event as one JSON object."""
    return Publication(
        topic,
        encode.structured(message.event),
        f"{encode.STRUCTURED_TYPE}; charset=utf-8",
        message.delivery_id.encode(),
        retain=retain,
    )


def binary(message: Message, topic: str, *, retain: bool) -> Publication:
    """The event's data, its attributes as user properties by their bare names."""
    event = message.event
    implied = "application/json" if event.form is DataForm.JSON else "application/octet-stream"
    content_type = event.text("datacontenttype") or implied
    attributes = tuple(
        (name, value if isinstance(value, str) else canonical(value))
        for name, value in event.attributes.items()
        if name != "datacontenttype"
    )
    return Publication(
        topic, event.data or b"", content_type, message.delivery_id.encode(), attributes, retain
    )
