"""Binary mode, rule by rule: headers to attributes, body to data."""

from __future__ import annotations

import pytest

from gateway.domain.errors import Malformed
from gateway.domain.event import DataForm
from gateway.spi.cloudevents import binary

REQUIRED = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-type", b"t"), (b"ce-source", b"/s")]


def decoded(*headers: tuple[bytes, bytes], body: bytes = b""):
    return binary.decode([(b"Host", b"x"), *REQUIRED, *headers], body)


def refused(*headers: tuple[bytes, bytes], body: bytes = b"", required=REQUIRED) -> list[str]:
    with pytest.raises(Malformed) as caught:
        binary.decode([*required, *headers], body)
    assert all(problem.expected and problem.pointer == "" for problem in caught.value.problems)
    return [problem.code for problem in caught.value.problems]


def test_every_attribute_comes_from_a_header_and_is_a_string():
    event = decoded(
        (b"ce-time", b"2018-04-05T03:56:24Z"), (b"ce-ext", b"5"), (b"Content-Type", b"text/plain")
    )
    assert event.attributes == {
        "specversion": "1.0",
        "id": "1",
        "type": "t",
        "source": "/s",
        "time": "2018-04-05T03:56:24Z",
        "ext": "5",
        "datacontenttype": "text/plain",
    }
    assert (event.form, event.data) == (DataForm.NONE, None)


def test_header_names_are_case_insensitive():
    headers = [(name.upper(), value) for name, value in REQUIRED]
    event = binary.decode([*headers, (b"Ce-MyExt", b"x"), (b"CONTENT-type", b"a/b")], b"")
    assert set(event.attributes) == {"specversion", "id", "type", "source", "myext", "datacontenttype"}


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        (b"Euro%20%e2%82%ac%20%f0%9f%98%80", "Euro € 😀"),
        (b"%41%42c", "ABc"),
        (b"%2541", "%41"),
        (b"100%", "100%"),
        (b"%", "%"),
        (b"%zz%4", "%zz%4"),
        (b"%%41", "%A"),
        (b"a b", "a b"),
        (b"  a b\t", "a b"),
        (b'"a b"', "a b"),
        (b'"a \\"b\\" \\\\ \\c"', 'a "b" \\ c'),
        (b'"Euro%20%E2%82%AC"', "Euro €"),
        (b'"%22"', '"'),
        (b'""', ""),
        (b'"', '"'),
        (b'"a', '"a'),
        (b'a"', 'a"'),
        (b'a "b" c', 'a "b" c'),
        (b'"a" "b"', '"a" "b"'),
        (b'"a\\"', '"a\\"'),
        (b'{"user_id": "x"}', '{"user_id": "x"}'),
        ("größe €".encode(), "größe €"),
        (b"%C3\xa9", "\u00c3\u00a9".encode("latin-1").decode()),
        (b"", ""),
        (b"a\\b", "a\\b"),
        (b"+", "+"),
        (b"(comment)", "(comment)"),
    ],
)
def test_a_value_loses_quotes_then_one_round_of_percent_encoding(value, meaning):
    assert decoded((b"ce-ext", value)).attributes["ext"] == meaning


@pytest.mark.parametrize(
    "value",
    [
        b"%C0%A0",
        b"%ED%A0%80",
        b"%ED%A0%BD%ED%B8%80",
        b"%F4%90%80%80",
        b"%FF",
        b"%E2%82",
        b"\xe9t\xe9",
        b"\xc0\xa0",
        b'"%C0%A0"',
    ],
)
def test_what_does_not_decode_to_utf_8_is_refused(value):
    assert refused((b"ce-ext", value)) == ["header_not_utf8"]
    assert refused((b"ce-time", value)) == ["header_not_utf8"]


@pytest.mark.parametrize(
    "value",
    [b"%0D%0AX-Evil:%201", b"%00", b"a\tb", b"%7F", b"%C2%85", b"%EF%BF%BF", b"%EF%B7%90", b"\x7f", b"\x00"],
)
def test_the_character_rules_hold_after_decoding(value):
    assert refused((b"ce-ext", value)) == ["character_forbidden"]


def test_an_attribute_occurs_at_most_once():
    assert refused((b"ce-ext", b"a"), (b"CE-EXT", b"a")) == ["header_repeated"]
    assert refused((b"ce-id", b"1")) == ["header_repeated"]
    assert refused((b"content-type", b"a/b"), (b"Content-Type", b"a/b")) == ["header_repeated"]


def test_the_content_type_is_the_datacontenttype_and_no_other_header_is():
    assert refused((b"ce-datacontenttype", b"text/plain")) == ["datacontenttype_header"]
    assert refused((b"Content-Type", b"text/plain"), (b"ce-datacontenttype", b"text/plain")) == [
        "datacontenttype_header"
    ]
    assert refused((b"ce-DataContentType", b"text/plain"), (b"Content-Type", b"x")) == [
        "datacontenttype_header"
    ]


