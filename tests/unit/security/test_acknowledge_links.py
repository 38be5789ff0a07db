"""Links to acknowledge by: they say what was signed, for some days, and nothing else is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.security.acknowledging import LIFETIME, MAX_TOKEN, AcknowledgeLinks, Acknowledgement
from gateway.security.unsubscribing import UnsubscribeLinks, Unsubscription

MASTER, OLDER = b"m" * 32, b"o" * 32
NOW = 1_800_000_000.0
LINKS = AcknowledgeLinks([MASTER], "https://gw.example/")
WANTED = Acknowledgement("inst", "incident", "ops+x@example.org", NOW + 5)


def test_a_link_says_who_takes_what_up_and_until_when():
    url = LINKS.url("inst", "incident", "ada", NOW)
    assert url.startswith("https://gw.example/acknowledge/") and "ada" not in url
    token = url.rpartition("/")[2]
    assert LINKS.read(token, NOW) == Acknowledgement("inst", "incident", "ada", NOW + LIFETIME)
    assert LINKS.read(token, NOW + LIFETIME - 1) is not None
    assert LINKS.read(token, NOW + LIFETIME) is None


def test_without_a_public_url_there_are_no_links():
    assert AcknowledgeLinks([MASTER], "").url("inst", "incident", "ada", NOW) == ""


@given(st.text(max_size=300).filter(lambda text: not text.isascii()) | st.text(max_size=40))
def test_whoever_it_was_sent_to_there_is_a_link(by):
    found = LINKS.read(LINKS.url("inst", "incident", by, NOW).rpartition("/")[2], NOW)
    assert found is not None and (found.by == by or len(by) > 100)


def test_text_without_an_encoding_makes_no_link_impossible():
    found = LINKS.read(LINKS.url("inst", "incident", "a\ud800b", NOW).rpartition("/")[2], NOW)
    assert found is not None and found.by == "a?b"


def test_any_other_character_makes_it_no_link():
    token = LINKS.token(WANTED)
    for place in range(len(token)):
        for other in "A.é":
            changed = token[:place] + other + token[place + 1 :]
            assert LINKS.read(changed, NOW) is None or changed == token


@pytest.mark.parametrize(
    "token", ["", ".", "x", "x.y", "\ud800.\ud800", "." + "A" * 43, "A" * (MAX_TOKEN + 1)]
)
def test_what_is_no_token_of_ours_is_none(token):
    assert LINKS.read(token, NOW) is None


def test_a_link_of_another_purpose_is_none():
    other = UnsubscribeLinks([MASTER], "").token(Unsubscription("inst", "sub", "ada"))
    assert LINKS.read(other, NOW) is None


def test_links_of_an_older_master_key_are_still_good_and_those_of_another_are_not():
    old = AcknowledgeLinks([OLDER], "").token(WANTED)
    assert LINKS.read(old, NOW) is None
    assert AcknowledgeLinks([MASTER, OLDER], "").read(old, NOW) == WANTED
