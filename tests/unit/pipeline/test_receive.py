"""Bytes and headers become an envelope, or are refused."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import HeadTooLarge, Malformed, Refused, TooLarge, UnsupportedMedia
from gateway.pipeline.receive import MAX_HEAD_BYTES, MAX_HEADERS, bearer, receive

LIMIT = 100_000


def take(body: bytes = b"", *headers: tuple[bytes, bytes]):
    return receive(instance="i", headers=headers, body=body, received_at=1.0, max_body=LIMIT)


def test_a_plain_body_is_taken_as_it_is():
    envelope = take(b"x", (b"Authorization", b"Bearer abc"))
    assert (envelope.body, envelope.token) == (b"x", "abc")


@pytest.mark.parametrize("header", [b"", b"Basic abc", b"abc", b"bearerabc"])
def test_other_authorizations_are_no_token(header):
    assert bearer(header) == ""


@given(st.binary(max_size=2000))
def test_gzip_is_inflated(body):
    assert take(gzip.compress(body), (b"Content-Encoding", b"gzip")).body == body


def test_a_gzip_bomb_is_refused_before_it_is_inflated():
    with pytest.raises(TooLarge):
        take(gzip.compress(b"0" * 10_000_000), (b"content-encoding", b"GZIP"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip",
        gzip.compress(b"cut", mtime=0)[:-3],
        gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0),
        zlib.compress(b"x"),
    ],
)
def test_bad_gzip_is_refused(body):
    with pytest.raises(Malformed) as refused:
        take(body, (b"Content-Encoding", b"gzip"))
    assert refused.value.code == "bad_gzip"


@given(st.binary(max_size=200))
def test_whatever_claims_to_be_gzip_is_inflated_or_refused(body):
    try:
        take(body, (b"Content-Encoding", b"gzip"))
    except Refused as refused:
        assert refused.status in (400, 413)


def test_another_encoding_is_not_understood():
    with pytest.raises(UnsupportedMedia):
        take(b"x", (b"Content-Encoding", b"br"))


def test_a_body_over_the_limit_is_refused():
    assert take(b"x" * LIMIT).body
    with pytest.raises(TooLarge):
        take(b"x" * (LIMIT + 1))


def test_headers_are_bounded_in_number_and_in_total():
    assert take(b"", *[(b"a", b"b")] * MAX_HEADERS)
    with pytest.raises(HeadTooLarge):
        take(b"", *[(b"a", b"b")] * (MAX_HEADERS + 1))
    with pytest.raises(HeadTooLarge):
        take(b"", (b"a", b"x" * MAX_HEAD_BYTES))
