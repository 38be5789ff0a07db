"""Batches: all or nothing, problems under the index of their event, bounded."""

from __future__ import annotations

import json
import time

import pytest

from gateway.domain.errors import Malformed, TooLarge
from gateway.domain.event import DataForm
from gateway.spi.cloudevents import batch

MINIMAL = {"specversion": "1.0", "id": "1", "type": "io.example.test", "source": "https://example.io"}


def body(*events) -> bytes:
    return json.dumps(events).encode()


def refused(text: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as caught:
        batch.decode(text)
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


def test_events_keep_their_order_and_their_bytes():
    first = b'[ {"specversion":"1.0","id":"1","type":"t","source":"/s","data": [1E2] } ,\n'
    text = first + body({**MINIMAL, "id": "2"})[1:]
    events = batch.decode(text)
    assert [event.id for event in events] == ["1", "2"]
    assert [event.form for event in events] == [DataForm.JSON, DataForm.NONE]
    assert events[0].data == b"[1E2]"


@pytest.mark.parametrize("text", [b"[]", b" [ ]\n"])
def test_an_empty_batch_is_valid(text):
    assert batch.decode(text) == []


def test_two_equal_events_may_be_in_one_batch():
    assert len(batch.decode(body(MINIMAL, MINIMAL))) == 2


def test_one_bad_event_refuses_the_batch_and_every_problem_has_its_index():
    text = body(MINIMAL, {**MINIMAL, "source": "a b", "id": ""}, MINIMAL, {**MINIMAL, "time": "x"}, {})
    assert refused(text) == [
        ("attribute_empty", "/1/id"),
        ("uri_reference_invalid", "/1/source"),
        ("timestamp_invalid", "/3/time"),
        ("attribute_missing", "/4/specversion"),
        ("attribute_missing", "/4/id"),
        ("attribute_missing", "/4/source"),
        ("attribute_missing", "/4/type"),
    ]


def test_a_repeated_member_or_deep_data_is_told_under_its_index():
    one = json.dumps(MINIMAL)
    twice = one[:-1] + ',"id":"2"}'
    deep = one[:-1] + f',"data":{"[" * 65}{"]" * 65}}}'
    assert refused(f"[{one},{twice},{deep}]".encode()) == [
        ("member_repeated", "/1/id"),
        ("json_too_deep", "/2/data"),
    ]


def test_all_events_have_the_one_version():
    assert refused(body(MINIMAL, {**MINIMAL, "specversion": "0.9"})) == [
        ("specversion_unsupported", "/1/specversion")
    ]


@pytest.mark.parametrize("element", ["not an object", 1, None, True, [], [MINIMAL]])
def test_every_element_is_an_object(element):
    assert refused(body(element, MINIMAL)) == [("not_an_object", "/0")]
    assert refused(body(MINIMAL, MINIMAL, element)) == [("not_an_object", "/2")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "body_empty"),
        (b"{}", "not_an_array"),
        (b"null", "not_an_array"),
        (b"[", "json_malformed"),
        (b"[{},]", "json_malformed"),
        (b"[{}] ]", "json_malformed"),
        (b"\xef\xbb\xbf[]", "byte_order_mark"),
        (b'[{"a":"\xff"}]', "not_utf8"),
        (b'[{"a":' + b"[" * 100_000, "json_too_deep"),
        (b"[" * 100_000, "not_an_object"),
    ],
)
def test_a_body_that_is_no_strict_json_array_is_malformed(text, code):
    assert [found for found, _ in refused(text)] == [code]


def test_a_batch_has_a_limit_and_says_so():
    assert len(batch.decode(body(*[MINIMAL] * 3), max_events=3)) == 3
    with pytest.raises(TooLarge) as caught:
        batch.decode(body(*[MINIMAL] * 4), max_events=3)
    (problem,) = caught.value.problems
    assert (problem.code, problem.expected) == ("batch_too_large", "at most 3")


def test_the_problems_told_are_bounded():
    assert len(refused(body(*[{"A": 1, "B": 2, "C": 3, "D": 4}] * 500))) == batch.MAX_PROBLEMS


@pytest.mark.parametrize("crumb", [b"{}", b"1", b'""', b"[]"])
def test_a_megabyte_of_crumbs_is_refused_quickly(crumb):
    text = b"[" + b",".join([crumb] * (2**20 // (len(crumb) + 1))) + b"]"
    began = time.process_time()
    with pytest.raises((TooLarge, Malformed)):
        batch.decode(text)
    assert time.process_time() - began < 0.5
