"""The JSON format, rule by rule: what is taken, what is refused, with which code and where."""

from __future__ import annotations

import base64
import json

import pytest

from gateway.domain.errors import Malformed
from gateway.domain.event import DataForm
from gateway.spi.cloudevents import structured

MINIMAL = {"specversion": "1.0", "id": "1", "type": "io.example.test", "source": "https://example.io"}


def text(**changes) -> bytes:
    return json.dumps({**MINIMAL, **changes}).encode()


def spliced(members: str) -> bytes:
    """The minimal event with these members written into it as they are."""
    return f'{{"specversion":"1.0","id":"1","type":"t","source":"/s",{members}}}'.encode()


def refused(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as caught:
        structured.decode(body)
    assert all(problem.expected and problem.detail for problem in caught.value.problems)
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in MINIMAL.items() if key != name}).encode()


def test_the_minimal_event_has_four_attributes_and_no_data():
    event = structured.decode(text())
    assert event.attributes == MINIMAL
    assert (event.form, event.data) == (DataForm.NONE, None)


def test_all_types_of_extensions_are_kept():
    extensions = {
        "extinteger": 10,
        "extboolean": True,
        "extfalse": False,
        "extstring": "text",
        "exturi": "https://example.io",
        "exturiref": "//authority/path",
        "exttimestamp": "2023-03-31T15:12:00Z",
        "extbinary": "TWE=",
        "extempty": "",
        "extlow": -(2**31),
    }
    event = structured.decode(text(**extensions))
    assert event.attributes == {**MINIMAL, **extensions}
    assert event.text("extboolean") == "true"


def test_a_null_attribute_is_absent():
    body = text(datacontenttype=None, dataschema=None, subject=None, time=None, extension=None)
    assert structured.decode(body).attributes == MINIMAL


def test_a_null_required_attribute_is_missing():
    assert refused(text(id=None)) == [("attribute_missing", "/id")]


def test_time_is_kept_as_written():
    written = "2018-04-05T17:31:00.120000000+01:00"
    assert structured.decode(text(time=written)).attributes["time"] == written


@pytest.mark.parametrize(
    ("case", "body", "code", "pointer"),
    [
        ("invalidNoSpecVersion", without("specversion"), "attribute_missing", "/specversion"),
        ("invalidNoId", without("id"), "attribute_missing", "/id"),
        ("invalidNoType", without("type"), "attribute_missing", "/type"),
        ("invalidNoSource", without("source"), "attribute_missing", "/source"),
        ("invalidTimeGarbage", text(time="lunchtime"), "timestamp_invalid", "/time"),
        ("invalidTimeToMinute", text(time="2018-04-05T18:31Z"), "timestamp_invalid", "/time"),
        ("invalidTimeOffsetX", text(time="2018-04-05T18:31:00X"), "timestamp_invalid", "/time"),
        ("invalidTimeOffsetOutOfRange", text(time="2018-04-05T18:31:00+25:00"), "timestamp_invalid", "/time"),
        ("invalidTimeOffsetNonInteger", text(time="2018-04-05T18:31:00+xx:00"), "timestamp_invalid", "/time"),
        ("invalidTimeOffsetHourOnly", text(time="2018-04-05T18:31:00+05"), "timestamp_invalid", "/time"),
        ("invalidEmptyId", text(id=""), "attribute_empty", "/id"),
        ("invalidEmptyType", text(type=""), "attribute_empty", "/type"),
        ("invalidEmptySource", text(source=""), "attribute_empty", "/source"),
        ("invalidEmptySpecVersion", text(specversion=""), "attribute_empty", "/specversion"),
        ("invalidUnknownSpecVersion", text(specversion="0.9"), "specversion_unsupported", "/specversion"),
        (
            "invalidNonRfc2046DataContentType",
            text(datacontenttype="xyz"),
            "media_type_invalid",
            "/datacontenttype",
        ),
        ("invalidEmptyDataContentType", text(datacontenttype=""), "attribute_empty", "/datacontenttype"),
        ("invalidEmptyDataSchema", text(dataschema=""), "attribute_empty", "/dataschema"),
        ("invalidEmptySubject", text(subject=""), "attribute_empty", "/subject"),
        ("invalidNumericId", text(id=25), "attribute_type_invalid", "/id"),
        ("invalidObjectId", text(id={"x": "y"}), "attribute_type_invalid", "/id"),
        ("invalidCapitalizedExtension", text(MyExtension="bad"), "attribute_name_invalid", "/MyExtension"),
        (
            "invalidPunctuatedExtension",
            text(**{"my.extension": "bad"}),
            "attribute_name_invalid",
            "/my.extension",
        ),
        ("invalidNonIntegerExtensionValue", text(myextension=1.5), "attribute_type_invalid", "/myextension"),
        (
            "invalidBothDataAndDataBase64",
            text(data="text", data_base64="eyAieHl6IjogMTIzIH0="),
            "data_and_data_base64",
            "/data_base64",
        ),
    ],
)
def test_the_invalid_events_of_the_conformance_suite_are_refused(case, body, code, pointer):
    assert refused(body) == [(code, pointer)], case


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("0", 0),
        ("-0", 0),
        ("-1", -1),
        ("2147483647", 2147483647),
        ("-2147483648", -2147483648),
        ("2147483648", "integer_out_of_range"),
        ("-2147483649", "integer_out_of_range"),
        ("9" * 30, "integer_out_of_range"),
        ("9" * 5000, "integer_out_of_range"),
        ("1.0", "attribute_type_invalid"),
        ("1.5", "attribute_type_invalid"),
        ("1e3", "attribute_type_invalid"),
        ("1E0", "attribute_type_invalid"),
        ("1e400", "attribute_type_invalid"),
        ("-0.0", "attribute_type_invalid"),
        ("{}", "attribute_type_invalid"),
        ('{"a":1}', "attribute_type_invalid"),
        ("[]", "attribute_type_invalid"),
        ("[1]", "attribute_type_invalid"),
        ("01", "json_malformed"),
        ("+1", "json_malformed"),
        ("NaN", "json_malformed"),
        ("Infinity", "json_malformed"),
    ],
)
def test_an_integer_is_an_integer_literal_of_32_bits(value, verdict):
    body = spliced(f'"ext":{value}')
    if isinstance(verdict, int):
        assert structured.decode(body).attributes["ext"] == verdict
    else:
        assert [code for code, _ in refused(body)] == [verdict]


