"""The validation request of a sender of webhooks, and consent."""

from __future__ import annotations

import pytest

from gateway.domain.errors import Malformed
from gateway.spi.cloudevents.handshake import Handshake, consent, read

ORIGIN = (b"WebHook-Request-Origin", b"eventemitter.example.com")


def test_a_request_without_an_origin_is_no_handshake():
    assert read([]) is None
    assert read([(b"WebHook-Request-Rate", b"120"), (b"Origin", b"x")]) is None


def test_the_question_is_read_from_the_headers():
    headers = [
        (b"host", b"x"),
        ORIGIN,
        (b"WEBHOOK-REQUEST-RATE", b" 120 "),
        (b"webhook-request-callback", b"https://example.com/confirm?id=12345&key=abc"),
    ]
    assert read(headers) == Handshake(
        "eventemitter.example.com", 120, "https://example.com/confirm?id=12345&key=abc"
    )
    assert read([ORIGIN]) == Handshake("eventemitter.example.com")


@pytest.mark.parametrize(
    "origin", ["eventgrid.azure.net", "localhost", "a_b.example", "example.com.", "10.0.0.1"]
)
def test_an_origin_is_a_dns_name(origin):
    assert read([(ORIGIN[0], origin.encode())]).origin == origin


@pytest.mark.parametrize(
    "origin",
    [
        b"",
        b"*",
        b"a b",
        b"a\r\nX: y",
        b"https://a",
        b"a..b",
        b"-a",
        b"a-",
        b"a," * 9,
        b"a." * 127 + b"a",
        b"\xff",
    ],
)
def test_an_origin_that_is_no_dns_name_is_refused(origin):
    with pytest.raises(Malformed) as caught:
        read([(ORIGIN[0], origin)])
    assert caught.value.code == "webhook_origin_invalid"


@pytest.mark.parametrize("rate", [b"0", b"-1", b"1.5", b"*", b"", b"abc", b"\xd9\xa3", b"9" * 5000])
def test_a_rate_is_a_positive_integer(rate):
    with pytest.raises(Malformed) as caught:
        read([ORIGIN, (b"WebHook-Request-Rate", rate)])
    assert caught.value.code == "webhook_rate_invalid"


@pytest.mark.parametrize(
    "callback", [b"", b"http://a/b", b"/b", b"https://a b", b"file:///etc/passwd", b"https://\xff"]
)
def test_a_callback_is_an_https_url(callback):
    with pytest.raises(Malformed) as caught:
        read([ORIGIN, (b"WebHook-Request-Callback", callback)])
    assert caught.value.code == "webhook_callback_invalid"


def test_a_repeated_header_is_refused():
    with pytest.raises(Malformed) as caught:
        read([ORIGIN, ORIGIN])
    assert caught.value.code == "header_repeated"


@pytest.mark.parametrize(
    ("asked", "limit", "granted"),
    [(None, None, "*"), (120, None, "*"), (None, 60, "60"), (120, 60, "60"), (30, 60, "30")],
)
def test_consent_names_the_origin_and_never_more_than_the_limit(asked, limit, granted):
    assert consent(Handshake("a.example", asked), limit=limit) == {
        "Allow": "POST",
        "WebHook-Allowed-Origin": "a.example",
        "WebHook-Allowed-Rate": granted,
    }
