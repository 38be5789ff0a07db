"""What a program reads of a message: words, numbers, the moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.reading import WORDS, NumberPaths, Wording, distinct, moment, number_at, worded, words_in
from tests.fakes.messages import make_message

RECEIVED = 1_785_233_472_000
"""When messages of these tests were received, in milliseconds since the epoch."""


def test_every_word_can_be_said():
    message = make_message(
        severity=Severity.ERROR,
        outcome=Outcome.FAILED,
        title="t",
        summary="s",
        resource="r",
        job="j",
        actor="a",
        task_id="7",
    )
    said = {word: worded(f"{{{{event.{word}}}}}", message) for word in WORDS}
    assert said == {
        "type": "com.example.backup.failed",
        "source": "/vault/a",
        "severity": "error",
        "outcome": "failed",
        "resource": "r",
        "job": "j",
        "actor": "a",
        "task_id": "7",
        "title": "t",
        "summary": "s",
    }


def test_a_word_that_the_event_does_not_have_is_nothing():
    assert worded("<{{event.job}}/{{ event.severity }}>", make_message()) == "</info>"
    assert words_in("{{event.job}} {{ event.type }} event.actor") == ["job", "type"]


def test_what_an_event_says_is_not_read_again_as_words():
    assert worded("{{event.title}}", make_message(title="{{event.job}}", job="j")) == "{{event.job}}"


@pytest.mark.parametrize(
    "text", ["{{event.id}}", "{{job}}", "{{event.job", "event.job}}", "{{#if x}}", "x" * 201]
)
def test_a_wording_that_cannot_be_filled_is_refused(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Wording).validate_python(text)


@given(st.text(max_size=300), st.text(max_size=300), st.integers(10, 200))
def test_distinct_texts_fit_and_stay_distinct(one, other, limit):
    cut = distinct(one, limit)
    assert len(cut) <= limit
    assert len(cut.splitlines()) <= 1
    if " ".join(one.split()) != " ".join(other.split()) and (one + other).isprintable():
        assert cut != distinct(other, limit)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data.size", 5.0),
        ("data.parts[-1].n", 1.5),
        ('data["odd key"]', 2.0),
        ("data.flag", None),
        ("data.text", None),
        ("data.missing.deeper", None),
        ("data", None),
    ],
)
def test_a_number_is_found_by_the_path_of_a_rule(path, expected):
    data = {"size": 5, "parts": [{}, {"n": 1.5}], "odd key": 2, "flag": True, "text": "5"}
    assert number_at(path, make_message(data=data)) == expected


def test_an_event_without_data_has_no_numbers():
    assert number_at("data.size", make_message()) is None


@pytest.mark.parametrize("path", ["size", "data.", "data[*]", "data.a = 5", "", "x" * 501])
def test_a_path_that_names_no_single_value_is_refused(path):
    with pytest.raises(ValidationError):
        TypeAdapter(NumberPaths).validate_python({"n": path})


@pytest.mark.parametrize("name", ["", "_a", "1a", "a-b", "a b", "é", "a" * 65])
def test_a_name_that_some_server_could_not_keep_is_refused(name):
    with pytest.raises(ValidationError):
        TypeAdapter(NumberPaths).validate_python({name: "data.n"})


def test_the_moment_is_the_events_own_or_that_of_receipt():
    assert moment(make_message(attributes={"time": "2026-07-28T10:11:13.0019Z"})) == RECEIVED + 1001
    assert moment(make_message(attributes={"time": "1969-12-31T23:59:59Z"})) == RECEIVED
    assert moment(make_message(attributes={"time": "2300-01-01T00:00:00Z"})) == RECEIVED
