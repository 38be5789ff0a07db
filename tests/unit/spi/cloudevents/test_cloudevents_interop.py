"""Against the CloudEvents SDK where it is right: each side reads what the other writes, to the same event.

Where it is not (missing attributes invented, JSON strings sent unquoted, `True` for true, times
rewritten), nothing is compared.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_binary,
    from_structured,
    to_binary,
    to_structured,
)
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from gateway.domain.event import Event
from gateway.spi.cloudevents import encode
from gateway.spi.cloudevents.decode import decode
from gateway.spi.cloudevents.payload import payload

REQUIRED = {"id": "A-1", "source": "https://example.com/backup", "type": "com.example.backup.failed"}
CASES = [
    ({}, None),
    ({"datacontenttype": "application/json"}, {"job": "nightly", "sizes": [1, 2.5, None], "name": "Größe €"}),
    ({"datacontenttype": "application/json; charset=utf-8"}, {"a": {"b": {"c": []}}}),
    ({"datacontenttype": "text/plain"}, "Sicherung fehlgeschlagen: Größe € 🎉"),
    ({"datacontenttype": "application/octet-stream"}, b"\x00\xff\xfe binary"),
    ({"subject": 'Euro € 😀 "quoted" 100%', "dataschema": "https://example.com/schema"}, None),
    ({"time": datetime(2026, 7, 28, 10, 11, 12, 345678, tzinfo=UTC)}, None),
    ({"severitytext": "ERROR", "partitionkey": "a b%20c"}, None),
]


def raw(message: HTTPMessage) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in message.headers.items()]


def same(ours: Event, theirs: CloudEvent) -> None:
    attributes = {name: value for name, value in theirs.get_attributes().items() if value is not None}
    if "time" in attributes:
        assert datetime.fromisoformat(str(ours.attributes["time"])) == attributes.pop("time")
    assert {name: value for name, value in ours.attributes.items() if name != "time"} == attributes
    value = theirs.get_data()
    if isinstance(value, dict):
        assert payload(ours) == value
    else:
        assert ours.data == (value.encode() if isinstance(value, str) else value)


@pytest.mark.parametrize(("attributes", "data"), CASES)
def test_what_the_sdk_sends_is_read_to_the_same_event(attributes, data):
    theirs = CloudEvent({**REQUIRED, "specversion": "1.0", "time": datetime.now(UTC), **attributes}, data)
    for message in (to_structured(theirs, JSONFormat()), to_binary(theirs, JSONFormat())):
        (ours,), batched = decode(raw(message), message.body)
        assert not batched
        same(ours, theirs)


@pytest.mark.parametrize(("attributes", "data"), CASES)
def test_what_is_sent_the_sdk_reads_to_the_same_event(attributes, data):
    source = CloudEvent({**REQUIRED, "specversion": "1.0", "time": datetime.now(UTC), **attributes}, data)
    message = to_structured(source, JSONFormat())
    (ours,), _ = decode(raw(message), message.body)
    headers, body = encode.binary(ours)
    same(ours, from_binary(HTTPMessage(dict(headers), body), JSONFormat(), CloudEvent))
    structured = HTTPMessage({"content-type": encode.STRUCTURED_TYPE}, encode.structured(ours))
    same(ours, from_structured(structured, JSONFormat(), CloudEvent))
