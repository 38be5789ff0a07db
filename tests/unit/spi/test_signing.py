"""Standard Webhooks signatures, with the published library as the oracle."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.domain.errors import Unauthorized
from gateway.spi.signing import Signer, generate_secret, secret_key, verify

NOW = 1_760_000_000
OLD, NEW = generate_secret(), generate_secret()


def headers_for(signature, message_id="msg_1", timestamp=str(NOW)):
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}


@given(
    st.binary(min_size=24, max_size=64),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(0, 4_000_000_000),
)
def test_the_published_library_makes_the_same_signature(key, message_id, body, timestamp):
    oracle = Webhook(key)
    secret = f"whsec_{base64.b64encode(key).decode()}"
    expected = oracle.sign(message_id, datetime.fromtimestamp(timestamp, tz=UTC), body)
    assert Signer([secret]).sign(message_id, str(timestamp), body.encode()) == expected


def test_the_published_library_accepts_both_signatures_of_a_rotation():
    now = int(datetime.now(tz=UTC).timestamp())
    signature = Signer([NEW, OLD]).sign("msg_1", str(now), b'{"a":1}')
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(b'{"a":1}', headers_for(signature, timestamp=str(now))) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(generate_secret()).verify(b'{"a":1}', headers_for(signature, timestamp=str(now)))


def test_what_is_signed_verifies_with_any_live_secret():
    signature = Signer([NEW, OLD]).sign("msg_1", str(NOW), b"body")
    verify([OLD], headers_for(signature), b"body", NOW)
    verify([generate_secret(), NEW], headers_for(signature), b"body", NOW + 299)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"webhook-id": "msg_2"}, "signature_invalid"),
        ({"webhook-id": ""}, "signature_missing"),
        ({"webhook-timestamp": str(NOW + 1)}, "signature_invalid"),
        ({"webhook-timestamp": "soon"}, "signature_expired"),
        ({"webhook-timestamp": "-1"}, "signature_expired"),
        ({"webhook-timestamp": str(NOW) + "\n"}, "signature_expired"),
        ({"webhook-timestamp": "١٧٦٠٠٠٠٠٠٠"}, "signature_expired"),
        ({"webhook-signature": "v1,"}, "signature_invalid"),
        ({"webhook-signature": "v1,ü\ud800"}, "signature_invalid"),
        ({"webhook-signature": "v2,AAAA"}, "signature_invalid"),
        ({"webhook-signature": " " * 5000}, "signature_invalid"),
    ],
)
def test_a_changed_header_is_refused(change, code):
    signature = Signer([NEW]).sign("msg_1", str(NOW), b"body")
    with pytest.raises(Unauthorized) as refused:
        verify([NEW], headers_for(signature) | change, b"body", NOW)
    assert refused.value.code == code


@pytest.mark.parametrize("now", [NOW + 301, NOW - 301])
def test_a_signature_older_or_younger_than_the_tolerance_is_refused(now):
    signature = Signer([NEW]).sign("msg_1", str(NOW), b"body")
    with pytest.raises(Unauthorized) as refused:
        verify([NEW], headers_for(signature), b"body", now)
    assert refused.value.code == "signature_expired"


def test_another_body_or_another_secret_is_refused():
    signature = Signer([NEW]).sign("msg_1", str(NOW), b"body")
    with pytest.raises(Unauthorized):
        verify([NEW], headers_for(signature), b"body ", NOW)
    with pytest.raises(Unauthorized):
        verify([OLD], headers_for(signature), b"body", NOW)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_AAAA", "whsec_*&?*", pytest.param(NEW.removeprefix("whsec_"), id="unprefixed")],
)
def test_what_is_no_secret_is_refused_without_being_repeated(secret):
    with pytest.raises(ValueError, match="whsec_ followed by base64") as refused:
        secret_key(secret)
    assert secret in ("", "whsec_") or secret not in str(refused.value)


def test_a_generated_secret_is_new_each_time_and_long_enough():
    assert generate_secret() != generate_secret()
    assert len(secret_key(generate_secret())) == 32
