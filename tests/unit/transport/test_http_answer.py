"""Bytes as answers: what is understood, what is cut, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.transport import HttpAnswer
from gateway.transport.answer import AnswerParser, MalformedAnswer
from gateway.transport.limits import Limits

OK = b"HTTP/1.1 200 OK\r\n"
LIMITS = Limits(answer_body=100, answer_head=1000, answer_headers=20, interim_answers=5)


def parse(
    *pieces: bytes, method: str = "POST", closed: bool = False, limits: Limits = LIMITS
) -> AnswerParser:
    parser = AnswerParser(limits)
    parser.expect(method)
    for piece in pieces:
        if parser.feed(piece):
            break
    if closed:
        parser.end_of_stream()
    return parser


def answer(*pieces: bytes, method: str = "POST", closed: bool = False) -> HttpAnswer:
    parser = parse(*pieces, method=method, closed=closed)
    assert parser.complete
    return parser.answer()


def malformed(*pieces: bytes) -> str:
    with pytest.raises(MalformedAnswer) as error:
        parse(*pieces)
    return str(error.value)


def test_an_answer_with_a_length():
    parser = parse(b"HTTP/1.1 202 Accepted\r\nX-Id: 7\r\nContent-Length: 2\r\n\r\nok")
    found = parser.answer()
    assert (found.status, found.reason, found.body, found.truncated) == (202, "Accepted", b"ok", False)
    assert found.headers.get("x-id") == "7"
    assert parser.reusable


def test_a_chunked_answer_without_its_trailers():
    found = answer(
        OK + b"Transfer-Encoding: chunked\r\n\r\n2;ext=1\r\nok\r\n1\r\n!\r\n0\r\nRetry-After: 9\r\n\r\n"
    )
    assert found.body == b"ok!"
    assert found.headers.get("retry-after") is None


@pytest.mark.parametrize("head", [OK, b"HTTP/1.0 200 OK\r\n", OK + b"Transfer-Encoding: gzip\r\n"])
def test_an_answer_that_ends_when_the_connection_does(head):
    parser = parse(head + b"\r\n", b"until ", b"close")
    assert not parser.complete
    assert parser.end_of_stream()
    assert parser.answer().body == b"until close"
    assert not parser.reusable


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_answer_with_an_announced_length_does_not_end_early(head):
    assert not parse(OK + head + b"\r\n", b"1\r\n", closed=True).complete


def test_nothing_at_all_is_no_answer():
    assert not parse(closed=True).complete
    assert not parse(OK, closed=True).complete


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_content_is_complete_with_its_head(status):
    assert answer(b"HTTP/1.1 " + status + b"\r\n\r\n").body == b""


def test_a_head_request_gets_no_body_whatever_its_length_says():
    parser = parse(OK + b"Content-Length: 5\r\n\r\n", method="HEAD")
    assert parser.complete
    assert not parser.reusable


def test_interim_answers_are_passed_over():
    found = answer(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n",
        OK + b"Content-Length: 0\r\n\r\n",
    )
    assert found.status == 200
    assert found.headers.get("link") is None


def test_interim_answers_are_bounded():
    assert "never ends" in malformed(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 6)


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_a_connection_is_reusable_as_the_peer_says(head, reusable):
    assert parse(head + b"Content-Length: 0\r\n\r\n").reusable is reusable


@pytest.mark.parametrize("surplus", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\x00" * 500])
def test_bytes_after_the_answer_spoil_the_connection_but_not_the_answer(surplus):
    parser = parse(OK + b"Content-Length: 2\r\n\r\nok" + surplus)
    assert parser.complete
    assert parser.answer().body == b"ok"
    assert not parser.reusable


def test_one_parser_reads_answer_after_answer():
    parser = AnswerParser(LIMITS)
    for number in range(3):
        parser.expect("POST")
        assert not parser.feed(OK + b"X-Number: %d\r\nContent-Length: 1\r\n" % number)
        assert parser.feed(b"\r\n%d" % number)
        assert parser.answer().body == b"%d" % number
        assert parser.answer().headers.get("x-number") == str(number)
        assert len(parser.answer().headers) == 2
        assert parser.reusable


def test_a_promise_to_keep_the_connection_is_noted():
    assert parse(OK + b"Keep-Alive: timeout=5, max=100\r\nContent-Length: 0\r\n\r\n").idle_seconds == 5
    assert parse(OK + b"keep-alive: max=5\r\nContent-Length: 0\r\n\r\n").idle_seconds is None
    assert parse(OK + b"Content-Length: 0\r\n\r\n").idle_seconds is None


def test_a_body_is_cut_at_the_limit_and_not_before():
    exact = parse(OK + b"Content-Length: 100\r\n\r\n" + b"x" * 100)
    assert (len(exact.answer().body), exact.answer().truncated, exact.reusable) == (100, False, True)
    over = parse(OK + b"Content-Length: 101\r\n\r\n", b"x" * 60, b"x" * 41)
    assert (len(over.answer().body), over.answer().truncated, over.reusable) == (100, True, False)


def test_chunk_framing_without_end_is_cut_too():
    parser = AnswerParser(LIMITS)
    parser.expect("POST")
    parser.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n1;")
    fed = 0
    while not parser.feed(b"a" * 100):
        fed += 100
        assert fed <= LIMITS.answer_bytes
    assert parser.answer().truncated
    assert not parser.reusable


@pytest.mark.parametrize(
    "wire",
    [
        b"garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"A B: c\r\n\r\n",
        OK + b"A: b\x00c\r\n\r\n",
        OK + b"A: b\r\n folded\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_what_is_not_http_is_malformed(wire):
    assert malformed(wire)


def test_a_head_has_bounded_fields_and_bytes():
    assert "too many" in malformed(OK + b"A: b\r\n" * 21 + b"\r\n")
    assert "too many" in malformed(OK + b"A: " + b"b" * 1001 + b"\r\n\r\n")
    assert "over 1000 bytes" in malformed(OK, b"A: ", *[b"b" * 100] * 11)
    assert "over 1000 bytes" in malformed(b"HTTP/1.1 200 ", *[b"O" * 100] * 11)


def test_trailers_have_bounded_bytes():
    assert "too many" in malformed(
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: " + b"b" * 1001 + b"\r\n\r\n"
    )


def test_strange_but_readable_status_lines_are_cleaned():
    found = answer(b"HTTP/1.1 999 A\x00\x1b[31m\xe9\r\nContent-Length: 0\r\n\r\n")
    assert (found.status, found.reason) == (999, "A [31mé")
    assert answer(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").reason == ""


def test_a_known_head_gives_a_partial_answer():
    parser = parse(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 10\r\n\r\nhalf")
    assert parser.status == 503
    assert not parser.end_of_stream()
    partial = parser.answer(truncated=True)
    assert (partial.status, partial.body, partial.truncated) == (503, b"half", True)
    assert parse(b"HTTP/1.1 503 Busy\r\nRetry").status is None


@st.composite
def pieces(draw):
    """An honest answer, cut anywhere."""
    body = draw(st.binary(max_size=100))
    if draw(st.booleans()):
        wire = OK + b"X: y\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    else:
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
        chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
        wire = OK + b"X: y\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    cuts = sorted(draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    return body, [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


@given(pieces())
def test_an_answer_is_the_same_however_it_is_cut(cut):
    body, parts = cut
    parser = AnswerParser(LIMITS)
    parser.expect("POST")
    ends = [parser.feed(part) for part in parts if part]
    assert ends[-1]
    assert not any(ends[:-1])
    assert parser.reusable
    assert (parser.answer().body, parser.answer().headers.get("x")) == (body, "y")


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([OK, b"\r\n", b"HTTP/1.1 ", b"A: b\r\n", b"0\r\n\r\n"]))
)
def test_any_bytes_are_an_answer_or_malformed_or_not_yet_either(parts):
    parser = AnswerParser(LIMITS)
    parser.expect("POST")
    try:
        for part in parts:
            if part and parser.feed(part):
                break
    except MalformedAnswer as error:
        assert len(str(error)) < 200
        return
    if parser.end_of_stream():
        found = parser.answer()
        assert 200 <= found.status <= 999
        assert len(found.body) <= LIMITS.answer_body
        assert found.reason.isprintable() or not found.reason
