"""Secrets are taken out of what is kept of an attempt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.masking import Masking
from gateway.spi.outcome import MAX_SENT, DeliveryFailed, Reason

URL = "https://hooks.example.org/services/T0/B0/s3cret"


def test_every_secret_is_masked_the_longest_first():
    masking = Masking(["secret", "secret-longer", ""])
    assert masking.sent(b"a secret-longer and a secret") == b"a ********** and a **********"


def test_of_a_secret_url_the_path_is_masked_too():
    masking = Masking([URL])
    failure = DeliveryFailed(
        Reason.REJECTED, f"cannot POST {URL}", excerpt="Cannot POST /services/T0/B0/s3cret"
    )
    masked = masking.failure(failure, b"")
    assert "s3cret" not in f"{masked}{masked.detail}{masked.excerpt}"
    assert (masked.reason, masked.detail) == (Reason.REJECTED, "cannot POST **********")


def test_a_failure_keeps_all_else():
    failure = DeliveryFailed(Reason.THROTTLED, "wait", retry_after=7.0, status=429, excerpt="slow down")
    masked = Masking([]).failure(failure, b"body")
    assert (masked.retry_after, masked.status, masked.excerpt, masked.sent) == (
        7.0,
        429,
        "slow down",
        b"body",
    )


@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_secret_is_never_left_over(secret, before, after):
    kept = Masking([secret]).sent(f"{before}{secret}{after}".encode("utf-8", "replace"))
    assert secret.encode("utf-8", "replace") not in kept.replace(b"*" * 10, b"\xff")


def test_what_is_kept_is_bounded_and_no_secret_is_cut_in_two():
    secret = "s" * 100
    kept = Masking([secret]).sent(b"x" * (MAX_SENT - 50) + secret.encode() + b"x" * 90_000)
    assert len(kept) == MAX_SENT
    assert b"s" not in kept
