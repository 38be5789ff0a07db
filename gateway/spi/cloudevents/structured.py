"""One event in the JSON format (CloudEvents JSON Event Format 1.0.2): attributes and data in one object.

The object is read strictly and whole: every problem of the event is told at once. `data` stays the
bytes received. Arrays of events are read in `batch`, the way back to JSON in `encode`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from gateway.domain.attributes import violations
from gateway.domain.errors import Malformed
from gateway.domain.event import INTEGER_MAX, INTEGER_MIN, DataForm, Event
from gateway.domain.syntax import is_json_type, is_media_type
from gateway.spi.cloudevents.json_text import Members, check_depth, check_utf8, members

_Integer = Annotated[int, msgspec.Meta(ge=INTEGER_MIN, le=INTEGER_MAX)]
_scalars = msgspec.json.Decoder(list[str | _Integer | bool | None])
_string = msgspec.json.Decoder(str)
_NULL = msgspec.Raw(b"null")
_NO_NUMBERS: dict[bytes, object] = {b"n": None, b"t": True, b"f": False, b"{": {}, b"[": []}
_is_short_integer = re.compile(rb"-?[0-9]{1,10}").fullmatch
_is_integer = re.compile(rb"-?[0-9]++").fullmatch


def decode(body: bytes) -> Event:
    """Read one event from the body of a structured-mode message. Raises Malformed with every problem."""
    check_utf8(body)
    return event(body)


def event(text: bytes) -> Event:
    """Read one event from the text of a JSON object that has passed `check_utf8`. Raises Malformed."""
    found = members(text)
    plain, encoded = found.pop("data", None), found.pop("data_base64", _NULL)
    attributes, plain_values = _attributes(found)
    problems = violations(attributes, plain=plain_values)
    try:
        form, data = _data(plain, bytes(encoded), attributes.get("datacontenttype"))
    except Malformed as refusal:
        raise Malformed.of([*problems, *refusal.problems]) from None
    if problems:
        raise Malformed.of(problems)
    return Event(attributes, data, form)


def _attributes(found: Members) -> tuple[dict[str, Any], bool]:
    """The values of all attributes, null ones left out (JSON format, 2.2), and whether all are plain.

    Plain is known here from the bytes at once: scalars, without escapes or anything but printable ASCII.
    """
    joined = b"[%b]" % b",".join(found.values())
    plain = joined.isascii() and b"\\" not in joined and b"\x7f" not in joined
    values: Sequence[Any]
    try:
        values = _scalars.decode(joined)
    except msgspec.ValidationError:
        values, plain = [_any_value(bytes(raw)) for raw in found.values()], False
    attributes = dict(zip(found, values))  # noqa: B905 - equally long, and the keyword costs a tenth
    if None in values:
        attributes = {name: value for name, value in attributes.items() if value is not None}
    return attributes, plain


def _any_value(raw: bytes) -> object:
    """The value of a member that may be no scalar: of the right Python type, but not of the right size."""
    if raw.startswith(b'"'):
        return _string.decode(raw)
    if raw[:1] in _NO_NUMBERS:
        return _NO_NUMBERS[raw[:1]]
    if _is_short_integer(raw):
        return int(raw)
    return INTEGER_MAX + 1 if _is_integer(raw) else 0.5


def _data(plain: msgspec.Raw | None, base64: bytes, content: object) -> tuple[DataForm, bytes | None]:
    """Form and bytes of the data (JSON format, 3.1): absent, any JSON value, text or binary."""
    if plain is None:
        return (DataForm.NONE, None) if base64 == b"null" else (DataForm.BINARY, _binary(base64))
    if base64 != b"null":
        raise Malformed(
            "data_and_data_base64",
            "the event holds both `data` and `data_base64`",
            pointer="/data_base64",
            expected="one of the two",
        )
    value = bytes(plain)
    if not _is_json(content):
        return DataForm.TEXT, _text(value)
    check_depth(value, "/data")
    return DataForm.JSON, value


def _is_json(content: object) -> bool:
    """Whether `data` is any JSON value; a content type that is wrong itself brings no second complaint."""
    return type(content) is not str or is_json_type(content) or not is_media_type(content)


def _text(value: bytes) -> bytes:
    if value.startswith(b'"'):
        return _string.decode(value).encode()
    raise Malformed(
        "data_not_text",
        "`datacontenttype` is not JSON, but `data` is not a string",
        pointer="/data",
        expected="a string; or data_base64; or a JSON content type",
    )


def _binary(value: bytes) -> bytes:
    """Strict base64 (RFC 4648, 4): its alphabet, its padding, nothing else."""
    try:
        return binascii.a2b_base64(_string.decode(value), strict_mode=True)
    except (ValueError, msgspec.ValidationError):
        raise Malformed(
            "data_base64_invalid",
            "`data_base64` is not base64",
            pointer="/data_base64",
            expected="a string in the alphabet of RFC 4648, 4, with padding",
        ) from None
