"""Tests of one value against literals: typed, and false for MISSING.

Text is compared with text and numbers with numbers; `true` is no number; null equals null only and
differs from everything else. Nothing here raises, whatever the value is.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from gateway.domain.errors import Invalid
from gateway.domain.event import canonical
from gateway.domain.view import MISSING
from gateway.rules.globs import compile_glob
from gateway.rules.regex import finder
from gateway.rules.tree import (
    Atom,
    Compare,
    Contains,
    EndsWith,
    Exists,
    Finds,
    In,
    Literal,
    Matches,
    Op,
    StartsWith,
)

Test: TypeAlias = Callable[[object], bool]

_ORDERS: dict[Op, Callable[[Any, Any], bool]] = {
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}

_NUMERAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?\Z")


def is_order(op: Op) -> bool:
    """Whether the operator asks for an order, not for equality."""
    return op in _ORDERS


def order_of(op: Op) -> Callable[[Any, Any], bool]:
    """The function of an operator for which `is_order` holds."""
    return _ORDERS[op]


def test_of(atom: Atom) -> Test:
    """The typed test of an atom's value; raises Invalid `rule_value` or `rule_too_complex`."""
    test: Test
    match atom:
        case Compare(_, op, literal):
            test = compares(op, literal)
        case In(_, literals):
            test = within(literals)
        case StartsWith(_, prefix):
            test = starts_with(prefix)
        case EndsWith(_, suffix):
            test = ends_with(suffix)
        case Contains(_, literal):
            test = contains(literal)
        case Matches(_, pattern):
            test = matches(pattern)
        case Finds(_, pattern):
            test = finds(pattern)
        case Exists():
            test = exists
    return test


def folding(test: Test) -> Test:
    """The test of a text in folded case."""
    return lambda value: test(value.casefold() if isinstance(value, str) else value)


def compares(op: Op, literal: Literal) -> Test:
    """The test for any comparison; raises Invalid `rule_value` for a literal without an order."""
    if op is Op.EQ:
        return equals(literal)
    return differs(literal) if op is Op.NE else _ordered(op, literal)


def equals(literal: Literal) -> Test:
    """The same type and the same value."""
    if literal is None or isinstance(literal, bool):
        return lambda value: value is literal
    if isinstance(literal, str):
        return lambda value: value == literal
    return lambda value: _kind(value) is float and value == literal


def differs(literal: Literal) -> Test:
    """The same type and another value; from null, anything that is there."""
    if literal is None:
        return lambda value: value is not None and value is not MISSING
    kind = _kind(literal)
    same = equals(literal)
    return lambda value: _kind(value) is kind and not same(value)


def within(literals: tuple[Literal, ...]) -> Test:
    """Equal to one of the literals."""
    if all(isinstance(literal, str) for literal in literals):
        texts = frozenset(literals)
        return lambda value: isinstance(value, str) and value in texts
    members = frozenset((_kind(literal), literal) for literal in literals)

    def test(value: object) -> bool:
        kind = _kind(value)
        return kind is not None and (kind, value) in members

    return test


def starts_with(prefix: str) -> Test:
    """Text that starts so."""
    return lambda value: isinstance(value, str) and value.startswith(prefix)


def ends_with(suffix: str) -> Test:
    """Text that ends so."""
    return lambda value: isinstance(value, str) and value.endswith(suffix)


def contains(literal: Literal) -> Test:
    """Text with this part, or an array with this element."""
    same = equals(literal)

    def test(value: object) -> bool:
        if isinstance(value, str):
            return isinstance(literal, str) and literal in value
        return isinstance(value, list) and any(map(same, value))

    return test


def matches(pattern: str) -> Test:
    """Text that the glob fits."""
    fits = compile_glob(pattern)
    return lambda value: isinstance(value, str) and fits(value)


def finds(pattern: str) -> Test:
    """Text in which the regular expression finds something."""
    search = finder(pattern)
    return lambda value: isinstance(value, str) and search(value)


def exists(value: object) -> bool:
    """Anything that is there, null included."""
    return value is not MISSING


def ordered_numeral(op: Op, number: float) -> Test:
    """For text that may be a decimal numeral: its order relative to a number."""
    order = order_of(op)

    def test(value: object) -> bool:
        if not isinstance(value, str) or not _NUMERAL.match(value):
            return False
        return order(float(value) if "." in value else int(value), number)

    return test


def canonical_text(literal: Literal) -> str:
    """A literal as an attribute's canonical text; raises Invalid `rule_value` for null."""
    if literal is None:
        raise Invalid("rule_value", "an attribute is never null", expected="`exists` or `not exists`")
    return repr(literal) if isinstance(literal, float) else canonical(literal)


def _ordered(op: Op, literal: Literal) -> Test:
    kind = _kind(literal)
    if kind is not str and kind is not float:
        raise Invalid("rule_value", f"`{op}` needs a text or a number", expected="`=` or `!=`")
    order = order_of(op)
    return lambda value: _kind(value) is kind and order(value, literal)


def _kind(value: object) -> type | None:
    """What a value may be compared with: one type for all numbers, None for objects and arrays."""
    if isinstance(value, str):
        return str
    if isinstance(value, bool):
        return bool
    if isinstance(value, int | float):
        return float
    return type(None) if value is None else None
