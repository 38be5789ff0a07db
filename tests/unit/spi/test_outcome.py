"""Outcomes: the closed set of reasons, and the cleaning of whatever a far end said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.outcome import (
    MAX_DETAIL,
    MAX_EXCERPT,
    DeliveryFailed,
    Reason,
    Receipt,
    clean_line,
    clean_text,
)


def test_the_set_of_reasons_is_closed():
    assert [str(reason) for reason in Reason] == [
        "rejected",
        "unauthorized",
        "gone",
        "throttled",
        "unavailable",
        "timeout",
        "ambiguous",
        "tls",
        "blocked_address",
        "misconfigured",
        "render_failed",
        "unsupported",
        "unexpected",
    ]


def test_three_reasons_are_permanent_and_one_disables():
    assert {reason for reason in Reason if reason.permanent} == {"rejected", "render_failed", "unsupported"}
    assert {reason for reason in Reason if reason.disables} == {"gone"}
    assert {reason for reason in Reason if reason.sent_unknown} == {"ambiguous"}


def test_reasons_that_need_a_look_at_the_settings_are_flagged_but_tried_again():
    flagged = {reason for reason in Reason if reason.flags}
    assert flagged == {"unauthorized", "tls", "blocked_address", "misconfigured"}
    assert not any(reason.permanent for reason in flagged)


def test_a_failure_carries_what_happened():
    failure = DeliveryFailed(Reason.THROTTLED, "answered 429", retry_after=2.0, status=429, excerpt="slow")
    assert (failure.reason, failure.retry_after, failure.status) == (Reason.THROTTLED, 2.0, 429)
    assert str(failure) == "throttled: answered 429"
    assert failure.excerpt == "slow"


def test_a_detail_is_one_clean_line_of_bounded_length():
    failure = DeliveryFailed(Reason.REJECTED, "a\r\nb\x00\x1b[31m\u202ec" + "d" * 1000)
    assert failure.detail.startswith("a b [31m c")
    assert len(failure.detail) <= MAX_DETAIL


def test_an_excerpt_keeps_lines_and_tabs_and_nothing_else_that_controls():
    failure = DeliveryFailed(Reason.REJECTED, excerpt="one\r\n\ttwo\x1b[2J\x00\u2066three\x85")
    assert failure.excerpt == "one\n\ttwo [2J three "


def test_a_receipt_is_cleaned_too():
    receipt = Receipt("250\r\n", "2.0.0 Ok\x07", "id\n1" + "x" * 1000)
    assert receipt.code == "250"
    assert receipt.detail == "2.0.0 Ok"
    assert receipt.vendor_id.startswith("id 1")
    assert len(receipt.vendor_id) <= MAX_DETAIL
    assert Receipt(202).code == 202


@pytest.mark.parametrize("text", ["", "Grüße 🎉", "plain", "日本"])
def test_ordinary_text_is_left_alone(text):
    assert clean_line(text) == text
    assert clean_text(text) == text


@given(st.text(alphabet=st.characters(), max_size=6000))
def test_cleaned_text_can_be_stored_and_shown(text):
    line, block = clean_line(text), clean_text(text)
    assert len(line) <= MAX_DETAIL
    assert len(block.encode("utf-8")) <= MAX_EXCERPT
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)
    assert not any(ord(character) < 32 and character not in "\n\t" for character in block)
