"""JSON bodies of the API, read strictly into Python values (facts: reliability-security 3.3).

Strict is RFC 8259 in UTF-8 without a byte order mark, every member once, numbers that are numbers and fit,
text that is text, bounded depth and count. Events never come this way: `gateway.spi.cloudevents` keeps bytes.
"""

from __future__ import annotations

import json
import math
from typing import NoReturn

from gateway.domain.errors import Malformed
from gateway.spi.cloudevents.json_text import check_utf8, check_value

MAX_NODES = 10_000
"""Values in one body, members and elements counted."""

_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1


def parse(text: bytes) -> object:
    """The value of a JSON text. Raises Malformed, with a pointer where there is one, never with the value."""
    check_utf8(text)
    check_value(text)
    try:
        value: object = _decoder.decode(text.decode())
    except json.JSONDecodeError as error:
        raise Malformed(
            "json_malformed", f"{error.msg} (at character {error.pos})", expected="JSON as in RFC 8259"
        ) from None
    _check_nodes(value)
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed(
            "member_repeated", "an object has the same member twice", expected="every member at most once"
        )
    return members


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else _LARGEST + 1
    if not _SMALLEST <= number <= _LARGEST:
        raise Malformed(
            "number_out_of_range", "an integer is beyond 64 bits", expected="at most 64 bits, or a string"
        )
    return number


def _real(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Malformed(
            "number_out_of_range", "a number is too large", expected="a 64-bit floating-point number"
        )
    return number


def _no_number(name: str) -> NoReturn:
    raise Malformed("json_malformed", f"{name} is no JSON number", expected="JSON as in RFC 8259")


_decoder = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_integer, parse_float=_real, parse_constant=_no_number
)


def _check_nodes(root: object) -> None:
    """Count, and refuse text that a store cannot keep; without recursion."""
    waiting: list[object] = [root]
    count = 0
    while waiting:
        count += 1
        if count > MAX_NODES:
            raise Malformed(
                "json_too_many_values", f"more than {MAX_NODES} values", expected=f"at most {MAX_NODES}"
            )
        value = waiting.pop()
        if isinstance(value, str):
            check_text(value)
        elif isinstance(value, dict):
            for name in value:
                check_text(name)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def check_text(text: str) -> None:
    """Refuse U+0000, which stores do not keep in text. Halves of surrogate pairs do not get this far."""
    if "\0" in text:
        raise Malformed("character_forbidden", "a string holds U+0000", expected="text without it")
