"""Values as Handlebars sees them: how they read as text, which are true, what is at a name in them.

A value is a mapping, a list or tuple, a text, a number, a truth value, None (JSON's null), or MISSING.
Nothing else is looked into: there is no access to attributes of Python objects. Texts are those that
JavaScript makes of the same values, but an object is its JSON, not `[object Object]`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, NoReturn, Self

from gateway.domain.view import MISSING
from gateway.spi.templates.failure import RenderFailed
from gateway.spi.templates.limits import MAX_VALUE_DEPTH
from gateway.spi.templates.run import Run

Array = (list, tuple)
_LONG = 10**21
"""From here on JavaScript writes numbers with an exponent; integers below are written whole."""


class JsonText(str):
    """A text that is one JSON value already."""

    __slots__ = ()


class Worded(str):
    """A text that has members as well: `{{message}}` and `{{message.title}}`."""

    __slots__ = ("members",)

    def __new__(cls, text: str, members: Mapping[str, object]) -> Self:
        """The text, and what is at names in it."""
        made = super().__new__(cls, text)
        made.members = members
        return made

    members: Mapping[str, object]


def is_true(value: object) -> bool:
    """Whether `{{#if}}` takes it for true: not false, null, missing, 0, an empty text or an empty list."""
    if isinstance(value, Mapping):
        return True
    return bool(value)


def is_empty(value: object) -> bool:
    """Whether `{{#with}}` finds nothing there; 0 is something."""
    return not is_true(value) and (isinstance(value, bool) or not isinstance(value, int | float))


def member(value: object, name: str) -> object:
    """What is at a name or position in a value, or MISSING."""
    if isinstance(value, Mapping):
        return value.get(name, MISSING)
    if isinstance(value, Array):
        return _element(value, name)
    if isinstance(value, Worded):
        return value.members.get(name, MISSING)
    return len(value) if isinstance(value, str) and name == "length" else MISSING


def _element(values: list[object] | tuple[object, ...], name: str) -> object:
    if name == "length":
        return len(values)
    if not (name.isascii() and name.isdigit()) or len(name) > 9 or (name[0] == "0" and name != "0"):
        return MISSING
    place = int(name)
    return values[place] if place < len(values) else MISSING


def text_of(value: object, run: Run) -> str:
    """A value as text: nothing for null and missing, the elements of a list with commas between."""
    if isinstance(value, str):
        run.spend(len(value))
        return value
    run.step()
    return _container_text(value, run) if isinstance(value, Mapping | list | tuple) else _scalar_text(value)


def _container_text(value: object, run: Run, depth: int = 1) -> str:
    if not isinstance(value, Array):
        return json_of(value, run) if isinstance(value, Mapping) else text_of(value, run)
    if depth > MAX_VALUE_DEPTH:
        _too_deep()
    return ",".join(_container_text(one, run, depth + 1) for one in value)


def _scalar_text(value: object) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value) if abs(value) < _LONG else number_text(_as_float(value))
    if isinstance(value, float):
        return number_text(value)
    return ""


def _as_float(value: int) -> float:
    """The nearest float, the largest for what is beyond all of them."""
    try:
        return float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -sys.float_info.max


def number_text(value: float) -> str:
    """A number as JavaScript writes it (ECMA-262, Number::toString): the shortest digits that say it."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        plain = format(Decimal(repr(value)), "f")
        return plain.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{'-' if int(exponent) < 0 else '+'}{abs(int(exponent))}"


def json_of(value: object, run: Run, *, pretty: bool = False) -> JsonText:
    """A value as JSON; null where it is missing. Raises RenderFailed for one that is nested too deeply."""
    layout: dict[str, Any] = {"indent": 2} if pretty else {"separators": (",", ":")}
    return JsonText(json.dumps(_plain(value, run, 0), ensure_ascii=False, **layout))


def _plain(value: object, run: Run, depth: int) -> object:
    """The value in dicts and lists, every part counted."""
    if depth > MAX_VALUE_DEPTH:
        _too_deep()
    if isinstance(value, str):
        run.spend(len(value))
        return run.inner(value)
    run.step()
    if isinstance(value, Mapping):
        return {str(name): _plain(one, run, depth + 1) for name, one in value.items()}
    if isinstance(value, Array):
        return [_plain(one, run, depth + 1) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < _LONG else _as_float(value)
    return None


def _too_deep() -> NoReturn:
    raise RenderFailed("template_too_deep", f"a value is nested more than {MAX_VALUE_DEPTH} levels deep")


def json_string(text: str) -> str:
    """The inside of a JSON string that says this text."""
    return encode_basestring(text)[1:-1]