@pytest.mark.parametrize(
    ("literal", "verdict"),
    [
        (r'"\u00e9"', "é"),
        (r'"\uD83C\uDF89"', "🎉"),
        (r'"a\/b\"c\\d"', 'a/b"c\\d'),
        ('"€"', "€"),
        (r'"\u0000"', "character_forbidden"),
        (r'"a\nb"', "character_forbidden"),
        (r'"a\tb"', "character_forbidden"),
        (r'"\u007f"', "character_forbidden"),
        ('"\x7f"', "character_forbidden"),
        ('"\x85"', "character_forbidden"),
        (r'"\u0085"', "character_forbidden"),
        (r'"\uFFFF"', "character_forbidden"),
        (r'"\uFDD0"', "character_forbidden"),
        (r'"\uD83F\uDFFE"', "character_forbidden"),
        (r'"\uDEAD"', "json_malformed"),
        (r'"\uD800"', "json_malformed"),
        (r'"\uD800\u0041"', "json_malformed"),
        ('"\x01"', "json_malformed"),
        ('"a\nb"', "json_malformed"),
        (r'"\q"', "json_malformed"),
        (r'"\u12g4"', "json_malformed"),
        ("'a'", "json_malformed"),
    ],
)
def test_strings_hold_what_the_type_system_allows(literal, verdict):
    body = spliced(f'"subject":{literal}')
    if verdict in ("character_forbidden", "json_malformed"):
        assert [code for code, _ in refused(body)] == [verdict]
    else:
        assert structured.decode(body).attributes["subject"] == verdict


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_empty"),
        (b" ", "json_malformed"),
        (b"{", "json_malformed"),
        (b'{"a":1,}', "json_malformed"),
        (b"{} {}", "json_malformed"),
        (b"{}\x00", "json_malformed"),
        (b"[]", "not_an_object"),
        (b'"x"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"1", "not_an_object"),
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
        ("{}".encode("utf-16"), "byte_order_mark"),
        (b"\x00{", "json_malformed"),
        (spliced('"data":"x"').replace(b"x", b"\xff"), "not_utf8"),
        (spliced('"data":{"a":["x"]}').replace(b"x", b"\xc0\xa0"), "not_utf8"),
        (spliced('"data":"x"').replace(b"x", b"\xed\xa0\x80"), "not_utf8"),
        (spliced('"x":"y"').replace(b"x", b"\xf5\x80\x80\x80"), "not_utf8"),
        (spliced('"data":NaN'), "json_malformed"),
        (spliced('"data":[1e]'), "json_malformed"),
        (spliced(r'"data":["\ud800"]'), "json_malformed"),
        (spliced('"data":{"a":"\x02"}'), "json_malformed"),
        (spliced("\"data\":{'a':1}"), "json_malformed"),
        (spliced('"data":[1,,2]'), "json_malformed"),
        (spliced('"data":1 // one'), "json_malformed"),
    ],
)
def test_a_body_that_is_not_strict_json_is_malformed(body, code):
    assert [found for found, _ in refused(body)] == [code]


