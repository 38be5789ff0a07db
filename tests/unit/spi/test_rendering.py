"""Messages as text and HTML, and the cutting and cleaning of foreign text."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.event import DataForm, Event
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.message import Link
from gateway.spi.rendering import (
    MAX_DETAILS,
    clip,
    colour,
    details,
    fitted,
    headline,
    html_body,
    one_line,
    shown_links,
    text_block,
    text_body,
    web_links,
)
from tests.fakes.messages import make_message


@given(st.text(), st.integers(0, 50))
def test_one_line_is_one_line_and_keeps_its_limit(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    line.encode()


@given(st.text(), st.integers(0, 50))
def test_a_text_block_has_line_feeds_only_and_keeps_its_limit(text, limit):
    block = text_block(text, limit)
    assert len(block) <= limit
    assert block.splitlines() == block.removesuffix("\n").split("\n") or block == ""
    block.encode()


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_kind_of_line_end_counts_as_one(end):
    assert text_block(f"a{end}b", 10) == "a\nb"


def test_letters_of_every_script_and_emoji_stay():
    text = "نسخ احتياطي فشل Sicherung 備份失敗 👩‍👩‍👧‍👦"
    assert one_line(text, 100) == text == text_block(text, 100)


def test_characters_that_reorder_or_hide_text_go():
    assert one_line("a\u202eb\u2066c\x00d\ud800e", 20) == "a b c d e"
    assert text_block("a\u202eb\u2066c\x00d\ud800e", 20) == "abcde"


def test_a_cut_text_says_so():
    assert clip("abcdefghij", 10) == "abcdefghij"
    assert clip("abcdefghijk", 10) == "abcde[...]"
    assert clip("abc", 2) == "[."
    assert one_line("abcdefghijk", 10) == "abcdefghi…"


def test_a_headline_is_never_empty():
    assert headline(make_message(title="\u202e\u2066"), 50) == "com.example.backup.failed"
    assert headline(make_message(title="x"), 50) == "x"


def test_details_keep_order_and_spelling_of_the_data():
    message = make_message()
    event = Event(message.event.attributes, b'{"b":1.50,"a":{"c":12345678901234567890123}}', DataForm.JSON)
    assert details(event) == '{\n  "b": 1.50,\n  "a": {\n    "c": 12345678901234567890123\n  }\n}'


@pytest.mark.parametrize(
    ("data", "form", "shown"),
    [
        (None, DataForm.NONE, ""),
        (b"null", DataForm.JSON, "null"),
        ("a\r\nü".encode(), DataForm.TEXT, "a\nü"),
        (b"\x00\xff", DataForm.BINARY, "2 bytes of image/png"),
    ],
)
def test_details_of_data_that_is_no_object(data, form, shown):
    attributes = {**make_message().event.attributes, "datacontenttype": "image/png"}
    assert details(Event(attributes, data, form)) == shown


def test_details_are_bounded():
    assert len(details(make_message(data=[[0] * 9] * 50_000).event)) == MAX_DETAILS


def test_text_is_summary_and_details_under_their_title():
    message = make_message(title="t", summary="Disk full.", data={"a": 1})
    assert text_body(message, with_details=False) == "Disk full.\n"
    text = text_body(message, with_details=True)
    head, _, shown = text.partition("\n\nNotification details:\n\n")
    assert head == "Disk full."
    assert json.loads(shown) == {"a": 1}


def test_without_a_summary_the_text_is_title_and_facts():
    text = text_body(make_message(title="t", severity=Severity.ERROR, job="nightly"), with_details=True)
    assert text.startswith("t\n\nSeverity: error\nJob: nightly\nType: com.example.backup.failed\n")
    assert "Notification details" not in text


def test_who_may_unsubscribe_is_told_where_last_of_all():
    url = "https://gw.example/unsubscribe/a.b?x=1&y=2"
    message = replace(make_message(summary="Disk full.", data={"a": 1}), unsubscribe_url=url)
    assert text_body(message, with_details=True).endswith(f"\n\nUnsubscribe: {url}\n")
    page = html_body(message, with_details=True)
    assert page.index("Notification details") < page.index(
        'href="https://gw.example/unsubscribe/a.b?x=1&amp;y=2"'
    )
    assert "Unsubscribe" not in html_body(make_message(), with_details=True)


class Reader(HTMLParser):
    """Collects tags and texts."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self.attributes = [], "", []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text += data


@given(st.text(), st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_event_brings_its_own_markup(title, summary, resource, links):
    message = make_message(title=title, summary=summary, resource=resource, links=links, data=[summary])
    reader = Reader()
    reader.feed(html_body(message, with_details=True))
    reader.close()
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "h1",
        "p",
        "br",
        "table",
        "tr",
        "th",
        "td",
        "a",
        "pre",
    }
    assert set(reader.tags) <= allowed
    assert reader.tags.count("h1") == reader.tags.count("title") == reader.tags.count("style") == 1
    assert set(reader.attributes) <= {"lang", "charset", "name", "content", "class", "style", "href"}
    assert headline(message, MAX_DETAILS) in reader.text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://a b",
        'https://a"b',
        "https://a\u2028b",
        "https://",
        "https://a<b",
        " https://a",
        "https://" + "a" * 3000,
        "ftp://a",
    ],
)
def test_what_is_no_web_link_is_not_linked(url):
    assert list(web_links([Link("x", url), Link("y", "HTTPS://example.org/a?b=c#d")])) == [
        Link("y", "HTTPS://example.org/a?b=c#d")
    ]


def test_the_colour_tells_the_severity():
    assert colour(make_message(severity=Severity.CRITICAL)) == "#8E0000"
    assert colour(make_message()) == "#3498DB"
    assert colour(make_message(severity=Severity.ERROR, outcome=Outcome.FAILED)) == "#E74C3C"


def test_good_news_is_green_unless_something_is_wrong_all_the_same():
    assert colour(make_message(outcome=Outcome.OK)) == "#2ECC71"
    assert colour(make_message(outcome=Outcome.OK, severity=Severity.NOTICE)) == "#2ECC71"
    assert colour(make_message(outcome=Outcome.OK, severity=Severity.ERROR)) == "#E74C3C"
    assert colour(make_message(outcome=Outcome.STARTED)) == "#3498DB"


def _doubled(text):
    return text.replace("*", "\\*")


@given(st.text("ab*", max_size=60), st.integers(0, 40))
def test_escaped_text_is_cut_before_it_is_escaped(text, limit):
    result = fitted(text, limit, _doubled)
    assert len(result) <= limit
    beginning = result.removesuffix("[...]").replace("\\*", "*")
    assert text.startswith(beginning)
    if len(_doubled(text)) <= limit:
        assert result == _doubled(text)
    elif limit >= 7:
        longer = text[: len(beginning) + 1]
        assert result.endswith("[...]") and len(_doubled(longer)) + 5 > limit


def test_escaped_text_is_measured_in_the_targets_own_unit():
    def bytes_of(text):
        return len(text.encode())

    assert fitted("é" * 10, 20, str, bytes_of) == "é" * 10
    assert fitted("é" * 10, 19, str, bytes_of) == "é" * 7 + "[...]"


def test_the_link_to_the_event_is_the_last_to_go():
    links = {f"{number}": f"https://example.org/{number}" for number in range(5)}
    message = replace(make_message(links=links), public_url="https://gw.example")
    assert [link.label for link in shown_links(message, 3, 100)] == ["0", "1", "Event"]
    assert [link.label for link in shown_links(make_message(links=links), 3, 100)] == ["0", "1", "2"]
    assert shown_links(message, 9, 20) == []
