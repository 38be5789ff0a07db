"""Events on their way out: exact bytes, and nothing invented."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from gateway.domain.event import DataForm, Event
from gateway.spi.cloudevents import encode

ATTRIBUTES = {"specversion": "1.0", "id": "1", "type": "t", "source": "/s"}


def event(form=DataForm.NONE, data=None, **attributes) -> Event:
    return Event({**ATTRIBUTES, **attributes}, data, form)


def test_json_data_is_inserted_byte_for_byte():
    data = b'{ "a" : 1E2, "b": 12345678901234567890123, "a": "\\u00e9" }'
    assert encode.structured(event(DataForm.JSON, data)) == (
        b'{"specversion":"1.0","id":"1","type":"t","source":"/s","data":' + data + b"}"
    )


@pytest.mark.parametrize(
    ("form", "data", "member"),
    [
        (DataForm.JSON, b"null", {"data": None}),
        (DataForm.JSON, b'"text"', {"data": "text"}),
        (DataForm.TEXT, 'a "b"\n\\ é \x00 🎉'.encode(), {"data": 'a "b"\n\\ é \x00 🎉'}),
        (DataForm.TEXT, b"", {"data": ""}),
        (DataForm.BINARY, b"Ma\xff", {"data_base64": "TWH/"}),
        (DataForm.BINARY, b"", {"data_base64": ""}),
        (DataForm.NONE, None, {}),
    ],
)
def test_data_takes_the_member_of_its_form_and_no_content_type_is_invented(form, data, member):
    assert json.loads(encode.structured(event(form, data))) == {**ATTRIBUTES, **member}


def test_attributes_keep_their_types_and_order():
    written = encode.structured(event(a=True, b=False, c=-(2**31), d="é", e='"\\'))
    assert json.loads(written) == {**ATTRIBUTES, "a": True, "b": False, "c": -(2**31), "d": "é", "e": '"\\'}
    assert list(json.loads(written))[:4] == list(ATTRIBUTES)


def test_extra_attributes_are_added_and_never_replace():
    extra = {"ext": 1, "id": "other"}
    assert json.loads(encode.structured(event(), extra)) == {**ATTRIBUTES, "ext": 1}
    headers, _ = encode.binary(event(), extra)
    assert dict(headers) == {f"ce-{name}": value for name, value in ATTRIBUTES.items()} | {"ce-ext": "1"}


def test_attributes_may_be_any_mapping():
    one = Event(MappingProxyType(dict(ATTRIBUTES)))
    assert encode.structured(one) == encode.structured(event())
    assert encode.binary(one) == encode.binary(event())


def test_a_batch_is_an_array():
    assert encode.batch([]) == b"[]"
    assert json.loads(encode.batch([event(), event(DataForm.JSON, b"1")])) == [
        ATTRIBUTES,
        {**ATTRIBUTES, "data": 1},
    ]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ('a"b', "a%22b"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("\x00\r\n\x7f\x85", "%00%0D%0A%7F%C2%85"),
        (
            "".join(map(chr, range(0x21, 0x7F))),
            "".join(map(chr, range(0x21, 0x7F))).replace("%", "%25").replace('"', "%22"),
        ),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
    ],
)
def test_header_values_are_percent_encoded_as_the_binding_says(value, sent):
    headers, body = encode.binary(event(ext=value))
    assert dict(headers)["ce-ext"] == sent
    assert body == b""


@pytest.mark.parametrize(
    ("value", "sent"),
    [('Euro € 100% "x"', 'Euro € 100% "x"'), ("a\r\nX: y\x00", "a%0D%0AX: y%00"), (True, "true")],
)
def test_raw_values_encode_nothing_but_controls(value, sent):
    assert dict(encode.binary(event(ext=value), raw_values=True)[0])["ce-ext"] == sent


@pytest.mark.parametrize(
    ("form", "data", "declared", "sent"),
    [
        (DataForm.JSON, b"{}", None, "application/json"),
        (DataForm.JSON, b'"I\'m just a string"', None, "application/json"),
        (DataForm.JSON, b"{}", "text/json; charset=utf-8", "text/json; charset=utf-8"),
        (DataForm.TEXT, b"x", 'text/plain; a="b c"', 'text/plain; a="b c"'),
        (DataForm.BINARY, b"x", None, None),
        (DataForm.BINARY, b"x", "image/png", "image/png"),
        (DataForm.NONE, None, None, None),
        (DataForm.NONE, None, "text/plain", "text/plain"),
    ],
)
def test_the_content_type_is_the_declared_or_the_implied_one(form, data, declared, sent):
    attributes = {} if declared is None else {"datacontenttype": declared}
    headers, body = encode.binary(event(form, data, **attributes))
    assert dict(headers).get("Content-Type") == sent
    assert "ce-datacontenttype" not in dict(headers)
    assert body == (data or b"")


def test_no_attribute_can_end_a_header_line():
    one = event(ext="a\r\nX: y", datacontenttype="text/plain\r\nX: y")
    for raw_values in (False, True):
        headers, _ = encode.binary(one, raw_values=raw_values)
        assert not any(control in value for _, value in headers for control in "\r\n\0")


def test_null_data_goes_out_as_json_null():
    assert encode.binary(event(DataForm.JSON, b"null"))[1] == b"null"
