"""Places in JSON: inside of a string a value is that string's content, outside of one it is a JSON value.

So `"{{x}}"` and `{{x}}` both stay JSON whatever x is. `{{json x}}` inside of a string is JSON in a string.
"""

from __future__ import annotations

import re
from enum import Enum

from gateway.spi.templates.place import Beside, MisplacedError, Place, Write
from gateway.spi.templates.run import Run
from gateway.spi.templates.values import JsonText, json_of, json_string, text_of

_TO_QUOTE = re.compile(r'[^"]*+')
_TO_END = re.compile(r'[^"\\]*+')
_UNFINISHED = re.compile(r"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{0,3}\Z")
_NAMED = re.compile(r"\s*:")
_BEFORE = " \t\r\n{[:,"
_BEHIND = " \t\r\n}],:"


class JsonPlace(Enum):
    """Where in JSON text."""

    OUTSIDE = "outside of a JSON string"
    INSIDE = "inside of a JSON string"
    ESCAPE = "behind a backslash in a JSON string"

    @property
    def label(self) -> str:
        """See Place."""
        return str(self.value)

    @property
    def is_end(self) -> bool:
        """See Place."""
        return self is JsonPlace.OUTSIDE

    def meet(self, other: Place) -> Place | None:
        """See Place."""
        return self if self is other else None

    def after(self, text: str) -> Place:
        """See Place."""
        place, at = self, 0
        while at < len(text):
            place, at = place._step(text, at)
        return place

    def _step(self, text: str, at: int) -> tuple[JsonPlace, int]:
        if self is JsonPlace.ESCAPE:
            return JsonPlace.INSIDE, at + 1
        found = (_TO_QUOTE if self is JsonPlace.OUTSIDE else _TO_END).match(text, at)
        at = found.end() if found else at
        if at == len(text):
            return self, at
        if text[at] == "\\":
            return JsonPlace.ESCAPE, at + 1
        return JsonPlace.INSIDE if self is JsonPlace.OUTSIDE else JsonPlace.OUTSIDE, at + 1

    def write(self, beside: Beside) -> Write:
        """See Place."""
        if self is JsonPlace.ESCAPE or (self is JsonPlace.INSIDE and _UNFINISHED.search(beside.before)):
            raise MisplacedError(
                "a value cannot be part of an escape", "text between the backslash and the value"
            )
        if self is JsonPlace.INSIDE:
            return _content
        if beside.joined or not _stands_alone(beside):
            raise MisplacedError(
                "a value outside of a JSON string is a value of its own",
                "white space, a bracket, a colon or a comma on both sides, or quotes around all of it",
            )
        return _name if _NAMED.match(beside.behind) else _value


def _stands_alone(beside: Beside) -> bool:
    before, behind = beside.before[-1:], beside.behind[:1]
    return (not before or before in _BEFORE) and (not behind or behind in _BEHIND)


def _content(value: object, run: Run) -> str:
    text = text_of(value, run)
    return json_string(text if isinstance(value, JsonText) else run.inner(text))


def _name(value: object, run: Run) -> str:
    return f'"{_content(value, run)}"'


def _value(value: object, run: Run) -> str:
    if isinstance(value, JsonText):
        run.spend(len(value))
        return value
    return json_of(value, run)
