"""A tree as text in the expression dialect: `parse_expression(print_expression(tree)) == tree`.

What that dialect cannot carry (paths outside `data`, slices, unions, `..`, folded case, conjunctions of
fewer than two parts) is refused, never approximated.
"""

from __future__ import annotations

import re
from types import UnionType

from gateway.domain.errors import Invalid
from gateway.domain.view import MISSING
from gateway.rules.comparison import is_order
from gateway.rules.limits import MAX_STEPS
from gateway.rules.scanner import constant_of, number_of
from gateway.rules.terms import ESCAPES, NAME, VALUE_KEYWORDS, WORD, is_bare_name
from gateway.rules.tree import (
    Always,
    And,
    Atom,
    Compare,
    Contains,
    EndsWith,
    Every,
    In,
    Index,
    Key,
    Literal,
    Matches,
    Name,
    Never,
    Not,
    Operand,
    Or,
    Path,
    Rule,
    StartsWith,
    Step,
)

_ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')


def print_expression(rule: Rule) -> str:
    """The rule as text; '' for the one that matches everything. Raises Invalid `rule_unprintable`."""
    return "" if isinstance(rule, Always) else _rule(rule)


def _rule(rule: Rule) -> str:
    match rule:
        case Always():
            return "true"
        case Never():
            return "false"
        case And(parts):
            return " and ".join(_within(part, And | Or) for part in _several(parts))
        case Or(parts):
            return " or ".join(_within(part, Or) for part in _several(parts))
        case Not(part):
            return f"not {_within(part, And | Or)}"
        case _:
            return _atom(rule)


def _several(parts: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if len(parts) < 2:
        raise _unprintable("a conjunction or disjunction of fewer than two parts")
    return parts


def _within(part: Rule, bracketed: type[And | Or] | UnionType) -> str:
    text = _rule(part)
    return f"({text})" if isinstance(part, bracketed) else text


def _atom(atom: Atom) -> str:
    operand = _operand(atom.operand)
    match atom:
        case Compare(_, op, literal):
            text = f"{operand} {op} {_compared(atom, literal)}"
        case In(_, literals):
            text = f"{operand} in ({_list(atom, literals)})"
        case StartsWith(_, prefix):
            text = f"{operand} starts-with {_text(prefix)}"
        case EndsWith(_, suffix):
            text = f"{operand} ends-with {_text(suffix)}"
        case Contains(_, literal):
            text = f"{operand} contains {_compared(atom, literal)}"
        case Matches(_, pattern):
            text = f"{operand} matches {_quoted(pattern)}"
        case _:
            text = f"exists {operand}"
    return text


def _list(atom: In, literals: tuple[Literal, ...]) -> str:
    if not literals:
        raise _unprintable("an empty list")
    return ", ".join(_compared(atom, literal) for literal in literals)


def _operand(operand: Operand) -> str:
    if isinstance(operand, Name):
        if not is_bare_name(operand.text):
            raise _unprintable("this name")
        return operand.text
    if operand.folded or operand.steps[:1] != (Key("data"),) or len(operand.steps) > MAX_STEPS:
        raise _unprintable("a path outside `data`, or without regard to case")
    return "data" + "".join(map(_step, operand.steps[1:]))


def _step(step: Step) -> str:
    match step:
        case Key(name):
            return f".{name}" if NAME.fullmatch(name) else f"[{_quoted(name)}]"
        case Index(position) if abs(position) < 10**9:
            return f"[{position}]"
        case Every():
            return "[*]"
        case _:
            raise _unprintable("a slice, a union or a descent in a path")


def _compared(atom: Compare | In | Contains, literal: Literal) -> str:
    """A literal in the form that is read back as the same value beside this operand."""
    if isinstance(atom.operand, Path):
        return _typed(literal)
    if isinstance(literal, str):
        is_numeral = isinstance(atom, Compare) and is_order(atom.op) and number_of(literal) is not None
        return _quoted(literal) if is_numeral else _text(literal)
    is_number = literal is not None and not isinstance(literal, bool)
    if is_number and isinstance(atom, Compare) and is_order(atom.op) and atom.operand != Name("severity"):
        return _typed(literal)
    raise _unprintable("a typed literal beside a bare name")


def _typed(literal: Literal) -> str:
    if isinstance(literal, str):
        return _text(literal) if constant_of(literal) is MISSING else _quoted(literal)
    if literal is None:
        return "null"
    if isinstance(literal, bool):
        return "true" if literal else "false"
    numeral = repr(literal)
    if number_of(numeral) is None:
        raise _unprintable("a number that is not finite")
    return numeral


def _text(text: str) -> str:
    return text if WORD.fullmatch(text) and text.lower() not in VALUE_KEYWORDS else _quoted(text)


def _quoted(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _unprintable("half of a surrogate pair")
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return f"\\{character}" if character in ESCAPES else f"\\u{ord(character):04x}"


def _unprintable(what: str) -> Invalid:
    return Invalid("rule_unprintable", f"the expression dialect has no form for {what}")
