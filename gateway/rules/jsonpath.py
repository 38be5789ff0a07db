"""JSON paths as IBM's filters write them, from `$` on: `$.data.details[-1]["odd name"]`.

    path  = "$" { "." name | "." "*" | ".." ( name | "*" | bracket ) | bracket }
    brack = "[" selector { "," selector } "]"
    selector = 'name' | "name" | integer | [ integer ] ":" [ integer ] [ ":" [ integer ] ] | "*"
             | "?" "(" condition ")"

The grammar is that of IBM's page on advanced filtering (goessner's JSONPath; names may hold `-`). A
condition is a rule of `gateway.rules.ibm` whose paths begin with `@`, the member or element in question.
Scripts in brackets, `(...)`, are refused by name: a negative position counts from the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.rules.limits import MAX_STEPS, too_complex
from gateway.rules.scanner import Scanner
from gateway.rules.tree import Choice, Descend, Every, Index, Key, Path, Rule, Slice, Step, Where

ESCAPES = {"\\": "\\", '"': '"', "'": "'", "/": "/"} | dict(zip("bfnrt", "\b\f\n\r\t", strict=True))
"""What may follow a backslash in a quoted text: the escapes of JSON, and both quotes."""

_NAME = re.compile(r"[\w-]+")
_INTEGER = re.compile(r"-?[0-9]{1,9}(?![0-9])")
_EXPECTED = "a quoted name, a position, a slice, `*` or `?(...)`"
_Selector = Key | Index | Slice | Every | Where
ReadCondition = Callable[[Scanner], Rule]
"""Reads the condition in the brackets of `?(...)`."""


def read_path(scanner: Scanner, root: str, read_condition: ReadCondition) -> Path:
    """The path that comes next, from `root`, `$` or `@`, on.

    Raises Invalid `rule_syntax`, `rule_unsupported` or `rule_too_complex`.
    """
    scanner.need(root)
    steps: list[Step] = []
    while found := _steps(scanner, read_condition):
        steps.extend(found)
        if len(steps) > MAX_STEPS:
            raise too_complex("a path is too long", f"at most {MAX_STEPS} steps")
    return Path(tuple(steps))


def _steps(scanner: Scanner, read_condition: ReadCondition) -> list[Step]:
    """The next step, with the descent before it; nothing where the path ends. No white space within."""
    rest = scanner.text[scanner.at : scanner.at + 2]
    if rest == "..":
        scanner.at += 2
        bracket = scanner.text[scanner.at : scanner.at + 1] == "["
        return [Descend(), _bracket(scanner, read_condition) if bracket else _member(scanner)]
    if rest[:1] == ".":
        scanner.at += 1
        return [_member(scanner)]
    return [_bracket(scanner, read_condition)] if rest[:1] == "[" else []


def _member(scanner: Scanner) -> Step:
    if scanner.text[scanner.at : scanner.at + 1] == "*":
        scanner.at += 1
        return Every()
    name = scanner.look_here(_NAME)
    if not name:
        expected = "a name, `*`, or for other names `['...']`"
        raise scanner.error("a name has to follow the dot", expected, at=scanner.at)
    scanner.at += len(name)
    return Key(name)


def _bracket(scanner: Scanner, read_condition: ReadCondition) -> Step:
    scanner.need("[")
    selectors = [_selector(scanner, read_condition)]
    while scanner.take(","):
        if len(selectors) == MAX_STEPS:
            raise too_complex("a union is too long", f"at most {MAX_STEPS} selectors")
        selectors.append(_selector(scanner, read_condition))
    if not scanner.take("]"):
        raise scanner.surprise("`,` or `]`")
    return selectors[0] if len(selectors) == 1 else Choice(tuple(selectors))


def _selector(scanner: Scanner, read_condition: ReadCondition) -> _Selector:
    if scanner.sees("("):
        raise scanner.error(
            "scripts in brackets, `(...)`, are not supported", _EXPECTED, code="rule_unsupported"
        )
    if scanner.take("?"):
        return Where(read_condition(scanner))
    name = scanner.quoted(ESCAPES)
    if name is not None:
        return Key(name)
    if scanner.take("*"):
        return Every()
    start = scanner.match(_INTEGER)
    if scanner.take(":"):
        return _slice(scanner, start)
    if not start:
        raise scanner.surprise(_EXPECTED)
    return Index(int(start))


def _slice(scanner: Scanner, start: str) -> Slice:
    stop = scanner.match(_INTEGER)
    step = scanner.match(_INTEGER) if scanner.take(":") else ""
    return Slice(int(start) if start else None, int(stop) if stop else None, int(step) if step else None)
