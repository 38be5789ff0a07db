"""Events that commands build with the CloudEvents SDK, read back by the gateway's own codec."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gateway.cli.cloudevent import build, encode, moment
from gateway.domain.errors import ConfigurationError
from gateway.spi.cloudevents import binary, structured

ATTRIBUTES = {
    "id": "1",
    "source": "/db1",
    "type": "backup.failed",
    "subject": None,
    "title": "größe 100 %",
    "gone": "",
}


@pytest.mark.parametrize("data", [None, {"a": [1]}, [1, {"b": None}], "text", 7, True])
def test_both_modes_carry_the_same_event(data):
    typed = ATTRIBUTES if data is None else ATTRIBUTES | {"datacontenttype": "application/json"}
    event = build(typed, data)
    _, body = encode(event, "structured")
    first = structured.decode(body)
    headers, body = encode(event, "binary")
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    second = binary.decode(raw, body)
    assert dict(first.attributes) == dict(second.attributes)
    assert first.attributes["title"] == "größe 100 %"
    assert "subject" not in first.attributes and "gone" not in first.attributes
    read = [None if event.data is None else json.loads(event.data) for event in (first, second)]
    assert read == [data, data]


def test_every_fault_of_an_event_is_said_at_once():
    with pytest.raises(ConfigurationError, match=r"(?s)type.*Bad-Name|Bad-Name.*type"):
        build({"id": "1", "source": "/x", "Bad-Name": "1"})


@pytest.mark.parametrize("text", ["yesterday", "2026-01-31", "2026-01-31T03:00:00"])
def test_a_time_needs_a_zone(text):
    with pytest.raises(ConfigurationError, match="--time"):
        moment(text)


def test_a_time_is_read():
    assert moment("2026-01-31T03:00:00Z") == datetime(2026, 1, 31, 3, tzinfo=UTC)
