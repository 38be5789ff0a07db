"""Values that print short: what `jsonschema` puts into its messages is `repr` of the whole value.

A message about a value of 1 MB would be 1 MB long, and a thousand branches would make a thousand of
them. These copies are values like any other, except that what is long prints as an excerpt.
"""

from __future__ import annotations

import json
from typing import Any

LONGEST = 60
"""Characters of a text that is shown whole."""


class ShortText(str):
    """A long text; prints its beginning."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(f"{self[:LONGEST]!s}…")


class BigInteger(int):
    """An integer beyond 64 bits; printing one in full takes quadratic time."""

    def __repr__(self) -> str:
        return "an integer beyond 64 bits"

    __str__ = __repr__


class Items(list[Any]):
    """An array that prints what it is, not what is in it. `plain` is the array it copies."""

    __slots__ = ("nodes", "plain")

    def __init__(self, plain: list[Any]) -> None:
        super().__init__(short(item) for item in plain)
        self.plain = plain
        self.nodes = 1 + sum(nodes(item) for item in self)

    def __repr__(self) -> str:
        return f"an array of {counted(len(self), 'item')}"


class Members(dict[str, Any]):
    """An object that prints what it is, not what is in it."""

    __slots__ = ("nodes",)

    def __init__(self, plain: dict[str, Any]) -> None:
        super().__init__((short(name), short(member)) for name, member in plain.items())
        self.nodes = 1 + sum(nodes(member) for member in self.values())

    def __repr__(self) -> str:
        return f"an object of {counted(len(self), 'member')}"


def short(value: Any) -> Any:
    """A copy of a JSON value that prints short."""
    if isinstance(value, str):
        return ShortText(value) if len(value) > LONGEST else value
    if isinstance(value, dict):
        return Members(value)
    if isinstance(value, list):
        return Items(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        return BigInteger(value)
    return value


def plain(value: Any) -> Any:
    """The value that a short text, number or array copies."""
    if isinstance(value, ShortText):
        return str(value)
    if isinstance(value, BigInteger):
        return int(value)
    return value.plain if isinstance(value, Items) else value


def nodes(value: Any) -> int:
    """How many values a short value consists of, itself included."""
    return value.nodes if isinstance(value, Items | Members) else 1


def shown(value: Any, longest: int = 2 * LONGEST) -> str:
    """A value from a schema as JSON text, cut to `longest` characters."""
    return cut(json.dumps(value, ensure_ascii=False), longest)


def cut(text: str, longest: int) -> str:
    """A text of at most `longest` characters; an ellipsis says where one was longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def counted(number: int, noun: str) -> str:
    """A number and its noun: `1 item`, `2 items`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