@pytest.mark.parametrize(
    "content_type", [b"xyz", b"", b"text/", b"text/pl\xe4in", b"text/plain;", b"a/b, c/d"]
)
def test_the_content_type_is_a_media_type(content_type):
    assert set(refused((b"Content-Type", content_type))) <= {"media_type_invalid", "attribute_empty"}


@pytest.mark.parametrize("name", [b"ce-", b"ce-data", b"ce-my_ext", b"ce-my-ext", b"ce-a.b", b"ce-\xe9"])
def test_a_name_that_is_no_attributes_is_refused(name):
    assert refused((name, b"x")) == ["attribute_name_invalid"]


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({b"ce-id": None}, ["attribute_missing"]),
        ({b"ce-id": b""}, ["attribute_empty"]),
        ({b"ce-id": b'""'}, ["attribute_empty"]),
        ({b"ce-specversion": b"0.3"}, ["specversion_unsupported"]),
        ({b"ce-source": b"a%20b"}, ["uri_reference_invalid"]),
        ({b"ce-source": b"/a%2520b"}, []),
        ({b"ce-subject": b""}, ["attribute_empty"]),
        ({b"ce-dataschema": b"/x"}, ["uri_invalid"]),
        ({b"ce-time": b"yesterday"}, ["timestamp_invalid"]),
        ({b"ce-time": b"x", b"ce-id": None, b"ce-A": b""}, ["attribute_missing", "timestamp_invalid"]),
    ],
)
def test_the_laws_of_attributes_hold(changes, codes):
    headers = [(name, value) for name, value in {**dict(REQUIRED), **changes}.items() if value is not None]
    if codes:
        assert refused(required=headers) == codes
    else:
        assert binary.decode(headers, b"")


def test_a_problem_names_its_header():
    with pytest.raises(Malformed) as caught:
        decoded((b"Content-Type", b"x"), (b"ce-time", b"x"), (b"ce-ext", b"\xff"))
    details = [problem.detail for problem in caught.value.problems]
    assert details[0].startswith("header ce-ext: ")
    assert details[1].startswith("header ce-time: ")
    assert details[2].startswith("header Content-Type: ")


def test_a_request_without_any_attribute_is_told_how_to_send_an_event():
    for headers in ([], [(b"Content-Type", b"application/json")], [(b"cer-id", b"1"), (b"ce", b"x")]):
        assert refused(required=headers, body=b"{}") == ["cloudevent_missing"]


@pytest.mark.parametrize(
    ("content_type", "body", "form"),
    [
        (None, b"", DataForm.NONE),
        (b"application/json", b"", DataForm.NONE),
        (None, b"{}", DataForm.BINARY),
        (b"application/json", b' {"a": 1E2}\n', DataForm.JSON),
        (b"application/json", b"null", DataForm.JSON),
        (b"application/json", b'"I\'m just a string"', DataForm.JSON),
        (b"APPLICATION/Vnd.x+JSON; charset=utf-8", b"[]", DataForm.JSON),
        (b"text/plain", b"plain", DataForm.TEXT),
        (b"text/plain", b"caf\xc3\xa9", DataForm.TEXT),
        (b"text/plain", b"caf\xe9", DataForm.BINARY),
        (b"text/plain; charset=iso-8859-1", b"cafe", DataForm.BINARY),
        (b"application/xml", b"<a/>", DataForm.TEXT),
        (b"image/svg+xml", b"<svg/>", DataForm.TEXT),
        (b"application/octet-stream", b"plain", DataForm.BINARY),
        (b"image/png", b"\x89PNG", DataForm.BINARY),
    ],
)
def test_the_body_is_the_data_unchanged_in_the_form_of_its_content_type(content_type, body, form):
    headers = [] if content_type is None else [(b"Content-Type", content_type)]
    event = decoded(*headers, body=body)
    assert (event.form, event.data) == (form, body or None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"I'm just a string", "json_malformed"),
        (b"{} {}", "json_malformed"),
        (b"NaN", "json_malformed"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
        (b"[" * 65 + b"]" * 65, "json_too_deep"),
        (b"[" * 100_000, "json_too_deep"),
        (b" ", "json_malformed"),
    ],
)
def test_a_json_body_is_strict_json(body, code):
    assert refused((b"Content-Type", b"application/json"), body=body) == [code]
    assert decoded((b"Content-Type", b"application/json"), body=b"[" * 64 + b"]" * 64).form is DataForm.JSON


def test_problems_of_headers_and_body_are_told_together():
    codes = refused((b"ce-time", b"x"), (b"ce-ext", b"%FF"), (b"Content-Type", b"text/json"), body=b"{")
    assert codes == ["header_not_utf8", "timestamp_invalid", "json_malformed"]


def test_a_line_feed_in_a_raw_value_cannot_shift_the_others():
    assert refused((b"ce-a", b"x\ny"), (b"ce-b", b"z")) == ["character_forbidden"]
    event = decoded((b"ce-a", b"x y"), (b"ce-b", b"z"))
    assert (event.attributes["a"], event.attributes["b"]) == ("x y", "z")


def test_a_16_kib_attribute_is_taken_whole():
    assert decoded((b"ce-subject", b"%C3%A9" * 8192)).attributes["subject"] == "é" * 8192
