"""First station: bytes and headers become an Envelope, inflated and bounded. Nothing is parsed yet."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from gateway.domain.errors import HeadTooLarge, Malformed, TooLarge, UnsupportedMedia

RawHeaders = Sequence[tuple[bytes, bytes]]

MAX_HEADERS = 128
MAX_HEAD_BYTES = 256 * 1024
"""All header names and values together: a 64 KiB event in binary mode may grow threefold when
percent-encoded (CloudEvents 1.0, Size Limits; HTTP binding 3.1.3.2)."""


class Envelope(NamedTuple):
    """One request to take events, as it arrived.

    `instance` is the instance as the path names it, `source_hint` the registered source that path or
    query name, '' for none. `received_at` is in seconds since the epoch. `tail` is what follows a source's
    capability URL; `receipt` is the same for two requests that are known to be one.
    """

    instance: str
    headers: RawHeaders
    body: bytes
    token: str
    received_at: float
    source_hint: str = ""
    method: str = "POST"
    tail: str = ""
    query: str = ""
    receipt: str = ""


def receive(
    *,
    instance: str,
    headers: RawHeaders,
    body: bytes,
    received_at: float,
    source_hint: str = "",
    max_body: int,
) -> Envelope:
    """Take a request in.

    Raises HeadTooLarge, TooLarge, UnsupportedMedia (an encoding other than gzip), Malformed (bad gzip).
    """
    if len(headers) > MAX_HEADERS:
        raise HeadTooLarge("too_many_headers", f"{len(headers)} headers; at most {MAX_HEADERS} are read")
    token = encoding = b""
    total = 0
    for name, value in headers:
        total += len(name) + len(value)
        folded = name.lower()
        if folded == b"authorization":
            token = value
        elif folded == b"content-encoding":
            encoding = value.strip().lower()
    if total > MAX_HEAD_BYTES:
        raise HeadTooLarge(
            "head_too_large", f"the headers hold {total} bytes; at most {MAX_HEAD_BYTES} are read"
        )
    if encoding and encoding != b"identity":
        body = _inflate(body, encoding, max_body)
    if len(body) > max_body:
        raise too_large(max_body)
    return Envelope(instance, headers, body, bearer(token), received_at, source_hint)


def bearer(authorization: bytes) -> str:
    """The token of an `Authorization: Bearer` header; '' when there is none (RFC 6750)."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""


def too_large(limit: int) -> TooLarge:
    """The refusal of a body over the limit."""
    return TooLarge(
        "body_too_large", f"the body is larger than {limit} bytes", expected=f"at most {limit} bytes"
    )


def _inflate(body: bytes, encoding: bytes, limit: int) -> bytes:
    """One gzip member, inflated no further than the limit: what a bomb would need is never allocated."""
    if encoding != b"gzip":
        raise UnsupportedMedia(
            "unsupported_encoding",
            "the content encoding of the body is not understood",
            expected="gzip",
        )
    inflater = zlib.decompressobj(wbits=31)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise Malformed("bad_gzip", "the body says gzip but cannot be inflated") from error
    if len(inflated) > limit:
        raise too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise Malformed("bad_gzip", "the gzip body is cut short or holds more than one member")
    return inflated
