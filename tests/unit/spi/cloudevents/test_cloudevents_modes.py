"""Which mode a message is in is said by its Content-Type alone."""

from __future__ import annotations

import json

import pytest

from gateway.domain.errors import Malformed, TooLarge, UnsupportedMedia
from gateway.domain.event import DataForm
from gateway.spi.cloudevents.decode import Mode, decode, mode

ATTRIBUTES = {"specversion": "1.0", "id": "1", "type": "t", "source": "/s"}
STRUCTURED = json.dumps(ATTRIBUTES).encode()
BINARY = [(f"ce-{name}".encode(), value.encode()) for name, value in ATTRIBUTES.items()]


def with_type(content_type: str) -> list[tuple[bytes, bytes]]:
    return [(b"Host", b"x"), (b"cOnTent-Type", content_type.encode()), (b"Content-Length", b"1")]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/cloudevents+json", Mode.STRUCTURED),
        ("application/cloudevents+json; charset=UTF-8", Mode.STRUCTURED),
        ("application/cloudevents+json;charset=us-ascii", Mode.STRUCTURED),
        (" Application/CloudEvents+JSON ; a=b", Mode.STRUCTURED),
        ("application/cloudevents-batch+json", Mode.BATCHED),
        ("APPLICATION/CLOUDEVENTS-BATCH+JSON; charset=utf-8", Mode.BATCHED),
        ("application/json", Mode.BINARY),
        ("application/cloudevent+json", Mode.BINARY),
        ("text/plain; a=application/cloudevents+json", Mode.BINARY),
        ("", Mode.BINARY),
    ],
)
def test_the_content_type_says_which_mode(content_type, expected):
    assert mode(with_type(content_type)) is expected


def test_no_content_type_is_binary():
    assert mode([]) is Mode.BINARY


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json", "application/cloudevents-batch+json"]
)
def test_attributes_in_headers_do_not_make_a_message_binary(content_type):
    body = STRUCTURED if content_type.endswith("s+json") else b"[" + STRUCTURED + b"]"
    duplicate = [*with_type(content_type), (b"ce-id", b"other"), (b"ce-id", b"\xff"), (b"ce-Bad_Name", b"")]
    (event,), batched = decode(duplicate, body)
    assert event.id == "1"
    assert batched is ("batch" in content_type)


def test_a_structured_body_under_another_content_type_is_no_structured_event():
    with pytest.raises(Malformed) as caught:
        decode(with_type("application/json"), STRUCTURED)
    assert caught.value.code == "cloudevent_missing"
    assert "application/cloudevents+json" in caught.value.problems[0].expected


def test_binary_mode_is_decoded_with_its_content_type():
    (event,), batched = decode([*with_type("application/json"), *BINARY], b"[1]")
    assert (event.form, event.data, batched) == (DataForm.JSON, b"[1]", False)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents",
        "application/cloudevents+avro",
        "application/cloudevents+protobuf; charset=utf-8",
        "application/cloudevents-batch",
        "application/cloudevents-batch+xml",
        "application/cloudevents+json+zip",
        "application/cloudevents+json, application/json",
    ],
)
def test_an_unknown_event_format_is_415_unless_the_headers_hold_an_event(content_type):
    with pytest.raises(UnsupportedMedia) as caught:
        decode(with_type(content_type), b"\xff\x01")
    assert (caught.value.status, caught.value.code) == (415, "event_format_unsupported")
    assert "application/cloudevents+json" in caught.value.problems[0].expected
    if "," not in content_type:
        (event,), _ = decode([*with_type(content_type), *BINARY], b"\xff\x01")
        assert (event.form, event.data) == (DataForm.BINARY, b"\xff\x01")
        assert event.attributes["datacontenttype"] == content_type


@pytest.mark.parametrize("charset", ["utf-16", "ISO-8859-1", '"latin1"'])
def test_json_in_another_charset_is_415(charset):
    with pytest.raises(UnsupportedMedia) as caught:
        decode(with_type(f"application/cloudevents+json; charset={charset}"), STRUCTURED)
    assert caught.value.code == "charset_unsupported"


def test_two_content_types_are_refused_in_every_mode():
    for content_type in ("application/cloudevents+json", "text/plain"):
        with pytest.raises(Malformed) as caught:
            decode([*with_type("application/cloudevents+json"), *with_type(content_type)], STRUCTURED)
        assert caught.value.code == "header_repeated"


def test_the_limit_of_a_batch_is_the_callers():
    body = b"[" + STRUCTURED + b"," + STRUCTURED + b"]"
    headers = with_type("application/cloudevents-batch+json")
    assert len(decode(headers, body, max_events=2)[0]) == 2
    with pytest.raises(TooLarge):
        decode(headers, body, max_events=1)