@pytest.mark.parametrize(
    "data",
    [
        "null",
        "true",
        "0",
        "-0",
        "1E2",
        "1.50",
        "12345678901234567890123",
        "1e400",
        '""',
        '"a string"',
        '"{\\"not\\": \\"parsed\\"}"',
        '"\\u0000\\n"',
        "{}",
        '{ "a" : 1 , "a" : 2 }',
        '[1,\n\t[2], {"b": "é€🎉"}]',
    ],
)
@pytest.mark.parametrize("content", [None, "application/json", "TEXT/JSON; charset=utf-8", "model/gltf+json"])
def test_json_data_is_kept_as_the_bytes_received(data, content):
    members = f'"data": {data} ' + (f',"datacontenttype":"{content}"' if content else "")
    event = structured.decode(spliced(members))
    assert (event.form, event.data) == (DataForm.JSON, data.encode())


def test_absent_data_and_null_and_a_value_are_three_things():
    forms = [structured.decode(spliced(members)) for members in ('"x":"y"', '"data":null', '"data":0')]
    assert [(event.form, event.data) for event in forms] == [
        (DataForm.NONE, None),
        (DataForm.JSON, b"null"),
        (DataForm.JSON, b"0"),
    ]


@pytest.mark.parametrize(
    "content", ["text/plain", "application/xml", "application/octet-stream", "text/jsonish"]
)
def test_data_of_another_content_type_is_a_string(content):
    event = structured.decode(text(datacontenttype=content, data='<much wow="xml">é\n\x00</much>'))
    assert (event.form, event.data) == (DataForm.TEXT, '<much wow="xml">é\n\x00</much>'.encode())


@pytest.mark.parametrize("data", [{}, {"a": 1}, [], [1], 1, 1.5, True, None])
def test_data_of_another_content_type_that_is_no_string_is_refused(data):
    assert refused(text(datacontenttype="text/plain", data=data)) == [("data_not_text", "/data")]


def test_a_wrong_content_type_brings_no_second_complaint_about_data():
    assert refused(text(datacontenttype="xyz", data={"a": 1})) == [("media_type_invalid", "/datacontenttype")]
    assert refused(text(datacontenttype=7, data={"a": 1})) == [("attribute_type_invalid", "/datacontenttype")]


@pytest.mark.parametrize("data", [b"", b"\x00", b"Ma", b"\xff" * 100, bytes(range(256))])
def test_base64_data_is_binary_and_implies_no_content_type(data):
    event = structured.decode(text(data_base64=base64.b64encode(data).decode()))
    assert (event.form, event.data) == (DataForm.BINARY, data)
    assert "datacontenttype" not in event.attributes


@pytest.mark.parametrize(
    "encoded",
    [
        "-_-_",
        "TWE",
        "TWE= ",
        " TWE=",
        "TW\nE=",
        "TWE==",
        "T===",
        "=TWE",
        "TW=E",
        "TWE=TWE=",
        "TWÉ=",
        "!",
        "\x00",
        1,
        True,
        [],
        {},
    ],
)
def test_base64_is_read_strictly(encoded):
    assert refused(text(data_base64=encoded)) == [("data_base64_invalid", "/data_base64")]


def test_null_base64_is_absent_but_null_data_is_not():
    assert structured.decode(text(data_base64=None)).form is DataForm.NONE
    assert structured.decode(text(data_base64=None, data=1)).data == b"1"
    assert refused(text(data_base64="TWE=", data=None)) == [("data_and_data_base64", "/data_base64")]


