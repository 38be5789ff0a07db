"""Names that follow from an event: the subject or topic of a broker that a message is published under.

A template is literal text with `{fields}`. What an event brings in becomes safe: no wildcard, no empty level,
no control character, nothing beyond letters, digits, `_`, `-` and `.`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gateway.spi.message import Message

MAX_TEMPLATE = 200
"""Characters."""

MAX_VALUE = 100
"""Characters that one field adds."""

_FIELDS: Mapping[str, Callable[[Message], str]] = {
    "instance": lambda message: message.accepted.instance_id,
    "source": lambda message: message.accepted.source_id,
    "type": lambda message: message.event.type,
    "severity": lambda message: message.severity.word,
    "outcome": lambda message: message.vocabulary.outcome or "",
}
_FIELD = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_LITERAL = re.compile(r"[A-Za-z0-9_.-]+\Z")
UNKNOWN = "none"
"""In place of what an event does not say."""


def checked_template(text: str, separator: str) -> str:
    """The template. Raises ValueError, saying what would be right."""
    if len(text) > MAX_TEMPLATE:
        raise ValueError(f"longer than {MAX_TEMPLATE} characters")
    unknown = [name for name in _FIELD.findall(text) if name not in _FIELDS]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in _FIELDS)
        raise ValueError(f"there is no field {{{unknown[0]}}}; there are {known}")
    levels = _FIELD.sub("x", text).split(separator)
    if not all(map(_LITERAL.match, levels)):
        raise ValueError(f"levels of letters, digits, _, - and {{fields}}, parted by {separator}")
    return text


def name_of(template: str, message: Message, separator: str) -> str:
    """The name that a message is published under. With a dot as separator, dots of a value part levels."""
    return _FIELD.sub(lambda found: _safe(_FIELDS[found[1]](message), separator), template)


def _safe(value: str, separator: str) -> str:
    text = _UNSAFE.sub("_", value[:MAX_VALUE])
    return separator.join(level or "_" for level in text.split(separator)) if text else UNKNOWN
