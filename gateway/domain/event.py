"""An event: one CloudEvent, immutable once accepted, with its data kept as the bytes received.

The laws of CloudEvents 1.0 context attributes (names, types, characters) live here, because every
way into the gateway has to keep them. How events look on the wire lives in `gateway.spi.cloudevents`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

AttributeValue = str | int | bool

REQUIRED = ("specversion", "id", "source", "type")
NON_EMPTY = frozenset({"specversion", "id", "source", "type", "subject", "dataschema", "datacontenttype"})
INTEGER_MIN, INTEGER_MAX = -(2**31), 2**31 - 1

_NAME = re.compile(r"[a-z0-9]+\Z")
_plain = re.compile(r"[ -~]*+").fullmatch
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)


class DataForm(StrEnum):
    """What the bytes of an event's data are; absent data, JSON null and a value are three things."""

    NONE = "none"
    JSON = "json"
    TEXT = "text"
    BINARY = "binary"


class Event(NamedTuple):
    """One CloudEvent: every context attribute by name, and the data exactly as it arrived.

    `attributes` holds all context attributes, extensions and `datacontenttype` included, with the
    types str, int and bool; optional attributes that were null are absent. `data` is None exactly
    when `form` is NONE; JSON data is the UTF-8 text of one JSON value, TEXT is UTF-8.
    """

    attributes: Mapping[str, AttributeValue]
    data: bytes | None = None
    form: DataForm = DataForm.NONE

    @property
    def size(self) -> int:
        """Bytes of its data."""
        return len(self.data) if self.data else 0

    @property
    def id(self) -> str:
        return str(self.attributes["id"])

    @property
    def source(self) -> str:
        return str(self.attributes["source"])

    @property
    def type(self) -> str:
        return str(self.attributes["type"])

    def text(self, name: str) -> str | None:
        """An attribute in its canonical string form (CloudEvents 1.0, Type System), or None."""
        value = self.attributes.get(name)
        return None if value is None else canonical(value)


def canonical(value: AttributeValue) -> str:
    """The canonical string of an attribute value: `true`, not `True` (CloudEvents 1.0, Type System)."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def is_attribute_name(name: str) -> bool:
    """Lower-case ASCII letters and digits only, and never `data` (CloudEvents 1.0, Naming Conventions)."""
    return _NAME.match(name) is not None and name != "data"


def forbidden_character(text: str) -> str | None:
    """The first character that a CloudEvents String may not hold, or None (CloudEvents 1.0, Type System)."""
    if _plain(text) or text.isprintable():  # Unicode calls none of the forbidden ones printable
        return None
    found = _FORBIDDEN.search(text)
    return found.group() if found else None


def allowed_text(text: str) -> str:
    """The text with U+FFFD in place of what a CloudEvents String may not hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