def test_a_content_type_may_stand_without_data():
    assert structured.decode(text(datacontenttype="text/plain")).form is DataForm.NONE


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ('"id":"2"', "/id"),
        ('"id":null', "/id"),
        (' "id" :"1"', "/id"),
        (r'"\u0069d":"1"', "/id"),
        (r'"i\u0064":"1"', "/id"),
        ('"ext":1,"ext":1', "/ext"),
        ('"data":1,"data":1', "/data"),
        ('"data":1,\n"x":"y",\n"data":null', "/data"),
        ('"data_base64":"","data_base64":""', "/data_base64"),
        ('"data":{"a":1},"data":{"a":1}', "/data"),
        (r'"a\u002fb":1,"a/b":2', "/a~1b"),
        ('"é":1,"é":2', "/é"),
        ('"":1,"":2', "/"),
    ],
)
def test_a_member_occurs_at_most_once(members, pointer):
    assert refused(spliced(members)) == [("member_repeated", pointer)]


@pytest.mark.parametrize(
    "members",
    [
        r'"su\u0062ject":"x"',
        '"subject":"\\"id\\":\\"1\\","',
        '"data":{"id":1,"data":{"data":2}}',
        '"data":{"id":1, "id":2}',
        '"data":"  \\n \\" id "',
        '  \n\t"subject"  :   "a b"   ',
    ],
)
def test_a_name_that_occurs_elsewhere_is_no_repetition(members):
    assert structured.decode(spliced(members)).attributes["id"] == "1"


def test_layout_makes_no_difference():
    event = {**MINIMAL, "subject": "a b c", "data": {"a": [1, {"b": "c d"}]}}
    for layout in ({"indent": 4}, {"separators": (",", ":")}, {"separators": ("\r\n,\t", " : ")}):
        body = b"\r\n " + json.dumps(event, **layout).encode() + b" \n"
        assert structured.decode(body).attributes == {**MINIMAL, "subject": "a b c"}


def nested(depth: int) -> str:
    return '[{"a":' * (depth // 2) + ("[1]" if depth % 2 else "1") + "}]" * (depth // 2)


@pytest.mark.parametrize("depth", [1, 63, 64])
def test_data_may_nest_64_levels(depth):
    assert structured.decode(spliced(f'"data":{nested(depth)}')).form is DataForm.JSON


@pytest.mark.parametrize("depth", [65, 66, 900])
def test_data_may_not_nest_deeper(depth):
    assert refused(spliced(f'"data":{nested(depth)}')) == [("json_too_deep", "/data")]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_endless_nesting_is_refused_however_deep(opening):
    body = spliced(f'"data":{opening * 100_000}')
    assert [code for code, _ in refused(body)] == ["json_too_deep"]
    assert [code for code, _ in refused(body.replace(b"data", b"ext"))] == ["json_too_deep"]


def test_many_brackets_side_by_side_or_in_strings_are_not_deep():
    wide = "[" + ",".join(['["[[[[\\"", "\\\\"]'] * 1000) + "]"
    assert structured.decode(spliced(f'"data":{wide}')).data == wide.encode()


def test_brackets_in_strings_do_not_hide_depth():
    deep = '["]",' * 65 + "1" + "]" * 65
    assert refused(spliced(f'"data":{deep}')) == [("json_too_deep", "/data")]


def test_every_problem_of_an_event_is_told_at_once():
    body = json.dumps({"specversion": "1.1", "id": 5, "source": "a b", "Bad": 1, "data_base64": "!"}).encode()
    assert refused(body) == [
        ("attribute_missing", "/type"),
        ("specversion_unsupported", "/specversion"),
        ("attribute_type_invalid", "/id"),
        ("uri_reference_invalid", "/source"),
        ("attribute_name_invalid", "/Bad"),
        ("data_base64_invalid", "/data_base64"),
    ]


def test_a_refusal_never_repeats_a_value():
    body = json.dumps(
        {"specversion": "s3cret", "id": ["s3cret"], "source": "s3cret s3cret", "time": "s3cret"}
    ).encode()
    with pytest.raises(Malformed) as caught:
        structured.decode(body)
    assert "s3cret" not in f"{caught.value.detail}{caught.value.problems}"
