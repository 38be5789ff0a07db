"""Segments of short messages: counted as a second count does it, and never more than may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.destinations.sms.segments import CUT, LEAST_TITLE, fitted, plain, segments
from tests.fakes.twilio_api import BASIC, EXTENDED, segment_count

LINK = "https://gw.example/v1/instances/default/events/01998b2e-0000-7000-8000-00000000d001"
texts = st.text(st.sampled_from(BASIC.replace("\x1b", "") + EXTENDED), max_size=700) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=300
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 76 + "a" + "€" * 76, 2),
        ("€" * 77 + "€" * 76, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("🚨" * 35, 1),
        ("🚨" * 36, 2),
        ("🚨" * 67, 3),
    ],
)
def test_segments_are_counted_as_they_are_paid(text, count):
    assert segments(text) == segment_count(text) == count


@given(texts)
def test_the_count_is_that_of_a_second_count(text):
    assert segments(text) == segment_count(text)


@given(texts, texts, st.sampled_from(["", LINK]), st.integers(1, 10))
def test_a_fitted_text_is_within_its_segments_and_its_link_is_whole_or_absent(title, summary, link, most):
    text = fitted([title, summary], link, most)
    assert segment_count(text) <= most
    assert not link or text.endswith(link) or link[:20] not in text


@given(texts, st.integers(1, 10))
def test_what_fits_is_not_touched(text, most):
    if segments(text) <= most:
        assert fitted([text], "", most) == text


def test_the_link_gives_way_where_too_little_would_be_left_for_the_title():
    title = "ж" * 100
    assert LINK not in fitted([title], LINK, 1)
    kept = fitted([title], LINK, 3)
    assert kept == f"{title}\n{LINK}"
    cut = fitted([title * 3], LINK, 3)
    assert cut.endswith(f"{CUT}\n{LINK}")
    assert cut.startswith("ж" * LEAST_TITLE)


def test_typographic_characters_do_not_double_the_price():
    text = "The disk “/var” is full – it’s at 100 %…\u00a0→ see • log\u200b"
    assert segments(plain(text)) == 1
    assert plain(text) == 'The disk "/var" is full - it\'s at 100 %... -> see * log'
