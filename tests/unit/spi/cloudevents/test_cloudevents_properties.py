"""Laws that hold for any event and any bytes, found by search rather than by example."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.attributes import violations
from gateway.domain.errors import Malformed, Refused
from gateway.domain.event import DataForm, Event, canonical, forbidden_character
from gateway.domain.view import MISSING
from gateway.spi.cloudevents import batch, binary, encode, json_text, structured
from gateway.spi.cloudevents.decode import decode
from gateway.spi.cloudevents.payload import payload

STRUCTURED = [(b"content-type", b"application/cloudevents+json")]
BATCHED = [(b"content-type", b"application/cloudevents-batch+json")]
JSON_TYPES = ("application/json", "text/json; charset=utf-8", "model/gltf+json")
TEXT_TYPES = ("text/plain", "application/xml", "text/csv; charset=utf-8")
OTHER_TYPES = ("application/octet-stream", "image/png")

texts = st.text(max_size=20).filter(lambda text: forbidden_character(text) is None)
non_empty = texts.filter(bool)
values = st.one_of(texts, st.booleans(), st.integers(-(2**31), 2**31 - 1))
names = st.text(alphabet="abcxyz0189", min_size=1, max_size=22).filter(lambda name: name != "data")
extensions = st.dictionaries(names, values, max_size=5)
json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=15,
)
layouts = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
json_texts = st.builds(lambda value, layout: json.dumps(value, **layout), json_values, layouts).filter(
    lambda text: (
        not any(
            "\ud800" <= character <= "\udfff"
            for character in json.dumps(json.loads(text), ensure_ascii=False)
        )
    )
)


@st.composite
def events(draw) -> Event:
    attributes = draw(extensions) | {
        "specversion": "1.0",
        "id": draw(non_empty),
        "source": draw(st.sampled_from(["/s", "urn:uuid:1", "https://a.example/b?c#d", "crn:v1:a:b/c::"])),
        "type": draw(non_empty),
    }
    attributes |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "subject": non_empty,
                "time": st.sampled_from(
                    ["2026-07-28T10:11:12.5Z", "9999-12-31T23:59:59-01:00", "2016-12-31T23:59:60z"]
                ),
                "dataschema": st.sampled_from(["urn:x:y", "https://a/b?c"]),
            },
        )
    )
    form, data, content = draw(
        st.one_of(
            st.tuples(st.just(DataForm.NONE), st.none(), st.sampled_from([None, *JSON_TYPES, *TEXT_TYPES])),
            st.tuples(
                st.just(DataForm.JSON), json_texts.map(str.encode), st.sampled_from([None, *JSON_TYPES])
            ),
            st.tuples(
                st.just(DataForm.TEXT),
                st.text(min_size=1).map(str.encode),
                st.sampled_from(TEXT_TYPES),
            ),
            st.tuples(st.just(DataForm.BINARY), st.binary(min_size=1), st.sampled_from([None, *OTHER_TYPES])),
        )
    )
    if content is not None:
        attributes["datacontenttype"] = content
    return Event(attributes, data, form)


def spoken(event: Event) -> dict[str, str]:
    """The attributes in canonical form, the implied content type said aloud: what every mode has to keep."""
    implied = {"datacontenttype": "application/json"} if event.form is DataForm.JSON else {}
    return implied | {name: canonical(value) for name, value in event.attributes.items()}


def raw(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers]


@given(events())
def test_an_event_survives_structured_mode_unchanged(event):
    assert violations(event.attributes) == []
    assert structured.decode(encode.structured(event)) == event


@given(events())
def test_an_event_survives_structured_to_binary_to_structured(event):
    first = structured.decode(encode.structured(event))
    second = binary.decode(*map_raw(encode.binary(first)))
    third = structured.decode(encode.structured(second))
    assert spoken(event) == spoken(first) == spoken(second) == spoken(third)
    assert event.data == first.data == second.data == third.data
    assert event.form == first.form == second.form == third.form


def map_raw(message):
    headers, body = message
    return raw(headers), body


@given(events())
def test_an_event_survives_binary_mode_with_raw_values_if_it_has_no_outer_blanks_quotes_or_percents(event):
    kept = {name: canonical(value) for name, value in event.attributes.items()}
    if any(value != value.strip(" \t") or "%" in value or value.startswith('"') for value in kept.values()):
        return
    headers, body = encode.binary(event, raw_values=True)
    again = binary.decode([(name.encode(), value.encode()) for name, value in headers], body)
    assert spoken(again) == spoken(event)


@given(st.lists(events(), max_size=5))
def test_a_batch_survives_in_order(several):
    assert batch.decode(encode.batch(several)) == several


@given(events(), st.text(alphabet="\x00\r\n\x85\ufffe\ud800", min_size=1, max_size=3))
def test_forbidden_characters_are_refused_in_every_mode(event, text):
    attributes = {**event.attributes, "ext": f"a{text}b"}
    with pytest.raises(Malformed):
        structured.decode(json.dumps(attributes).encode())
    if "\ud800" not in text:
        headers, body = encode.binary(Event(attributes, event.data, event.form))
        with pytest.raises(Malformed):
            binary.decode(raw(headers), body)


members = st.dictionaries(
    st.one_of(
        st.sampled_from(
            ["specversion", "id", "source", "type", "time", "data", "data_base64", "datacontenttype", "x"]
        ),
        st.text(max_size=3),
    ),
    st.one_of(json_values, st.sampled_from(["1.0", "/s", "t", "application/json", "text/plain", "TWE="])),
)


@given(members)
def test_any_json_object_is_an_event_or_refused(value):
    refuses_or_reads(STRUCTURED, json.dumps(value).encode())
    refuses_or_reads(BATCHED, json.dumps([value, value]).encode())


@given(st.one_of(json_values.map(json.dumps).map(str.encode), st.binary(), st.text().map(str.encode)))
@example(b'{"a":' * 100_000)
@example(b"[" * 100_000)
@example(b"-" * 100_000)
@example(b'{"specversion":' + b"9" * 100_000 + b"}")
@example(b'{"\\u0000":1}')
@example(b"\xff\xfe\x00")
def test_any_bytes_are_events_or_refused(body):
    for headers in (STRUCTURED, BATCHED, [(b"content-type", b"application/json"), (b"ce-id", b"1")]):
        refuses_or_reads(headers, body)


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.sampled_from(
                    [
                        b"ce-id",
                        b"CE-SOURCE",
                        b"ce-type",
                        b"ce-specversion",
                        b"ce-time",
                        b"content-type",
                        b"ce-",
                    ]
                ),
                st.binary(max_size=5).map(lambda name: b"ce-" + name),
                st.binary(max_size=15),
            ),
            st.one_of(
                st.sampled_from(
                    [b"1.0", b"/s", b"application/json", b"application/cloudevents", b'"\\', b"%", b"%C0%A0"]
                ),
                st.binary(max_size=10),
            ),
        )
    ),
    st.binary(max_size=20),
)
def test_any_headers_are_an_event_or_refused(headers, body):
    refuses_or_reads(headers, body)


def refuses_or_reads(headers, body) -> None:
    """Nothing but Refused is raised, and what is read is lawful and can be sent, parsed and read again."""
    try:
        found, _ = decode(headers, body)
    except Refused as refusal:
        assert 400 <= refusal.status < 500
        assert refusal.problems
        return
    for event in found:
        assert violations(event.attributes) == []
        again = structured.decode(encode.structured(event))
        assert (again.attributes, again.form) == (event.attributes, event.form)
        if event.form is DataForm.JSON:
            assert again.data == event.data.strip(b" \t\r\n")
            assert payload(event) is not MISSING
        else:
            assert again.data == event.data
            assert payload(event) is MISSING or event.form is DataForm.BINARY


fragments = st.sampled_from(
    [
        '"a"',
        '"a":',
        '"b":',
        '"\\u0061":',
        "1",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        '"',
        "\\",
        "-",
        "1e5",
        "01",
        ".5",
        "null",
    ]
)


@settings(max_examples=500)
@given(st.lists(fragments, max_size=14).map("".join).map(lambda inner: '{"z":' + inner + "}"))
def test_what_counts_as_json_here_is_what_the_standard_library_takes(text):
    pairs: list[list[str]] = []
    try:
        json.loads(text, object_pairs_hook=lambda found: pairs.append([name for name, _ in found]))
        lawful = len(set(pairs[-1])) == len(pairs[-1])
    except ValueError:
        lawful = False
    try:
        found = json_text.members(text.encode())
    except Malformed:
        found = None
    assert (found is not None) == lawful
    if found is not None:
        assert set(found) == set(pairs[-1])


awkward = st.text(alphabet='[]{}"\\,:a', max_size=6)
bushes = st.recursive(
    st.one_of(awkward, st.integers()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(awkward, inner, max_size=3)),
    max_leaves=10,
)


def depth(value) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(bushes, st.lists(st.one_of(st.just(None), awkward), min_size=50, max_size=70), bushes)
def test_depth_is_counted_exactly_whatever_the_strings_hold(inner, layers, beside):
    value = inner
    for layer in layers:
        value = [beside, value] if layer is None else {layer: value}
    try:
        json_text.check_value(json.dumps(value).encode())
        deeper = False
    except Malformed as refusal:
        assert refusal.code == "json_too_deep"
        deeper = True
    assert deeper == (depth(value) > json_text.MAX_DEPTH)
