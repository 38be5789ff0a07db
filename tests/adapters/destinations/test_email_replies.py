"""What a mail server's replies mean, over all codes and stages."""

from __future__ import annotations

import ssl

import pytest
from aiosmtplib import SMTPResponseException, SMTPServerDisconnected
from hypothesis import given
from hypothesis import strategies as st

from adapters.destinations.email.replies import Stage, failure_of
from gateway.spi.outcome import Reason

SERVER = "mail.example.org:587"


def judged(code: int, text: str, stage: Stage):
    return failure_of(SMTPResponseException(code, text), stage, SERVER)


@given(st.integers(400, 499), st.text(), st.sampled_from(Stage))
def test_a_transient_reply_never_ends_a_delivery(code, text, stage):
    failure = judged(code, text, stage)
    assert not failure.reason.permanent
    assert failure.status == code


@given(st.integers(-1, 599), st.text(), st.sampled_from(Stage))
def test_only_what_concerns_the_mail_or_its_recipient_ends_a_delivery(code, text, stage):
    if judged(code, text, stage).reason.permanent:
        assert code >= 500
        assert stage >= Stage.SENDER


@given(st.integers(-1, 999), st.sampled_from(Stage))
def test_an_answer_that_is_no_answer_is_never_taken_for_one(code, stage):
    if not 400 <= code <= 599:
        expected = {Stage.CONTENT: Reason.AMBIGUOUS, Stage.TLS: Reason.TLS}
        assert judged(code, "what", stage).reason in (Reason.UNAVAILABLE, expected.get(stage))


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    "error", [SMTPServerDisconnected("x"), TimeoutError(), ConnectionResetError(), BrokenPipeError()]
)
def test_silence_is_ambiguous_exactly_after_the_content(stage, error):
    assert (failure_of(error, stage, SERVER).reason is Reason.AMBIGUOUS) == (stage is Stage.CONTENT)


def test_a_certificate_that_is_not_accepted_is_a_matter_of_tls():
    error = ssl.SSLCertVerificationError(1, "no")
    error.verify_message = "expired"
    failure = failure_of(error, Stage.CONNECT, SERVER)
    assert (failure.reason, failure.detail) == (
        Reason.TLS,
        f"{SERVER}: the certificate is not accepted: expired",
    )


@pytest.mark.parametrize("text", ["5.7.10000 x", "5.2.2x", "x 5.2.2", ""])
def test_what_only_looks_like_an_enhanced_code_is_none(text):
    assert judged(550, text, Stage.RECIPIENT).reason is Reason.REJECTED


@pytest.mark.parametrize("text", ["5.2.2", "5.2.2 full", "5.2.2\nfull"])
def test_a_full_mailbox_is_tried_again_in_an_hour(text):
    failure = judged(552, text, Stage.RECIPIENT)
    assert (failure.reason, failure.retry_after) == (Reason.UNAVAILABLE, 3600.0)
