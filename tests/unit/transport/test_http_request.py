"""Requests as bytes: exactly one request, exactly the headers given, or a refusal."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpRequest, parse_url
from gateway.transport.limits import Limits
from gateway.transport.request import encode

DEFAULT_LIMITS = Limits()
URL = parse_url("https://example.com:8443/hook?a=%2F&b=c")


def encoded(request: HttpRequest, limits: Limits = DEFAULT_LIMITS) -> bytes:
    return encode(request, "tocsin/1", limits)


def refused(request: HttpRequest, limits: Limits = DEFAULT_LIMITS) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        encoded(request, limits)
    return failure.value


def test_a_post_on_the_wire():
    assert encoded(HttpRequest("POST", URL, [("Content-Type", "text/plain"), ("X-U", "ü")], b"hi")) == (
        b"POST /hook?a=%2F&b=c HTTP/1.1\r\nHost: example.com:8443\r\nContent-Type: text/plain\r\n"
        b"X-U: \xc3\xbc\r\nUser-Agent: tocsin/1\r\nContent-Length: 2\r\n\r\nhi"
    )


def test_a_get_has_no_content_length_and_an_empty_post_has():
    assert b"Content-Length" not in encoded(HttpRequest("GET", URL))
    assert b"Content-Length: 0\r\n" in encoded(HttpRequest("POST", URL))
    assert b"Content-Length: 1\r\n" in encoded(HttpRequest("DELETE", URL, body=b"x"))


def test_an_own_user_agent_replaces_ours():
    wire = encoded(HttpRequest("POST", URL, [("user-agent", "mine")]))
    assert wire.lower().count(b"user-agent") == 1
    assert b"user-agent: mine\r\n" in wire


def test_no_compression_is_asked_for():
    assert b"accept-encoding" not in encoded(HttpRequest("POST", URL)).lower()


@pytest.mark.parametrize("method", ["", "post", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nX:", "POST "])
def test_only_known_methods_are_sent(method):
    assert refused(HttpRequest(method, URL)).reason is Reason.MISCONFIGURED


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "evil.test"),
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("CONNECTION", "close"),
        ("Upgrade", "h2c"),
        ("X Y", "v"),
        ("X:", "v"),
        ("", "v"),
        ("X", "a\r\nEvil: b"),
        ("X", "a\nb"),
        ("X", "a\x00b"),
    ],
)
def test_a_header_that_could_break_the_framing_is_misconfigured(header):
    failure = refused(HttpRequest("POST", URL, [header]))
    assert failure.reason is Reason.MISCONFIGURED
    assert not failure.reason.permanent


def test_what_is_too_big_to_send_is_permanent():
    limits = Limits(request_head=200, request_body=10)
    assert refused(HttpRequest("POST", URL, body=b"x" * 11), limits).reason is Reason.UNSUPPORTED
    assert refused(HttpRequest("POST", URL, [("X", "y" * 200)]), limits).reason is Reason.UNSUPPORTED
    assert encoded(HttpRequest("POST", URL, body=b"x" * 10), limits).endswith(b"x" * 10)


class Received:
    """What a strict server makes of the bytes."""

    def __init__(self, wire: bytes) -> None:
        self.messages = 0
        self.target = self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []
        httptools.HttpRequestParser(self).feed_data(wire)

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1


@given(
    st.lists(
        st.tuples(
            st.text(max_size=12) | st.from_regex(r"[A-Za-z-]{1,12}", fullmatch=True), st.text(max_size=20)
        )
    ),
    st.binary(max_size=50),
)
def test_a_server_reads_one_request_with_the_headers_given_or_nothing_is_sent(headers, body):
    try:
        wire = encoded(HttpRequest("POST", URL, headers, body))
    except DeliveryFailed as failure:
        assert failure.reason is Reason.MISCONFIGURED
        return
    received = Received(wire)
    assert (received.messages, received.target, received.body) == (1, URL.target.encode(), body)
    given_headers = [(name.encode(), value.strip(" ").encode()) for name, value in headers]
    own = {b"Host", b"User-Agent", b"Content-Length"}
    assert [field for field in received.headers if field[0] not in own] == [
        field for field in given_headers if field[0] not in own
    ]
