"""A tree as text in the expression dialect: `parse_expression(print_expression(tree)) == tree`.

What that dialect cannot carry (paths outside `data`, slices, unions, `..`, folded case, conjunctions of
fewer than two parts) is refused, never approximated.
"""

from __future__ import annotations

from types import UnionType

from gateway.domain.view import MISSING
from gateway.rules.comparison import is_order
from gateway.rules.limits import MAX_STEPS
from gateway.rules.quoting import quoted, quoted_pattern, unprintable
from gateway.rules.scanner import constant_of, number_of
from gateway.rules.terms import NAME, VALUE_KEYWORDS, WORD, is_bare_name
from gateway.rules.tree import (
    Always,
    And,
    Atom,
    Compare,
    Contains,
    EndsWith,
    Every,
    Finds,
    In,
    Index,
    Key,
    Literal,
    Matches,
    Moment,
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
        raise unprintable("a conjunction or disjunction of fewer than two parts")
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
            text = f"{operand} matches {quoted(pattern)}"
        case Finds(_, pattern):
            text = f"{operand} =~ {quoted_pattern(pattern)}"
        case _:
            text = f"exists {operand}"
    return text


def _list(atom: In, literals: tuple[Literal, ...]) -> str:
    if not literals:
        raise unprintable("an empty list")
    return ", ".join(_compared(atom, literal) for literal in literals)


def _operand(operand: Operand) -> str:
    if isinstance(operand, Name):
        if not is_bare_name(operand.text):
            raise unprintable("this name")
        return operand.text
    if isinstance(operand, Moment):
        return f"{operand.part}({operand.zone})"
    if operand.folded or operand.steps[:1] != (Key("data"),) or len(operand.steps) > MAX_STEPS:
        raise unprintable("a path outside `data`, or without regard to case")
    return "data" + "".join(map(_step, operand.steps[1:]))


def _step(step: Step) -> str:
    match step:
        case Key(name):
            return f".{name}" if NAME.fullmatch(name) else f"[{quoted(name)}]"
        case Index(position) if abs(position) < 10**9:
            return f"[{position}]"
        case Every():
            return "[*]"
        case _:
            raise unprintable("a slice, a union or a descent in a path")


def _compared(atom: Compare | In | Contains, literal: Literal) -> str:
    """A literal in the form that is read back as the same value beside this operand."""
    if isinstance(atom.operand, Path):
        return typed_literal(literal)
    if isinstance(literal, str):
        is_numeral = (
            isinstance(atom, Compare)
            and isinstance(atom.operand, Name)
            and is_order(atom.op)
            and number_of(literal) is not None
        )
        return quoted(literal) if is_numeral else _text(literal)
    is_number = literal is not None and not isinstance(literal, bool)
    if is_number and isinstance(atom, Compare) and is_order(atom.op) and atom.operand != Name("severity"):
        return typed_literal(literal)
    raise unprintable("a typed literal beside a bare name")


def typed_literal(literal: Literal) -> str:
    """A literal as it is read back with its type; raises Invalid `rule_unprintable`."""
    if isinstance(literal, str):
        return _text(literal) if constant_of(literal) is MISSING else quoted(literal)
    if literal is None:
        return "null"
    if isinstance(literal, bool):
        return "true" if literal else "false"
    numeral = repr(literal)
    if number_of(numeral) is None:
        raise unprintable("a number that is not finite")
    return numeral


def _text(text: str) -> str:
    return text if WORD.fullmatch(text) and text.lower() not in VALUE_KEYWORDS else quoted(text)
