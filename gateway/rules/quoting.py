"""Texts between double quotes, as both dialects read them back."""

from __future__ import annotations

import re

from gateway.domain.errors import Invalid

ESCAPES = {"\\": "\\", '"': '"', "'": "'"}
"""What may follow a backslash in a quoted text, beside `u` and four hexadecimal digits."""

_ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')
_IN_PATTERN = re.compile(r'\\.|"', re.DOTALL)
_NOT_IN_PATTERN = re.compile(r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]|\\["\']|\\\Z')


def quoted(text: str) -> str:
    """A text in quotes; raises Invalid `rule_unprintable` for half of a surrogate pair."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise unprintable("half of a surrogate pair")
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def quoted_pattern(pattern: str) -> str:
    """A regular expression in quotes, in which a backslash escapes nothing but a quote."""
    if _NOT_IN_PATTERN.search(_IN_PATTERN.sub(_spare, pattern)):
        raise unprintable("this regular expression")
    return '"' + _IN_PATTERN.sub(lambda found: '\\"' if found[0] == '"' else found[0], pattern) + '"'


def unprintable(what: str) -> Invalid:
    """The error for what a dialect has no form for."""
    return Invalid("rule_unprintable", f"this dialect has no form for {what}")


def _spare(found: re.Match[str]) -> str:
    return found[0] if found[0] in {'\\"', "\\'"} else ""


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return f"\\{character}" if character in ESCAPES else f"\\u{ord(character):04x}"
