"""`multipart/form-data` as IBM's clients send destinations, read into what the same body in JSON would give.

Parts of text have neither file name nor a content type of their own; `config` is `application/json`;
certificate and icons are files, which have no meaning off IBM's cloud and are skipped (facts:
ibm-event-notifications 1.4).
The whole body is in memory and bounded before it comes here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from gateway.api import json_body
from gateway.domain.errors import Malformed, pointer_token

MAX_PARTS = 32
MAX_PART_HEAD = 4096
"""Header bytes of one part."""
MAX_BOUNDARY = 70
"""RFC 2046, 5.1.1."""

SKIPPED = ("certificate", "icon_")
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "1": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "0": False,
}
_read_head = BytesHeaderParser().parsebytes


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    media_type: str
    is_file: bool
    content: bytes


def form(body: bytes, content_type: str, booleans: Collection[str] = ()) -> dict[str, object]:
    """The members that the parts name; the text of those in `booleans` becomes true or false.

    `content_type` is the whole header value. Raises Malformed.
    """
    members: dict[str, object] = {}
    for part in _parts(body, _boundary(content_type)):
        if part.is_file or part.name.startswith(SKIPPED):
            continue
        if part.name in members:
            raise _malformed(
                "part_repeated", f"the part {part.name!r} comes twice", "every part at most once"
            )
        members[part.name] = _value(part, booleans)
    return members


def _parts(body: bytes, boundary: bytes) -> Iterator[_Part]:
    """Cut at the delimiter lines (RFC 2046, 5.1.1); what stands outside them is nobody's."""
    delimiter = b"\r\n--" + boundary
    pieces = (b"\r\n" + body).split(delimiter, MAX_PARTS + 2)[1:]
    for number, piece in enumerate(pieces):
        if piece.startswith(b"--"):
            return
        if number == MAX_PARTS:
            raise _malformed("too_many_parts", f"more than {MAX_PARTS} parts", f"at most {MAX_PARTS} parts")
        padding, line_end, rest = piece.partition(b"\r\n")
        if padding.strip(b" \t") or not line_end:
            break
        yield _part(rest)
    raise _malformed(
        "multipart_malformed", "the parts do not end with a closing delimiter", "a whole multipart body"
    )


def _part(text: bytes) -> _Part:
    head, blank_line, content = text.partition(b"\r\n\r\n")
    if not blank_line or len(head) > MAX_PART_HEAD:
        raise _malformed(
            "multipart_malformed", "a part has no head, or one too long", f"at most {MAX_PART_HEAD} bytes"
        )
    headers = _read_head(head + blank_line)
    name = headers.get_param("name", header="content-disposition")
    if headers.get_content_disposition() != "form-data" or not isinstance(name, str) or not name:
        raise _malformed("part_not_named", "a part has no name", 'Content-Disposition: form-data; name="..."')
    return _Part(name, headers.get_content_type(), headers.get_filename() is not None, content)


def _value(part: _Part, booleans: Collection[str]) -> object:
    if part.media_type == "application/json":
        return _json(part)
    try:
        text = part.content.decode()
    except UnicodeDecodeError:
        raise _malformed(
            "not_utf8", f"the part {part.name!r} is not UTF-8", "text in UTF-8", part.name
        ) from None
    json_body.check_text(text)
    if part.name not in booleans:
        return text
    if text not in _BOOLEANS:
        raise _malformed(
            "not_a_boolean", f"the part {part.name!r} is neither true nor false", "true or false", part.name
        )
    return _BOOLEANS[text]


def _json(part: _Part) -> object:
    """The value of a part in JSON; its problems point below the part."""
    try:
        return json_body.parse(part.content)
    except Malformed as error:
        at = _pointer(part.name)
        problems = [one.below(at) for one in error.problems]
        raise Malformed(
            error.code, f"in the part {part.name[:64]!r}: {error.detail}", problems=problems
        ) from error


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type.replace("\r", "").replace("\n", "")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii():
        raise _malformed(
            "boundary_missing",
            "the content type names no usable boundary",
            "multipart/form-data; boundary=...",
        )
    return boundary.encode()


def _malformed(code: str, detail: str, expected: str, name: str = "") -> Malformed:
    return Malformed(code, detail, pointer=_pointer(name) if name else "", expected=expected)


def _pointer(name: str) -> str:
    return "/" + pointer_token(name[:64])
