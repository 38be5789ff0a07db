"""Mails read back by the standard library: whatever an event says, it stays text and in its place."""

from __future__ import annotations

import email.policy
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.destinations.email.letter import MAX_SUBJECT, Letterhead, compose, unstructured
from gateway.spi.rendering import headline, html_body, one_line, text_body
from tests.fakes.backup_messages import ALL
from tests.fakes.golden import assert_golden
from tests.fakes.messages import make_message

HEAD = Letterhead("gw@example.org", "Gateway", domain="gw.example")
NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "List-Id",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Tocsin-Event-Id",
    "X-Tocsin-Event-Type",
    "X-Tocsin-Severity",
    "MIME-Version",
    "Content-Type",
]
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def letter(message, head=HEAD, recipient="ops@example.org", *, with_details=True) -> bytes:
    return compose(message, head, recipient, 1_785_233_472.0, with_details=with_details)


@given(
    words, words, st.recursive(st.none() | st.floats(allow_nan=False, allow_infinity=False) | words, st.lists)
)
def test_any_event_reads_back_as_title_and_text(title, summary, data):
    message = make_message(title=title, summary=summary, resource=title, data=data)
    read = message_from_bytes(letter(message), policy=email.policy.default)
    assert read.keys() == NAMES
    assert str(make_header(decode_header(read["Subject"]))) == headline(message, MAX_SUBJECT)
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    for part, body in zip(read.iter_parts(), (text_body, html_body), strict=True):
        sent = part.get_content().replace("\r\n", "\n")
        assert sent.rstrip("\n") == body(message, with_details=True).rstrip("\n")
        assert part.defects == []
    assert read.defects == []


@pytest.mark.parametrize("name", ALL)
def test_the_plain_text_is_as_in_the_golden_file(name):
    url = "https://gateway.example.com/unsubscribe/eyJ.c2ln"
    message = replace(ALL[name], unsubscribe_url=url)
    read = message_from_bytes(letter(message, with_details=name == "failure"), policy=email.policy.default)
    plain = read.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n")
    kept = f"Subject: {read['Subject']}\nList-Unsubscribe: {read['List-Unsubscribe']}\n\n{plain}\n"
    assert_golden(f"email/{name}.txt", kept.encode())


@pytest.mark.parametrize(
    ("url", "one_click"),
    [
        ("https://gw.example/unsubscribe/a.b", "List-Unsubscribe=One-Click"),
        ("http://gw.lan/unsubscribe/a.b", None),
    ],
)
def test_a_mail_program_finds_where_to_unsubscribe(url, one_click):
    content = letter(replace(make_message(), unsubscribe_url=url))
    read = message_from_bytes(content, policy=email.policy.default)
    assert read["List-Unsubscribe"] == f"<{url}>"
    assert read["List-Unsubscribe-Post"] == one_click


@pytest.mark.parametrize(
    "url", ["", "https://gw.example/\nX: y", "https://gw.é/a", "https://gw/" + "a" * 900]
)
def test_a_url_that_no_header_can_hold_is_in_none(url):
    assert b"List-Unsubscribe" not in letter(replace(make_message(), unsubscribe_url=url))


@given(words, words, words)
def test_every_line_is_short_and_ascii(title, name, reply_name):
    head = Letterhead("gw@example.org", name, "help@example.org", reply_name, "gw.example")
    content = letter(make_message(title=title, summary=title * 9, attributes={"id": name + "x"}), head)
    assert content.isascii()
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert not any(byte < 32 and byte not in b"\r\n\t" for byte in content)


@given(words)
def test_a_senders_name_reads_back_and_adds_no_address(name):
    read = message_from_bytes(
        letter(make_message(), Letterhead("gw@example.org", name)), policy=email.policy.default
    )
    (address,) = read["From"].addresses
    assert address.addr_spec == "gw@example.org"
    # Python's reader puts a space between encoded words of a name, which RFC 2047 section 6.2 ignores.
    assert "".join(address.display_name.split()) == "".join(one_line(name, MAX_SUBJECT).split())


@given(words)
def test_encoded_words_keep_within_76_characters_a_line(text):
    line = one_line(text, MAX_SUBJECT)
    encoded = unstructured(line)
    assert str(make_header(decode_header(encoded))) == line
    if encoded != line:
        assert all(len(part) <= 76 for part in f"X-Tocsin-Event-Type: {encoded}".split("\r\n"))


@pytest.mark.parametrize(
    "title", ["a\r\nBcc: x@example.org", "a\u2028Bcc: x@example.org", "a\x85b", "a\x00b\x0bc"]
)
def test_no_line_end_of_any_kind_gets_into_a_header(title):
    read = message_from_bytes(letter(make_message(title=title)), policy=email.policy.default)
    assert "Bcc" not in read
    assert len(read["Subject"].splitlines()) == 1


def test_a_text_that_looks_like_the_boundary_stays_text():
    text = "--=_tocsin_alternative\r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n--=_tocsin_alternative--"
    read = message_from_bytes(letter(make_message(summary=text)), policy=email.policy.default)
    assert len(list(read.iter_parts())) == 2
    assert "--=_tocsin_alternative--" in read.get_body(("plain",)).get_content()


def test_the_same_delivery_makes_the_same_mail():
    message = make_message(title="t", summary="s", data={"a": 1})
    assert letter(message) == letter(message)
