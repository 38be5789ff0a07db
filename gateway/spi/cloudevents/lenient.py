"""Reading what is nearly a CloudEvent, for senders that keep looser laws: as the nearest lawful event.

A lawful event comes through unchanged. Of any other, every attribute gets the nearest lawful value there
is, or none, and the member as it was sent is carried along (`gateway.domain.members`):

    a name that is no attribute's                   carried only
    control characters in a text                    spaces
    a fraction, a large number, an array, an object its JSON text, if that is short
    a source that is no URI-reference               percent-encoded until it is one
    a time, dataschema, datacontenttype, subject    carried only, unless lawful
    line breaks and the like, raw in JSON strings   escaped

`id`, `type` and `specversion` have to be lawful, and `data` stays as it is. The strict way is in `decode`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import quote, unquote_to_bytes

import msgspec

from gateway.domain.attributes import pointer, violations
from gateway.domain.errors import Malformed
from gateway.domain.event import (
    INTEGER_MAX,
    INTEGER_MIN,
    REQUIRED,
    AttributeValue,
    DataForm,
    Event,
    forbidden_character,
    is_attribute_name,
)
from gateway.domain.members import CARRIER
from gateway.domain.syntax import is_absolute_uri, is_json_type, is_media_type, is_timestamp, is_uri_reference
from gateway.spi.cloudevents import binary, structured
from gateway.spi.cloudevents.json_text import Members, check_depth, check_utf8, check_value, members

T = TypeVar("T")

MAX_JSON_TEXT = 4096
"""Bytes of JSON that an attribute gets as text. IBM's lists of recipients are meant so; files are not."""

# The last string may be unclosed: a search that went on behind its first quote would be quadratic.
_json_string = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_SPACED = dict.fromkeys(_CONTROLS, " ")
_ESCAPED = {code: f"\\u{code:04x}" for code in _CONTROLS}
_perhaps_no_character = re.compile("[\ufdd0-\U0010ffff]")
_backslashed = re.compile(r"\\(.)", re.DOTALL)
_URI_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"

_PARTICULAR: Mapping[str, Callable[[str], bool]] = {
    "time": is_timestamp,
    "dataschema": is_absolute_uri,
    "datacontenttype": is_media_type,
    "subject": bool,
}


def from_json(body: bytes) -> Event:
    """Read one event from a JSON object. Raises Malformed where no lawful event is near it."""
    try:
        return structured.decode(body)
    except Malformed:
        sent = repaired(body, members)
    data = sent.pop("data", None)
    attributes, rest = _sorted(sent)
    if data is None:
        return _event(attributes, rest, None, DataForm.NONE)
    check_depth(bytes(data), "/data")
    if is_json_type(str(attributes.get("datacontenttype", "application/json"))):
        return _event(attributes, rest, bytes(data), DataForm.JSON)
    if bytes(data).startswith(b'"'):
        return _event(attributes, rest, msgspec.json.decode(data, type=str).encode(), DataForm.TEXT)
    del attributes["datacontenttype"]
    return _event(attributes, rest | {"datacontenttype": sent["datacontenttype"]}, bytes(data), DataForm.JSON)


def from_headers(headers: Mapping[str, str], body: bytes) -> Event:
    """Read one event from `ce-` headers, by lower-case name, and its data from the body: JSON unless stated.

    Raises Malformed where no lawful event is near it.
    """
    headers = {"content-type": "application/json", **headers}
    try:
        return binary.decode([(_bytes(name), _bytes(value)) for name, value in headers.items()], body)
    except Malformed:
        attributes, rest = _sorted(_members_of(headers))
    if not body:
        return _event(attributes, rest, None, DataForm.NONE)
    if not is_json_type(str(attributes.get("datacontenttype", "application/json"))):
        return _event(attributes, rest, body, DataForm.BINARY)
    return _event(attributes, rest, repaired(body, checked), DataForm.JSON)


def _event(attributes: dict[str, Any], rest: Members, data: bytes | None, form: DataForm) -> Event:
    if rest:
        attributes[CARRIER] = _carrier(rest)
    if problems := violations(attributes):
        raise Malformed.of(problems)
    return Event(cast(Mapping[str, AttributeValue], attributes), data, form)


