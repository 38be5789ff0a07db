"""What atoms of the expression dialect are made of: operands, values and words, read with their types."""

from __future__ import annotations

import re

from gateway.domain.errors import Invalid
from gateway.domain.view import Missing
from gateway.rules.limits import MAX_STEPS
from gateway.rules.moments import DEFAULT_ZONE, zone_of
from gateway.rules.names import CORE, VOCABULARY, is_known, suggest
from gateway.rules.ordered import unknown_severity
from gateway.rules.quoting import ESCAPES
from gateway.rules.regex import finder
from gateway.rules.scanner import Scanner, constant_of, number_of
from gateway.rules.tree import Every, Index, Key, Literal, Moment, Name, Operand, Part, Path, Step

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
"""A bare name, or a member's name after a dot."""
WORD = re.compile(r"""(?![!\[\]])[^\s\x00-\x1f\x7f(),"'=<>&|]+""")
"""A value that needs no quotes, unless it is one of VALUE_KEYWORDS."""
VALUE_KEYWORDS = frozenset({"and", "or", "not", "in"})
"""Words that are never values; they need quotes."""
NAME_KEYWORDS = VALUE_KEYWORDS | {"exists", "true", "false", "data"}
"""Words that are never bare names; an attribute named so cannot be written in this dialect."""
_ZONE = re.compile(r"[A-Za-z0-9_+/-]+")
_MOMENTS = {part.value: part for part in Part}
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_REST_OF_PATH = re.compile(r"\.[A-Za-z0-9_]+")


def read_operand(scanner: Scanner) -> Operand:
    """A bare name, a path below `data`, or a part of the time."""
    scanner.skip_space()
    start = scanner.at
    name = scanner.match(NAME)
    if name in _MOMENTS and scanner.take("("):
        return _moment(scanner, _MOMENTS[name])
    if name == "data":
        return Path((Key("data"), *_steps(scanner)))
    if not name or name.lower() in NAME_KEYWORDS - {"data"}:
        scanner.at = start
        raise scanner.surprise("the name of an attribute")
    if _sign(scanner):
        raise _not_a_path(scanner, name, start)
    if not is_bare_name(name):
        raise scanner.error(f"`{name}` is not in lower case", f"`{name.lower()}`", at=start)
    return Name(name)


def is_bare_name(text: str) -> bool:
    """Whether the dialect can write a name so: not a keyword, and no known name in another case."""
    if not NAME.fullmatch(text) or text.lower() in NAME_KEYWORDS:
        return False
    return is_known(text) or text.lower() not in CORE | VOCABULARY


def read_text(scanner: Scanner) -> str:
    """A value as text, whatever it looks like."""
    quoted = scanner.quoted(ESCAPES)
    return _word(scanner) if quoted is None else quoted


def read_severity(scanner: Scanner) -> str:
    """A word of the severity scale; raises Invalid `severity_unknown`."""
    scanner.skip_space()
    start = scanner.at
    word = read_text(scanner)
    if wrong := unknown_severity(word):
        raise scanner.error(wrong[0], wrong[1], at=start, code="severity_unknown")
    return word


def read_numeral(scanner: Scanner) -> Literal:
    """A value as a number if it is written as one and without quotes, else as text."""
    quoted = scanner.quoted(ESCAPES)
    if quoted is not None:
        return quoted
    word = _word(scanner)
    number = number_of(word)
    return word if number is None else number


def read_typed(scanner: Scanner) -> Literal:
    """A value as what it is written as: a constant, a number, or text."""
    quoted = scanner.quoted(ESCAPES)
    if quoted is not None:
        return quoted
    word = _word(scanner)
    constant = constant_of(word)
    return word if isinstance(constant, Missing) else constant


def read_pattern(scanner: Scanner) -> str:
    """A regular expression in quotes; raises Invalid for one that is none, with its place."""
    scanner.skip_space()
    start = scanner.at
    text = scanner.quoted(ESCAPES, lenient=True)
    if text is None:
        raise scanner.surprise("a regular expression in quotes")
    try:
        finder(text)
    except Invalid as error:
        raise scanner.error(error.detail, error.problems[0].expected, at=start, code=error.code) from None
    return text


def _moment(scanner: Scanner, part: Part) -> Moment:
    scanner.skip_space()
    start = scanner.at
    zone = scanner.match(_ZONE) or DEFAULT_ZONE
    try:
        zone_of(zone)
    except Invalid as error:
        raise scanner.error(error.detail, error.problems[0].expected, at=start, code=error.code) from None
    scanner.need(")")
    return Moment(part, zone)


def _word(scanner: Scanner) -> str:
    word = scanner.look(WORD)
    if not word or word.lower() in VALUE_KEYWORDS:
        raise scanner.surprise("a value")
    scanner.at += len(word)
    return word


def _sign(scanner: Scanner) -> str:
    """The sign that a step begins with, if one comes next; no white space stands before it."""
    sign = scanner.text[scanner.at : scanner.at + 1]
    return sign if sign in {".", "["} else ""


def _steps(scanner: Scanner) -> list[Step]:
    found: list[Step] = []
    while sign := _sign(scanner):
        if len(found) + 1 == MAX_STEPS:
            raise scanner.error("the path is too long", f"at most {MAX_STEPS} steps", code="rule_too_complex")
        scanner.at += 1
        found.append(_member(scanner) if sign == "." else _bracketed(scanner))
    return found


def _member(scanner: Scanner) -> Key:
    name = scanner.look_here(NAME)
    if not name:
        raise scanner.error("a name has to follow the dot", 'for other names `data["..."]`', at=scanner.at)
    scanner.at += len(name)
    return Key(name)


def _bracketed(scanner: Scanner) -> Step:
    step: Step
    quoted = scanner.quoted(ESCAPES)
    if quoted is not None:
        step = Key(quoted)
    elif scanner.take("*"):
        step = Every()
    elif position := scanner.match(_INTEGER):
        step = Index(int(position))
    else:
        raise scanner.surprise("a position, `*` or a quoted name")
    scanner.need("]")
    return step


def _not_a_path(scanner: Scanner, name: str, start: int) -> Invalid:
    below = scanner.look_here(_REST_OF_PATH)
    if name == "event" and below[1:] in CORE | VOCABULARY:
        meant = below[1:]
    else:
        meant = f"data{below}" if suggest(name, frozenset({"data"})) else f"data.{name}{below}"
    return scanner.error("only `data` has members", f"a bare name, or `{meant[:60]}`", at=start)
