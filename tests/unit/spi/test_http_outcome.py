"""What an HTTP answer means: statuses, Retry-After, headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import (
    RESERVED_HEADERS,
    Headers,
    HttpAnswer,
    HttpRequest,
    failure_of,
    header_fault,
    parse_retry_after,
    parse_url,
)

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples


def failure(status: int, *headers: tuple[bytes, bytes], body: bytes = b"") -> DeliveryFailed:
    found = failure_of(HttpAnswer(status, "Phrase", Headers(headers), body), NOW)
    assert found is not None
    return found


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_every_2xx_is_success(status):
    assert failure_of(HttpAnswer(status), NOW) is None


@pytest.mark.parametrize(
    ("reason", "statuses"),
    [
        (Reason.REJECTED, [300, 301, 302, 303, 304, 307, 308, 400, 405, 406, 413, 415, 418, 422, 451, 499]),
        (Reason.UNAUTHORIZED, [401, 402, 403, 404, 407]),
        (Reason.GONE, [410]),
        (Reason.THROTTLED, [429]),
        (Reason.UNAVAILABLE, [408, 409, 421, 423, 425, 500, 501, 502, 503, 504, 507, 599, 600, 999]),
    ],
)
def test_the_table_of_statuses(reason, statuses):
    for status in statuses:
        found = failure(status)
        assert (found.reason, found.status) == (reason, status)


def test_a_failure_names_the_status_and_keeps_what_was_said():
    found = failure(422, body=b'{"error":"\xff no such field"}\x00')
    assert found.detail == "answered 422 Phrase"
    assert found.excerpt == '{"error":"\ufffd no such field"} '


def test_a_compressed_body_is_no_excerpt():
    assert failure(500, (b"Content-Encoding", b"gzip"), body=b"\x1f\x8b").excerpt == ""
    assert failure(500, (b"Content-Encoding", b"identity"), body=b"oops").excerpt == "oops"


def test_only_429_and_503_pause():
    header = (b"Retry-After", b"7")
    assert (failure(429, header).reason, failure(429, header).retry_after) == (Reason.THROTTLED, 7.0)
    assert (failure(503, header).reason, failure(503, header).retry_after) == (Reason.THROTTLED, 7.0)
    assert failure(429).retry_after is None
    assert failure(500, header).retry_after is None
    assert failure(503, (b"Retry-After", b"soon")).reason is Reason.UNAVAILABLE


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        (" 120 ", 120.0),
        ("0", 1.0),
        ("0.25", 1.0),
        ("1.5", 1.5),
        ("1000000000", 86_400.0),
        ("99999999999999999999", 86_400.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 1.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("-5", None),
        ("1e9", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Sun, 99 Nov 1994 08:50:37 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_clamped_or_ignored(text, seconds):
    assert parse_retry_after(text, NOW) == seconds


@given(st.text(max_size=80))
def test_any_retry_after_is_a_bounded_pause_or_ignored(text):
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 1.0 <= seconds <= 86_400.0


def test_headers_of_an_answer_are_found_without_case_and_cleaned():
    headers = Headers([(b"X-Id", b"a\x1bb\xe9"), (b"x-id", b"second")])
    assert headers.get("X-ID") == "a bé"
    assert "x-id" in headers
    assert headers.get("other") is None
    assert len(headers) == 2


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nY", "Ü", "x" * 257, "x\x00"])
def test_a_header_name_is_a_token(name):
    assert header_fault(name, "value")


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\rb", "a\x00b", "\tb", "a\x7f", "a\x85b", "a\ud800"])
def test_a_header_value_holds_no_control_characters(value):
    assert "control character" in header_fault("X-Name", value)


def test_framing_headers_belong_to_the_transport():
    for name in RESERVED_HEADERS:
        assert "set by the gateway" in header_fault(name.title(), "x")


@pytest.mark.parametrize("value", ["", "text/plain; charset=utf-8", "Grüße", "a\u00a0b", "日本"])
def test_ordinary_header_values_pass(value):
    assert header_fault("X-Name", value) is None


def test_a_printed_request_shows_no_secrets():
    url = parse_url("https://example.com/s3cret")
    request = HttpRequest("POST", url, [("Authorization", "Bearer s3cret")], b"s3cret")
    assert "s3cret" not in repr(request)
