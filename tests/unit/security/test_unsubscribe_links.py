"""Links to unsubscribe by: they say what was signed, and nothing else is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.security.unsubscribing import MAX_TOKEN, UnsubscribeLinks, Unsubscription

MASTER, OLDER = b"m" * 32, b"o" * 32
LINKS = UnsubscribeLinks([MASTER], "https://gw.example/")
WANTED = Unsubscription("inst", "sub", "ops+x@example.org")


def test_a_link_stands_below_the_public_url_and_says_who_wants_no_more_of_what():
    url = LINKS.url(WANTED)
    assert url.startswith("https://gw.example/unsubscribe/")
    assert LINKS.read(url.rpartition("/")[2]) == WANTED
    assert "ops" not in url


def test_without_a_public_url_there_are_no_links():
    assert UnsubscribeLinks([MASTER], "").url(WANTED) == ""


@given(st.text(max_size=60), st.text(max_size=40), st.text(max_size=300))
def test_whatever_is_named_comes_back(instance, subscription, recipient):
    wanted = Unsubscription(instance, subscription, recipient)
    text = "".join(wanted)
    if text.isascii() or text.encode("utf-8", "ignore").decode() == text:
        assert LINKS.read(LINKS.token(wanted)) == wanted


def test_any_other_character_makes_it_no_link():
    token = LINKS.token(WANTED)
    for place in range(len(token)):
        for other in "A.é":
            changed = token[:place] + other + token[place + 1 :]
            assert LINKS.read(changed) is None or changed == token


@pytest.mark.parametrize(
    "token", ["", ".", "x", "x.y", "\ud800.\ud800", "." + "A" * 43, "A" * (MAX_TOKEN + 1)]
)
def test_what_is_no_token_of_ours_is_none(token):
    assert LINKS.read(token) is None


def test_links_of_an_older_master_key_are_still_good_and_those_of_another_are_not():
    old = UnsubscribeLinks([OLDER], "").token(WANTED)
    assert LINKS.read(old) is None
    assert UnsubscribeLinks([MASTER, OLDER], "").read(old) == WANTED
    assert UnsubscribeLinks([MASTER, OLDER], "").token(WANTED) == LINKS.token(WANTED)
