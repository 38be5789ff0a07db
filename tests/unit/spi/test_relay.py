"""The operator's mail relay as a URL."""

from __future__ import annotations

import pytest

from gateway.spi.relay import InvalidRelay, Relay, Security, parse_relay


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example.org", Relay("mail.example.org", 587)),
        ("smtps://mail.example.org", Relay("mail.example.org", 465, Security.TLS)),
        ("smtp://[::1]:2525?security=none", Relay("::1", 2525, Security.NONE)),
        ("smtp://127.0.0.1:25/?security=starttls", Relay("127.0.0.1", 25)),
        (
            "smtps://ops%40example.org:p%3Aa%2Fs@mail.example.org:4465?from=alerts@example.org",
            Relay("mail.example.org", 4465, Security.TLS, "ops@example.org", "p:a/s", "alerts@example.org"),
        ),
    ],
)
def test_a_relay_is_read(url, relay):
    assert parse_relay(url) == relay


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3cret",
        "http://s3cret@mail.example.org",
        "smtp://",
        "smtp://u:s3cret@",
        "smtp://u:s3cret@mail:99999",
        "smtp://u:s3cret@mail:x",
        "smtp://u:s3cret@mail/path",
        "smtp://u:s3cret@mail#x",
        "smtp://u:s3cret@mail?tls=no",
        "smtp://u:s3cret@mail?security=maybe",
        "smtps://u:s3cret@mail?security=none",
        "smtp://u:s3cret@mail?security=none",
        "smtp://u:s3cret@[::1",
    ],
)
def test_what_cannot_be_used_is_refused_without_being_repeated(url):
    with pytest.raises(InvalidRelay) as refused:
        parse_relay(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_password_is_not_in_the_repr():
    assert "s3cret" not in repr(parse_relay("smtps://u:s3cret@mail"))
