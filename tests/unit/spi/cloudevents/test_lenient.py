"""Nearly lawful events: the nearest lawful one, with nothing lost; and refusal where none is near."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.attributes import violations
from gateway.domain.errors import Malformed
from gateway.domain.event import DataForm
from gateway.domain.members import CARRIER, as_sent
from gateway.domain.syntax import is_uri_reference
from gateway.spi.cloudevents import encode, structured
from gateway.spi.cloudevents.lenient import MAX_JSON_TEXT, from_headers, from_json, uri_reference

PLAIN = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def read(data=None, **members):
    body = {**PLAIN, **members}
    return from_json(json.dumps(body if data is None else {**body, "data": data}).encode())


def ce(members):
    return {f"ce-{name}": value for name, value in members.items()}


def refusal(read, *args):
    with pytest.raises(Malformed) as caught:
        read(*args)
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"time": "2026-01-01T00:00:00Z", "subject": "x", "flag": True, "n": -5},
        {"datacontenttype": "text/plain", "data": "hello"},
        {"data_base64": "aGk="},
        {"data": {"b": 1, "a": [1.0, None]}},
        {"data": None},
        {CARRIER: "mine"},
    ],
)
def test_a_lawful_event_comes_through_unchanged(members):
    body = json.dumps({**PLAIN, **members}).encode()
    assert from_json(body) == structured.decode(body)


def test_data_stays_the_bytes_received():
    body = (
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","a_b":1,"data":{ "x" : 1.0e5,"y":"\\u00e9"}}'
    )
    assert from_json(body).data == b'{ "x" : 1.0e5,"y":"\\u00e9"}'


@pytest.mark.parametrize(
    ("name", "value", "lawful"),
    [
        ("message_subject", "x", None),
        ("notification-type", "x", None),
        ("Title", "x", None),
        ("größe", "x", None),
        ("", "x", None),
        ("fraction", 1.5, "1.5"),
        ("large", 2**31, "2147483648"),
        ("huge", 10**40, "1" + "0" * 40),
        ("list", ["a", {"b": None}], '["a",{"b":null}]'),
        ("object", {"a": "\x7f\x80\uffff"}, '{"a":"\\u007f\\u0080\\uffff"}'),
        ("text", "a\nb\tc\x7f\x80\uffff\U0001ffffd", "a b c    d"),
        ("time", "06/06/2022, 14:23:01", None),
        ("time", 1654525381, None),
        ("subject", "", None),
        ("subject", "a\nb", "a b"),
        ("dataschema", "not a uri", None),
        ("datacontenttype", "json", None),
        ("source", "1234-1234-sdfs-234:test", "./1234-1234-sdfs-234:test"),
        ("source", "My Source", "My%20Source"),
    ],
)
def test_what_is_not_lawful_is_carried_beside_the_nearest_lawful_value(name, value, lawful):
    event = read(**{name: value})
    assert event.attributes.get(name) == lawful
    assert as_sent(event)[name] == value
    assert violations(event.attributes) == []


def test_null_members_are_absent():
    assert read(time=None, attachments=None, message_subject=None).attributes == PLAIN


def test_much_json_is_only_carried():
    files = [{"content": "x" * MAX_JSON_TEXT}]
    event = read(attachments=files)
    assert "attachments" not in event.attributes
    assert as_sent(event)["attachments"] == files


def test_a_carrier_of_the_senders_own_is_carried_too():
    assert as_sent(read(**{CARRIER: "mine", "a_b": 1}))[CARRIER] == "mine"


def test_numbers_are_carried_digit_for_digit():
    body = (
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","a_b": [1.10, 1e999, 100000000000000000000]}'
    )
    assert from_json(body).attributes[CARRIER] == '{"a_b":[1.10,1e999,100000000000000000000]}'


@pytest.mark.parametrize(
    ("content", "data", "form", "kept"),
    [
        ("text/plain", "a\nb", DataForm.TEXT, b"a\nb"),
        ("text/plain", {"a": 1}, DataForm.JSON, b'{"a": 1}'),
        ("application/json", "text", DataForm.JSON, b'"text"'),
        ("nonsense", "text", DataForm.JSON, b'"text"'),
    ],
)
def test_data_that_its_content_type_does_not_fit_is_json(content, data, form, kept):
    event = read(data, datacontenttype=content, a_b=1)
    assert (event.form, event.data) == (form, kept)
    assert as_sent(event)["datacontenttype"] == content
    assert structured.decode(encode.structured(event)) == event


def test_control_characters_in_strings_are_read_as_if_escaped():
    body = (
        b'{\n\t"specversion": "1.0", "id":"1", "source":"/s", "type":"t", "data":{"a":"x\r\n\ty \\" \\\\"}}'
    )
    assert json.loads(from_json(body).data) == {"a": 'x\r\n\ty " \\'}
    assert from_headers(ce(PLAIN), b'{"a":"x\ny"}').data == b'{"a":"x\\u000ay"}'


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"id": ""}, ("attribute_empty", "/id")),
        ({"id": None}, ("attribute_missing", "/id")),
        ({"id": 5}, ("attribute_type_invalid", "/id")),
        ({"id": 1.5}, ("attribute_type_invalid", "/id")),
        ({"id": "a\nb"}, ("character_forbidden", "/id")),
        ({"type": ["t"]}, ("attribute_type_invalid", "/type")),
        ({"source": ""}, ("attribute_empty", "/source")),
        ({"source": {}}, ("attribute_type_invalid", "/source")),
        ({"specversion": "0.3"}, ("specversion_unsupported", "/specversion")),
    ],
)
def test_what_has_to_be_lawful_is_refused(members, problem):
    assert refusal(from_json, json.dumps({**PLAIN, "a_b": 1, **members}).encode()) == [problem]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_empty"),
        (b"[]", "not_an_object"),
        (b"{", "json_malformed"),
        (b'{"a":"\n', "json_malformed"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":NaN}', "json_malformed"),
        (b'{"a_b":1,"a_b":2}', "member_repeated"),
        (json.dumps({**PLAIN, "a_b": "\ud800"}).encode(), "json_malformed"),
    ],
)
def test_text_that_is_no_json_is_refused(body, code):
    assert refusal(from_json, body)[0][0] == code


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("member", ["data", "a_b", "list"])
def test_deep_nesting_is_refused(member):
    text = json.dumps({**PLAIN, "x_y": 1})[:-1]
    assert from_json(f'{text},"{member}":{nested(60)}}}'.encode()).id == "1"
    body = f'{text},"{member}":{nested(65)}}}'.encode()
    assert refusal(from_json, body) == [("json_too_deep", f"/{member}")]


def test_headers_are_members_too():
    headers = {
        **ce({**PLAIN, "source": "My%20Source", "notification-type": '"quoted \\" text"'}),
        "ce-ibmenpushto": '{"user_ids": ["a", "b"]}',
        "ce-ibmenhtmlbody": "a%0Ab",
        "ce-time": "yesterday",
        "user-agent": "x",
        "content-type": "application/json",
    }
    event = from_headers(headers, b'{"a":1}')
    assert event.attributes["ibmenpushto"] == '{"user_ids": ["a", "b"]}'
    assert as_sent(event) == {
        **PLAIN,
        "source": "My Source",
        "notification-type": 'quoted " text',
        "ibmenpushto": '{"user_ids": ["a", "b"]}',
        "ibmenhtmlbody": "a\nb",
        "time": "yesterday",
        "datacontenttype": "application/json",
    }
    assert (event.form, event.data) == (DataForm.JSON, b'{"a":1}')


@pytest.mark.parametrize("lenient", [{}, {"ce-a_b": "x"}])
@pytest.mark.parametrize(
    ("content", "body", "form"),
    [
        (None, b'{"a":1}', DataForm.JSON),
        ("application/json", b"", DataForm.NONE),
        ("application/octet-stream", b"\x00", DataForm.BINARY),
    ],
)
def test_the_body_of_binary_mode_is_json_unless_stated(lenient, content, body, form):
    headers = {**ce(PLAIN), **lenient} | ({"content-type": content} if content else {})
    event = from_headers(headers, body)
    assert (event.form, event.data) == (form, body or None)


def test_a_header_that_is_no_utf8_is_read_with_replacements():
    assert from_headers({**ce(PLAIN), "ce-title": "caf\xe9"}, b"").attributes["title"] == "caf\ufffd"


def test_a_body_that_is_no_json_is_refused():
    assert refusal(from_headers, ce(PLAIN), b"{")[0][0] == "json_malformed"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_has_a_uri_reference_near_it(text):
    found = uri_reference(text)
    assert is_uri_reference(found)
    assert uri_reference(found) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("com.ibm.cloud.is.backup-policy", "com.ibm.cloud.is.backup-policy"),
        ("crn:v1:bluemix:public:is:us-south:a/b::backup-policy:",) * 2,
        ("apisource/git",) * 2,
        ("1:2", "./1:2"),
        ("100%", "100%25"),
        ("http://[bad", "http%3A//%5Bbad"),
        ("größe", "gr%C3%B6%C3%9Fe"),
    ],
)
def test_as_little_as_can_be_is_changed(text, found):
    assert uri_reference(text) == found


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.dictionaries(
    st.sampled_from(["time", "subject", "dataschema", "datacontenttype", "ibmenmailto", "a_b"]) | st.text(),
    values,
    max_size=5,
)


@given(members, st.booleans())
def test_nothing_that_is_sent_is_lost(sent, with_data):
    sent = {**sent, **PLAIN}
    data = sent.pop("data", None)
    sent.pop("data_base64", None)
    body = {**sent, "data": data} if with_data else sent
    event = from_json(json.dumps(body).encode())
    assert violations(event.attributes) == []
    assert (json.loads(event.data) if event.form is DataForm.JSON else event.data) in (
        data,
        str(data).encode(),
    )
    assert as_sent(event) == {name: value for name, value in sent.items() if value is not None}
    assert structured.decode(encode.structured(event)) == event


@given(
    st.binary(),
    st.dictionaries(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255))),
)
def test_garbage_is_only_ever_malformed(body, headers):
    for reading in (
        lambda: from_json(body),
        lambda: from_headers(headers, body),
        lambda: from_headers(ce(PLAIN), body),
    ):
        try:
            assert violations(reading().attributes) == []
        except Malformed as refusal:
            assert refusal.problems


def test_a_string_without_an_end_is_read_once():
    assert refusal(from_json, b'{"a":"' + b'\\"' * 500_000) == [("json_malformed", "")]


def test_a_text_of_nothing_but_control_characters_is_spaces():
    text = "\n\x80\uffff" * 20_000
    event = read(text=text)
    assert event.attributes["text"] == " " * 60_000
    assert as_sent(event)["text"] == text
