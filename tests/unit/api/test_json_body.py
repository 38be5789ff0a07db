"""Strict JSON for the API."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.json_body import MAX_NODES, parse
from gateway.domain.errors import Malformed

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5),
    max_leaves=30,
)


@given(values, st.booleans())
def test_what_json_writes_is_read_back(value, ascii_only):
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(sent):
    try:
        parse(sent)
    except Malformed as error:
        assert error.problems


@given(st.text(alphabet='[]{}",:\\ue0dD8-1N\n ', max_size=40))
def test_anything_like_json_is_read_or_refused(sent):
    try:
        assert parse(sent.encode()) == json.loads(sent)
    except Malformed as error:
        assert error.problems


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "body_empty"),
        (b" ", "json_malformed"),
        (b"{} {}", "json_malformed"),
        (b"[NaN]", "json_malformed"),
        (b"-Infinity", "json_malformed"),
        (b"1e400", "number_out_of_range"),
        (b"18446744073709551616", "number_out_of_range"),
        (b"1" * 5000, "number_out_of_range"),
        (b'{"a":{"b":1,"b":2}}', "member_repeated"),
        (b'{"a":1,"\\u0061":2}', "member_repeated"),
        (b'["\\u0000"]', "character_forbidden"),
        (b'["\\ud800"]', "json_malformed"),
        (b'{"\\udc00":1}', "json_malformed"),
        (b"[" * 65 + b"]" * 65, "json_too_deep"),
        (b"[" * 100_000, None),
        (b"[" + b"1," * MAX_NODES + b"1]", "json_too_many_values"),
        ('["a"]'.encode("utf-16"), "byte_order_mark"),
        (b'\xef\xbb\xbf"a"', "byte_order_mark"),
        (b'"\xed\xa0\x80"', "not_utf8"),
    ],
)
def test_what_is_not_strictly_json_is_refused(sent, code):
    with pytest.raises(Malformed) as caught:
        parse(sent)
    assert code is None or caught.value.code == code


def test_a_surrogate_pair_is_one_character():
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_depth_and_count_at_the_limit_are_read():
    assert parse(b"[" * 64 + b"]" * 64)
    assert len(parse(b"[" + b"1," * (MAX_NODES - 2) + b"1]")) == MAX_NODES - 1
