"""Gotify: what a message looks like, and that Markdown shows an event's text as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import ValidationError

from adapters.destinations.gotify import MAX_MESSAGE, GotifyAddress, GotifyConfig, escaped, post
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from tests.fakes.backup_messages import ALL, FAILURE, HOSTILE, SUCCESS
from tests.fakes.golden import assert_golden
from tests.fakes.gotify_rules import problems
from tests.fakes.messages import make_message

MARKED = GotifyAddress(markdown=True)


@pytest.mark.parametrize("name", ALL)
def test_a_message_is_as_in_the_golden_file(name):
    sent = post(ALL[name], GotifyAddress())
    assert problems(sent) == []
    assert_golden(f"gotify/{name}.json", json.dumps(sent, indent=2, ensure_ascii=False).encode() + b"\n")


def test_a_message_in_markdown_is_as_in_the_golden_file():
    sent = post(FAILURE, MARKED)
    assert sent["extras"]["client::display"] == {"contentType": "text/markdown"}
    assert_golden("gotify/failure.md", sent["message"].encode() + b"\n")


def test_the_priority_is_that_of_the_severity_unless_the_subscription_sets_one():
    priorities = [post(make_message(severity=one), GotifyAddress())["priority"] for one in Severity]
    assert priorities == [2, 4, 5, 8, 10]
    assert post(SUCCESS, GotifyAddress())["priority"] == 2
    assert post(FAILURE, GotifyAddress(priority=0))["priority"] == 0


def test_a_warning_that_ended_well_is_still_a_warning():
    message = make_message(severity=Severity.WARNING, outcome=Outcome.OK)
    assert post(message, GotifyAddress())["priority"] == 5


def test_a_tap_opens_the_event_and_without_a_public_address_the_first_link():
    assert (
        post(FAILURE, GotifyAddress())["extras"]["client::notification"]["click"]["url"] == FAILURE.event_url
    )
    linked = make_message(links={"Log": "https://example.org/log"})
    clicked = post(linked, GotifyAddress())["extras"]["client::notification"]["click"]["url"]
    assert clicked == "https://example.org/log"
    assert "client::notification" not in post(make_message(), GotifyAddress())["extras"]


def test_markdown_of_a_hostile_event_holds_no_image_no_html_and_no_foreign_link():
    html = MarkdownIt("gfm-like", {"linkify": False}).render(post(HOSTILE, MARKED)["message"])
    assert "<img" not in html
    assert "<script" not in html
    assert html.count("<a ") == 1
    assert 'href="https://backup.example.org/a_%28b%29"' in html
    assert "![x](https://evil.example)" in html


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_markdown_shows_text_as_it_is(text):
    line = " ".join(text.split())
    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"x {escaped(line)}")
    shown = html.removeprefix("<p>").removesuffix("</p>\n")
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    assert shown == f"x {line}".strip()


@pytest.mark.parametrize("address", [GotifyAddress(), MARKED])
def test_too_long_a_message_loses_facts_first_then_the_end_of_its_summary_and_keeps_its_links(address):
    long = make_message(
        title="t",
        summary="*ä" * MAX_MESSAGE,
        resource="r",
        links={"Log": "https://example.org/log"},
    )
    text = post(long, address)["message"]
    assert MAX_MESSAGE - 8 <= len(text.encode()) <= MAX_MESSAGE
    assert "https://example.org/log" in text
    assert "Resource" not in text
    assert ("[...]" in text) or (r"\[\.\.\.\]" in text)


def test_the_server_may_have_a_path_but_no_query():
    assert GotifyConfig(url="https://example.org/push/", token="A1").url == "https://example.org/push"
    with pytest.raises(ValidationError, match="no query"):
        GotifyConfig(url="https://example.org/message?token=s3cret", token="A1")


@pytest.mark.parametrize("token", ["", "two\nlines"])
def test_a_token_that_no_header_can_hold_is_refused(token):
    with pytest.raises(ValidationError, match="one word") as refused:
        GotifyConfig(url="https://example.org", token=token)
    assert "lines" not in str(refused.value)


def test_plain_http_is_taken_with_a_warning():
    assert GotifyConfig(url="http://gotify.lan", token="A1").warnings()
    assert not GotifyConfig(url="https://gotify.lan", token="A1").warnings()
