"""Text below a title, fitted into a limit of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.exchange import refusal
from gateway.spi.outcome import Reason
from gateway.spi.plain_text import MAX_LINK, MAX_LINKS, fact_lines, fitted, short_links, size
from gateway.spi.transport import HttpAnswer
from tests.fakes.messages import make_message

LINKS = ("Log: https://example.org/log",)


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=40), max_size=6), st.integers(40, 400))
def test_fitted_text_keeps_its_limit_and_its_links(summary, facts, limit):
    text = fitted(summary, facts, LINKS, limit)
    assert size(text) <= limit
    assert text.endswith(LINKS[0])


def test_facts_go_before_anything_of_the_summary_does():
    assert fitted("why", ["a: 1", "b: 2"], LINKS, 1000) == f"why\n\na: 1\nb: 2\n\n{LINKS[0]}"
    assert fitted("why", ["a: 1", "b: 2"], LINKS, 40) == f"why\n\na: 1\n\n{LINKS[0]}"
    assert fitted("why not today", ["a: 1"], LINKS, 42) == f"why not[...]\n\n{LINKS[0]}"


def test_a_cut_never_goes_through_what_was_made_of_the_summary():
    text = fitted("&" * 50, (), (), 47, lambda raw: raw.replace("&", "&amp;"))
    assert text == "&amp;" * 8 + "[...]"


def test_facts_and_links_are_lines():
    message = make_message(
        resource="a\r\nb",
        links={
            "Two\nlines": "https://example.org/1",
            "Back": "https://example.org\\x",
            "Long": "https://example.org/" + "a" * MAX_LINK,
            "Script": "javascript:alert(1)",
        },
    )
    assert "Resource: a b" in fact_lines(message)
    assert short_links(message) == [("Two lines", "https://example.org/1")]


def test_of_many_links_the_last_is_kept_because_it_leads_to_the_event():
    links = {str(number): f"https://example.org/{number}" for number in range(9)}
    assert [link.label for link in short_links(make_message(links=links))] == ["0", "1", "2", "3", "8"]
    assert MAX_LINKS == 5


@pytest.mark.parametrize(
    ("body", "members"),
    [(b'{"id":1}', {"id": 1}), (b'["id"]', {}), (b"", {}), (b'{"id":', {}), (b"[" * 5000, {}), (b"\xff", {})],
)
def test_the_members_of_an_answer_are_those_of_its_json_object(body, members):
    assert HttpAnswer(200, body=body).members == members


def test_a_refusal_carries_the_words_of_the_vendor_in_one_line():
    failure = refusal(
        HttpAnswer(400, "Bad Request", body=b"no"), Reason.REJECTED, "bad\ntopic", retry_after=2.0
    )
    assert failure.detail == "answered 400 Bad Request: bad topic"
    assert (failure.reason, failure.status, failure.excerpt) == (Reason.REJECTED, 400, "no")
    assert failure.retry_after == 2.0
    assert refusal(HttpAnswer(404), Reason.GONE).detail == "answered 404"
