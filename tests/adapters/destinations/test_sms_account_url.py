"""The operator's SMS account as a URL."""

from __future__ import annotations

import pytest

from adapters.destinations.sms.account_url import account_of
from adapters.destinations.sms.settings import SmsConfig
from gateway.spi.secret_fields import plain_secrets
from tests.fakes.twilio_api import ACCOUNT, FROM, KEY, SERVICE

S3CRET = "s3cret-t0ken"


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        (f"twilio://{ACCOUNT}:t@?from={FROM}", {"auth_token": "t", "from_number": FROM}),
        (f"twilio://{ACCOUNT}:t@/?from=%2B15005550006", {"auth_token": "t", "from_number": FROM}),
        (f"twilio://{ACCOUNT}:t@?from_number=12345", {"auth_token": "t", "from_number": "12345"}),
        (f"twilio://{ACCOUNT}:t@?from=Tocsin%201", {"auth_token": "t", "from_number": "Tocsin 1"}),
        (
            f"twilio://{ACCOUNT}:a%40b%3Fc%2Fd+e@?messaging_service_sid={SERVICE}",
            {"auth_token": "a@b?c/d+e", "messaging_service_sid": SERVICE},
        ),
        (
            f"twilio://{ACCOUNT}@?key_sid={KEY}&key_secret=k%26s&from={FROM}",
            {"key_sid": KEY, "key_secret": "k&s", "from_number": FROM},
        ),
        (
            f"twilio://{ACCOUNT}:t@?from={FROM}&max_segments=3&on_ambiguous=retry",
            {"auth_token": "t", "from_number": FROM, "max_segments": 3, "on_ambiguous": "retry"},
        ),
        (
            f"twilio://{ACCOUNT}:t@?from={FROM}&base_url=https://api.dublin.ie1.twilio.com",
            {"auth_token": "t", "from_number": FROM, "base_url": "https://api.dublin.ie1.twilio.com"},
        ),
    ],
)
def test_an_account_is_read(url, settings):
    assert account_of(url) == SmsConfig(account_sid=ACCOUNT, **settings)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "twilio://SID:TOKEN@"),
        (S3CRET, "twilio://SID:TOKEN@"),
        (f"https://{ACCOUNT}:{S3CRET}@?from={FROM}", "twilio://SID:TOKEN@"),
        (f"twilio://{ACCOUNT}:{S3CRET}?from={FROM}", "twilio://SID:TOKEN@"),
        (f"twilio://{ACCOUNT}:{S3CRET}@api.twilio.com?from={FROM}", "twilio://SID:TOKEN@"),
        (f"twilio://{ACCOUNT}:{S3CRET}@/messages?from={FROM}", "twilio://SID:TOKEN@"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?from={FROM}#x", "twilio://SID:TOKEN@"),
        (f"twilio://{ACCOUNT}:{S3CRET}@[?from={FROM}", "twilio://SID:TOKEN@"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?{S3CRET}=x&from={FROM}", "each once"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?auth_token={S3CRET}&from={FROM}", "each once"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?from={FROM}&from_number={FROM}", "each once"),
        (f"twilio://{S3CRET}:{S3CRET}@?from={FROM}", "account_sid"),
        (f"twilio://{ACCOUNT}@?from={FROM}", "auth_token"),
        (f"twilio://{ACCOUNT}:{S3CRET}@", "one of them"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?from={S3CRET}", "from_number"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?from={FROM}&max_segments={S3CRET}", "max_segments"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?from={FROM}&base_url={S3CRET}", "base_url"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?from={FROM}&on_ambiguous={S3CRET}", "on_ambiguous"),
        (f"twilio://{ACCOUNT}:{S3CRET}@?from={FROM}&key_secret={S3CRET}", "belong together"),
    ],
)
def test_what_cannot_be_used_is_refused_without_being_repeated(url, fault):
    with pytest.raises(ValueError, match=fault) as refused:
        account_of(url)
    assert S3CRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_secret_is_in_the_repr():
    account = account_of(f"twilio://{ACCOUNT}:{S3CRET}@?from={FROM}&key_sid={KEY}&key_secret={S3CRET}2")
    assert set(plain_secrets(account).values()) == {S3CRET, f"{S3CRET}2"}
    assert S3CRET not in repr(account)
