"""A tree as text in IBM's dialect: `parse_ibm(print_ibm(tree)) == tree`.

What that dialect cannot carry (names, lists, prefixes, globs, conjunctions of fewer than two parts) is
refused, never approximated.
"""

from __future__ import annotations

import re

from gateway.rules.ibm import MEMBER, SEVERITY, WHOLE
from gateway.rules.limits import MAX_STEPS
from gateway.rules.printer import typed_literal
from gateway.rules.quoting import quoted, quoted_pattern, unprintable
from gateway.rules.tree import (
    Always,
    And,
    Atom,
    Choice,
    Compare,
    Descend,
    Every,
    Exists,
    Finds,
    Index,
    Key,
    Literal,
    Not,
    Op,
    Or,
    Path,
    Rule,
    Slice,
    Step,
    Where,
)

_NAME = re.compile(r"[\w-]+")


def print_ibm(rule: Rule, root: str = WHOLE) -> str:
    """The rule as text; `$.*` for the one that matches everything. Raises Invalid `rule_unprintable`."""
    match rule:
        case Always() if root == WHOLE:
            return "$.*"
        case And(parts) if len(parts) > 1:
            return " && ".join(_within(part, root, deep=True) for part in parts)
        case Or(parts) if len(parts) > 1:
            return " || ".join(_within(part, root, deep=False) for part in parts)
        case Not(part):
            return f"not({print_ibm(part, root)})"
        case Compare() | Finds() | Exists():
            return _atom(rule, root)
        case _:
            raise unprintable("this rule")


def _within(part: Rule, root: str, *, deep: bool) -> str:
    text = print_ibm(part, root)
    bracketed = isinstance(part, And | Or) if deep else isinstance(part, Or)
    return f"({text})" if bracketed else text


def _atom(atom: Atom, root: str) -> str:
    path = _path(atom.operand, root)
    match atom:
        case Compare(_, op, literal):
            return f"{path} {'==' if op is Op.EQ else op} {_literal(literal)}"
        case Finds(_, pattern):
            return f"{path} =~ {quoted_pattern(pattern)}"
        case _:
            return path


def _literal(literal: Literal) -> str:
    return quoted(literal) if isinstance(literal, str) else typed_literal(literal)


def _path(operand: object, root: str) -> str:
    if not isinstance(operand, Path) or len(operand.steps) > MAX_STEPS:
        raise unprintable("what is no path")
    # `ibmenseverity` is read in any case without a word about it, and nothing else is.
    if operand.folded is not (root == WHOLE and operand.steps == SEVERITY.steps):
        raise unprintable("a path without regard to case")
    text = root
    for step in operand.steps:
        text += _step(step, after_descent=text.endswith(".."))
    if text.endswith(".."):
        raise unprintable("a descent to nothing")
    return text


def _step(step: Step, *, after_descent: bool) -> str:
    match step:
        case Descend():
            if after_descent:
                raise unprintable("a descent within a descent")
            return ".."
        case Key(name) if _NAME.fullmatch(name):
            return name if after_descent else f".{name}"
        case Every():
            return "*" if after_descent else ".*"
        case Choice(selectors) if len(selectors) > 1:
            return f"[{','.join(map(_selector, selectors))}]"
        case Choice():
            raise unprintable("a union of fewer than two")
        case _:
            return f"[{_selector(step)}]"


def _selector(step: Step) -> str:
    match step:
        case Key(name):
            return quoted(name)
        case Index(position):
            return _number(position)
        case Slice(start, stop, stride):
            text = f"{_number(start)}:{_number(stop)}"
            return text if stride is None else f"{text}:{_number(stride)}"
        case Every():
            return "*"
        case Where(condition):
            return f"?({print_ibm(condition, MEMBER)})"
        case _:
            raise unprintable("a union or a descent in a union")


def _number(number: int | None) -> str:
    if number is not None and abs(number) >= 10**9:
        raise unprintable("so far a position")
    return "" if number is None else str(number)
