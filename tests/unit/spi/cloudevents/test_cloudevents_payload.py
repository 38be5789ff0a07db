"""The data as a value, and what is no value."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from gateway.domain.event import DataForm, Event
from gateway.domain.view import MISSING
from gateway.spi.cloudevents import structured
from gateway.spi.cloudevents.payload import payload

ATTRIBUTES = {"specversion": "1.0", "id": "1", "type": "t", "source": "/s"}


def of(form, data, content=None):
    attributes = ATTRIBUTES if content is None else {**ATTRIBUTES, "datacontenttype": content}
    return payload(Event(attributes, data, form))


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"null", None),
        (b"0", 0),
        (b' {"a": [1, "\xc3\xa9"]} ', {"a": [1, "é"]}),
        (b'"{}"', "{}"),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"9223372036854775807", 9223372036854775807),
        (b"18446744073709551615", 18446744073709551615),
        (b"12345678901234567890123", 1.2345678901234568e22),
        (b"1e400", sys.float_info.max),
        (
            b"[-1e400, 1, 1.5, 9223372036854775807, -9223372036854775808]",
            [-sys.float_info.max, 1, 1.5, 2**63 - 1, -(2**63)],
        ),
        (b"[1e400, 99999999999999999999]", [sys.float_info.max, 1e20]),
        (b"1" * 5000, sys.float_info.max),
        (b"1e-400", 0.0),
        (b'"\\u0000"', "\x00"),
    ],
)
def test_json_data_is_a_value(data, value):
    assert of(DataForm.JSON, data) == value
    assert (
        structured.decode(json.dumps(ATTRIBUTES).encode()[:-1] + b',"data":' + data + b"}").data
        == data.strip()
    )


def test_absent_and_foreign_data_is_missing_and_not_null():
    assert of(DataForm.NONE, None) is MISSING
    assert of(DataForm.NONE, None, "application/json") is MISSING
    assert of(DataForm.TEXT, b"{}", "text/plain") is MISSING
    assert of(DataForm.BINARY, b"{}") is MISSING
    assert of(DataForm.BINARY, b"{}", "application/octet-stream") is MISSING


def test_base64_data_that_is_declared_json_is_read_as_such():
    body = json.dumps(
        {
            **ATTRIBUTES,
            "datacontenttype": "application/json",
            "data_base64": base64.b64encode(b'{"a":1}').decode(),
        }
    )
    event = structured.decode(body.encode())
    assert event.form is DataForm.BINARY
    assert payload(event) == {"a": 1}


@pytest.mark.parametrize("data", [b"", b"{", b'"\xff"', b"NaN", b"[" * 65 + b"]" * 65, b"[" * 100_000])
def test_base64_data_that_only_claims_to_be_json_is_missing(data):
    assert of(DataForm.BINARY, data, "application/json") is MISSING
