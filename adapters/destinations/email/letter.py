"""A message as the bytes of a mail: multipart/alternative, text first, HTML last (RFC 5322, RFC 2046).

Assembled by hand, because `email.message` needs a millisecond of the event loop for what takes tens of
microseconds here. Every header value is made one line and ASCII; bodies are quoted-printable or base64,
so that no line is too long and no byte is above 127.
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import sha256

from gateway.domain.severity import Severity
from gateway.spi.message import Message
from gateway.spi.rendering import headline, html_body, one_line, text_body

MAX_SUBJECT = 255
"""Characters (facts: a subject of 5,000 is accepted by servers and shown by nobody)."""

MAX_URL = 900
"""Characters of a link in a header, whose line has at most 998 (RFC 5322 section 2.1.1)."""

ONE_CLICK = "List-Unsubscribe=One-Click"

# No quoted-printable or base64 text can hold `=_`, so no body can hold the boundary (RFC 2045 section 6.7).
_BOUNDARY = "=_tocsin_alternative"
# 30 bytes make encoded words of 52 characters: lines stay within 76 (RFC 2047 section 2).
_WORD_BYTES = 30
# One byte in twelve beyond ASCII costs quoted-printable what base64 costs for all.
_FEW = 12
_BASE64_LINE_BYTES = 57
_NEEDS_QUOTES = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes. Addresses are in the form of `addresses.mailbox`, names are free text; '' means none."""

    sender: str
    sender_name: str = ""
    reply_to: str = ""
    reply_to_name: str = ""
    domain: str = "tocsin.local"


def compose(message: Message, head: Letterhead, recipient: str, now: float, *, with_details: bool) -> bytes:
    """The mail to one recipient, lines ended by CRLF, ready for DATA but for dot-stuffing.

    The Message-ID is made from the delivery, the same on every try. `now` is in seconds since the epoch.
    """
    text = text_body(message, with_details=with_details)
    page = html_body(message, with_details=with_details)
    return b"".join(
        (
            "\r\n".join(_header_lines(message, head, recipient, now)).encode(),
            _PREAMBLE,
            _part("plain", text),
            _part("html", page),
            _END,
        )
    )


_PREAMBLE = (
    f'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n\r\n'
).encode()
_END = f"--{_BOUNDARY}--\r\n".encode()


def _header_lines(message: Message, head: Letterhead, recipient: str, now: float) -> list[str]:
    lines = [
        f"From: {_named(head.sender_name, head.sender)}",
        f"To: {recipient}",
        f"Subject: {unstructured(headline(message, MAX_SUBJECT))}",
        f"Date: {formatdate(now)}",
        f"Message-ID: <{message.delivery_id}@{head.domain}>",
        *_thread_lines(message, head.domain),
        f"List-Id: <{message.accepted.instance_id}.{head.domain}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        f"X-Tocsin-Event-Id: {_sanitised(message.event.id)}",
        f"X-Tocsin-Event-Type: {_sanitised(message.event.type)}",
        f"X-Tocsin-Severity: {message.severity.word}",
    ]
    lines += _unsubscribe_lines(message.unsubscribe_url)
    if head.reply_to:
        lines.append(f"Reply-To: {_named(head.reply_to_name, head.reply_to)}")
    if message.severity is Severity.CRITICAL:
        lines += ["Importance: high", "X-Priority: 1"]
    return lines


def _thread_lines(message: Message, domain: str) -> list[str]:
    """What mail programs put messages together by (RFC 5322 section 3.6.4): one root for all that tell of a
    thing or of an incident, and the first message of the incident that this recipient got."""
    about = message.chapter.incident.id if message.chapter else message.thread_key
    root = f"<t.{sha256(about.encode('utf-8', 'replace')).hexdigest()[:24]}@{domain}>"
    if message.thread is None or message.thread.delivery_id == message.delivery_id:
        return [f"In-Reply-To: {root}", f"References: {root}"]
    first = f"<{message.thread.delivery_id}@{domain}>"
    return [f"In-Reply-To: {first}", f"References: {root} {first}"]


def _unsubscribe_lines(url: str) -> list[str]:
    """Where a mail program unsubscribes; with one click only over https (RFC 8058 section 3.1)."""
    if not url.isascii() or not url.isprintable() or not 0 < len(url) <= MAX_URL:
        return []
    one_click = [f"List-Unsubscribe-Post: {ONE_CLICK}"] if url.startswith("https://") else []
    return [f"List-Unsubscribe: <{url}>", *one_click]


def _sanitised(text: str) -> str:
    return unstructured(one_line(text, MAX_SUBJECT))


def unstructured(line: str) -> str:
    """One line as a header value: as it is, or as encoded words, folded (RFC 2047 section 2)."""
    if line.isascii() and "=?" not in line:
        return line
    words = (b2a_base64(chunk, newline=False).decode() for chunk in _chunks(line, _WORD_BYTES))
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)


def _chunks(text: str, size: int) -> list[bytes]:
    """The UTF-8 of a text in parts of at most `size` bytes, no character cut in two."""
    data = text.encode("utf-8", "replace")
    chunks = []
    while data:
        end = min(size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        chunks.append(data[:end])
        data = data[end:]
    return chunks


def _named(name: str, address: str) -> str:
    """`name <address>` with the name as a phrase (RFC 5322 section 3.4)."""
    name = one_line(name, MAX_SUBJECT)
    if not name:
        return address
    if not name.isascii() or "=?" in name:
        return f"{unstructured(name)}\r\n <{address}>"
    if _NEEDS_QUOTES.search(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def _part(subtype: str, text: str) -> bytes:
    """One body part: quoted-printable, which stays readable, where base64 would not be shorter."""
    data = text.replace("\n", "\r\n").encode("utf-8", "replace")
    if _FEW * (len(data) - len(text)) <= len(data):
        encoding, body = b"quoted-printable", b2a_qp(data)
    else:
        encoding, body = b"base64", _base64_lines(data)
    head = f"--{_BOUNDARY}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
    return b"%bContent-Transfer-Encoding: %b\r\n\r\n%b\r\n" % (head.encode(), encoding, body)


def _base64_lines(data: bytes) -> bytes:
    pieces = range(0, len(data), _BASE64_LINE_BYTES)
    return b"\r\n".join(b2a_base64(data[at : at + _BASE64_LINE_BYTES], newline=False) for at in pieces)
