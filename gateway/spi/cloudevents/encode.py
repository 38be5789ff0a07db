"""The way out: events as messages in structured, binary or batched mode. The opposite of `decode`.

Data goes out as the bytes that came in. Nothing here checks: an Event is lawful since it was decoded.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping

import orjson

from gateway.domain.event import AttributeValue, DataForm, Event, canonical

STRUCTURED_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"

_NO_EXTRA: Mapping[str, AttributeValue] = {}
_AS_THEY_ARE = frozenset(range(0x21, 0x7F)) - frozenset(b'"%')
_PERCENT = [chr(byte) if byte in _AS_THEY_ARE else f"%{byte:02X}" for byte in range(256)]
_needs_nothing = re.compile(r"[!#$&-~]*+").fullmatch
_controls = re.compile(r"[\x00-\x1f\x7f]")


def structured(event: Event, extra: Mapping[str, AttributeValue] = _NO_EXTRA) -> bytes:
    """The event as one JSON object, of media type STRUCTURED_TYPE.

    `extra` adds attributes; one that the event already has keeps the event's value.
    """
    head = orjson.dumps(_with(event, extra))
    data = event.data
    if data is None:
        return head
    match event.form:
        case DataForm.JSON:
            return b'%b,"data":%b}' % (head[:-1], data)
        case DataForm.TEXT:
            return b'%b,"data":%b}' % (head[:-1], orjson.dumps(data.decode()))
    return b'%b,"data_base64":"%b"}' % (head[:-1], b2a_base64(data, newline=False))


def batch(events: Iterable[Event]) -> bytes:
    """The events as one JSON array, of media type BATCH_TYPE."""
    return b"[%b]" % b",".join(map(structured, events))


def binary(
    event: Event, extra: Mapping[str, AttributeValue] = _NO_EXTRA, *, raw_values: bool = False
) -> tuple[list[tuple[str, str]], bytes]:
    """The event as header fields and body; `extra` as in `structured`.

    JSON data whose type was only implied gets an explicit Content-Type (JSON format, 3.1.2). Values are
    percent-encoded; with `raw_values` they are not, but for control characters: for receivers that do not
    decode (Go and Java SDKs, cloudevents/spec#1397). Such headers have to be sent as UTF-8. An empty body
    says that there is no data, so empty text and empty bytes do not survive this mode.
    """
    attributes = _with(event, extra)
    content = attributes.get("datacontenttype", "application/json" if event.form is DataForm.JSON else None)
    write = _raw if raw_values else _percent_encoded
    headers = [
        ("ce-" + name, write(value if type(value) is str else canonical(value)))
        for name, value in attributes.items()
        if name != "datacontenttype"
    ]
    if content is not None:
        headers.append(("Content-Type", _raw(str(content))))
    return headers, event.data or b""


def _with(event: Event, extra: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    if not extra and type(event.attributes) is dict:
        return event.attributes
    return {**event.attributes, **extra, **event.attributes}


def _percent_encoded(value: str) -> str:
    """Space, `"`, `%` and all but printable ASCII as upper-case hex of UTF-8 (HTTP binding, 3.1.3.2)."""
    if _needs_nothing(value):
        return value
    return "".join([_PERCENT[byte] for byte in value.encode()])


def _raw(value: str) -> str:
    return _controls.sub(lambda found: f"%{ord(found[0]):02X}", value)
