"""Bytes as an answer: llhttp parses strictly, this file keeps what it finds within limits.

Pure: no sockets, no time. One parser serves one connection, answer after answer.
"""

from __future__ import annotations

import re

import httptools

from gateway.spi.outcome import clean_line
from gateway.spi.transport import Headers, HttpAnswer
from gateway.transport.limits import Limits

_KEEP_ALIVE_TIMEOUT = re.compile(rb"(?:^|[\s,;])timeout=([0-9]{1,6})(?:$|[\s,;])", re.IGNORECASE)


class MalformedAnswer(Exception):
    """What came is not an HTTP/1.x answer, or its head is over a limit."""


class _Enough(Exception):
    """Raised in a callback: the rest of the bytes does not matter."""


class AnswerParser:
    """Reads answers, one `expect` each.

    `complete` tells that the final answer is there; `head_complete` that at least its status and
    headers are. `reusable` tells that the connection may carry another exchange, and `idle_seconds`
    for how long the peer promised to keep it, if it did (the Keep-Alive header).
    """

    __slots__ = (
        "_chunks",
        "_fields",
        "_head_size",
        "_interim",
        "_limits",
        "_method",
        "_parser",
        "_phrase",
        "_room",
        "_seen",
        "_status",
        "_truncated",
        "complete",
        "head_complete",
        "idle_seconds",
        "reusable",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = httptools.HttpResponseParser(self)
        self.idle_seconds: float | None = None
        self.expect("GET")

    def expect(self, method: str) -> None:
        """Begin with the answer to a request of this method."""
        self._method = method
        self._seen = self._interim = 0
        self._room = self._limits.answer_body
        self._chunks: list[bytes] = []
        self._truncated = False
        self.complete = self.reusable = False
        self._begin_message()

    def _begin_message(self) -> None:
        self._status = 0
        self._phrase = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self.head_complete = False

    def feed(self, data: bytes | bytearray | memoryview) -> bool:
        """Take in what was received; True once the answer is complete. Raises MalformedAnswer."""
        self._seen += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._stopped(error)
        if not self.complete:
            self._check_size()
        return self.complete

    def end_of_stream(self) -> bool:
        """The peer closed the connection; True if that ends the answer (RFC 9112 section 6.3)."""
        if self.head_complete and not self._delimited():
            self.complete = True
        return self.complete

    def _delimited(self) -> bool:
        codings = [value for name, value in self._fields if name.lower() == b"transfer-encoding"]
        if codings:
            return codings[-1].lower().endswith(b"chunked")
        return any(name.lower() == b"content-length" for name, _ in self._fields)

    def answer(self, *, truncated: bool = False) -> HttpAnswer:
        """The answer as far as it is known; its head must be complete."""
        return HttpAnswer(
            self._status,
            clean_line(self._phrase.decode("latin-1")),
            Headers(self._fields),
            b"".join(self._chunks),
            self._truncated or truncated,
        )

    @property
    def status(self) -> int | None:
        """The status of the final answer, once its head is complete."""
        return self._status if self.head_complete else None

    def forget(self) -> None:
        """Break the cycle between this and llhttp; nothing may be fed afterwards."""
        del self._parser

    def _stopped(self, error: Exception) -> None:
        if self.complete:
            self.reusable = False
            return
        raise MalformedAnswer(str(error.__context__ or error)) from error

    def _check_size(self) -> None:
        if not self.head_complete:
            if self._seen > self._limits.answer_head:
                raise MalformedAnswer(f"the head of the answer is over {self._limits.answer_head} bytes")
        elif self._seen > self._limits.answer_bytes:
            self._truncated = self.complete = True

    # What follows is called by llhttp.

    def on_message_begin(self) -> None:
        if self.complete:
            raise _Enough

    def on_status(self, phrase: bytes) -> None:
        self._phrase = phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        fields = self._fields
        self._head_size += len(name) + len(value)
        if len(fields) >= self._limits.answer_headers or self._head_size > self._limits.answer_head:
            raise MalformedAnswer("the answer has too many or too long header fields")
        if self.head_complete:
            return  # a trailer: nothing here reads trailers, and they must not pass for headers
        fields.append((name, value))
        if len(name) == 10 and name.lower() == b"keep-alive":
            promised = _KEEP_ALIVE_TIMEOUT.search(value)
            self.idle_seconds = float(promised[1]) if promised else None

    def on_headers_complete(self) -> None:
        self._status = status = self._parser.get_status_code()
        if status < 200:
            self._check_interim(status)
            return
        self.head_complete = True
        if self._method == "HEAD":
            # There is no body, whatever the headers say, but llhttp does not know what was asked.
            self.complete = True
            raise _Enough

    def _check_interim(self, status: int) -> None:
        self._interim += 1
        if status < 100 or status == 101:
            raise MalformedAnswer(f"the answer has status {status:03}, which nothing asked for")
        if self._interim > self._limits.interim_answers:
            raise MalformedAnswer("the answer never ends to announce itself (1xx)")

    def on_body(self, body: bytes) -> None:
        self._room -= len(body)
        if self._room < 0:
            self._chunks.append(body[: self._room])
            self._truncated = self.complete = True
            raise _Enough
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        if not self.head_complete:
            self._begin_message()
            return
        self.complete = True
        self.reusable = self._parser.should_keep_alive()