def repaired(text: bytes, read: Callable[[bytes], T]) -> T:
    """Read JSON text, once more with the control characters in its strings escaped if it is malformed."""
    check_utf8(text)
    try:
        return read(text)
    except Malformed:
        escaped = _json_string.sub(_escape_controls, text)
        if escaped == text:
            raise
    return read(escaped)


def _escape_controls(string: re.Match[bytes]) -> bytes:
    return string[0].decode().translate(_ESCAPED).encode()


def checked(text: bytes) -> bytes:
    """JSON text that is well-formed. Raises Malformed."""
    check_value(text)
    return text


def _members_of(headers: Mapping[str, str]) -> Members:
    """The attributes that are in headers, as members of a JSON object."""
    texts = {name[3:]: _header_text(value) for name, value in headers.items() if name.startswith("ce-")}
    texts["datacontenttype"] = headers["content-type"].strip(" \t")
    return {name: msgspec.Raw(msgspec.json.encode(text)) for name, text in texts.items()}


def _header_text(value: str) -> str:
    """A header value decoded (HTTP binding, 3.1.3.2); what is not UTF-8 becomes a replacement character."""
    value = value.strip(" \t")
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _backslashed.sub(r"\1", value[1:-1])
    return unquote_to_bytes(_bytes(value)).decode("utf-8", "replace")


def _bytes(text: str) -> bytes:
    """Header text as it was on the wire."""
    return text.encode("latin-1", "replace")


def _sorted(sent: Members) -> tuple[dict[str, Any], Members]:
    """The lawful attributes, and the members that they do not say exactly."""
    attributes: dict[str, Any] = {}
    rest: Members = {}
    for name, raw in sent.items():
        value = _value(bytes(raw))
        if value is None:
            continue
        lawful = _nearest(name, value, bytes(raw))
        if lawful is not None:
            attributes[name] = lawful
        if lawful is not value:
            rest[name] = raw
    return attributes, rest


def _value(raw: bytes) -> object:
    try:
        return cast(object, msgspec.json.decode(raw))
    except msgspec.ValidationError:  # a number that is beyond a float
        return math.inf


def _nearest(name: str, value: object, raw: bytes) -> object:
    """The lawful value of an attribute that is nearest to the value sent; None where there is none.

    What has to be lawful comes back as it is.
    """
    if not is_attribute_name(name) or name == CARRIER:
        return None
    if name in REQUIRED:
        return uri_reference(value) if name == "source" and isinstance(value, str) else value
    if name in _PARTICULAR and not (isinstance(value, str) and _PARTICULAR[name](value)):
        return None
    if isinstance(value, str):
        return value if forbidden_character(value) is None else spaced(value)
    if isinstance(value, int) and INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    return _json_text(raw) if len(raw) <= MAX_JSON_TEXT else None


def uri_reference(text: str) -> str:
    """A text as the nearest URI-reference: with as little percent-encoded as makes it one (RFC 3986, 4.2)."""
    escaped = quote(text, safe=_URI_CHARACTERS)
    spellings = (text, escaped, f"./{escaped}", quote(text, safe="/"), quote(text, safe=""))
    return next(spelling for spelling in spellings if is_uri_reference(spelling))


def _carrier(rest: Members) -> str:
    for name, raw in rest.items():
        check_depth(bytes(raw), pointer(name))
    return _json_text(msgspec.json.encode(rest))


def _json_text(raw: bytes) -> str:
    """JSON in one line, fit for an attribute."""
    text = msgspec.json.format(raw, indent=-1).decode()
    if forbidden_character(text) is not None:
        text = _perhaps_no_character.sub(_escape_noncharacter, text.translate(_ESCAPED))
    return text


def _escape_noncharacter(found: re.Match[str]) -> str:
    return found[0] if forbidden_character(found[0]) is None else json.dumps(found[0])[1:-1]


def spaced(text: str) -> str:
    """A text with a space for every character that an attribute may not hold."""
    return _perhaps_no_character.sub(_space_noncharacter, text.translate(_SPACED))


def _space_noncharacter(found: re.Match[str]) -> str:
    return found[0] if forbidden_character(found[0]) is None else " "
