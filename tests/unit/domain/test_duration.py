"""Durations as people write them: what is written is read again, and nothing else is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.duration import PATTERN, duration_text, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("1d12h", 129_600),
        ("0.25s", 0.25),
        ("0s", 0),
    ],
)
def test_durations_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "30m1h", "1h1h", "-5m", "5M", "1.2345s", "٣m", "5m\n", "inf"]
)
def test_what_is_no_duration_is_not_read(text):
    assert seconds_of(text) is None


@given(st.integers(0, 400 * 86_400_000).map(lambda number: number / 1000))
def test_what_is_written_is_read_again(seconds):
    text = duration_text(seconds)
    assert seconds_of(text) == seconds
    assert re.search(PATTERN, text)


@given(st.text(alphabet="0123456789.dhms \n", max_size=12))
def test_the_pattern_of_the_api_is_what_is_read(text):
    described = re.search(PATTERN.replace("$", r"\Z"), text)
    assert (seconds_of(text) is not None) == bool(described)
