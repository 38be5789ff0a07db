"""The dialect of IBM Event Notifications: `$.data.age >= 25 && not($.type == 'x') || $.data.flag`.

    rule    = [ or ]                                   an empty filter matches every event
    or      = and { "||" and }
    and     = unary { "&&" unary }
    unary   = "not" "(" or ")" | "(" or ")" | path [ op literal | "=~" pattern ]
    op      = "==" | "!=" | "<" | "<=" | ">" | ">="
    literal = 'text' | "text" | number | true | false | null
    pattern = 'text' | "text"

Paths are those of `gateway.rules.jsonpath`. `$` is the whole event: attributes, extensions and `data`
(IBM's pages on filters show `$.data.x`, `$.ibmenseverity` and `$.notification-type`). A bare path holds
when it selects something; one that selects several values, when one of them fits. `ibmenseverity` is
compared without regard to case, because senders write it in any. `=~` holds when the regular expression
(Go's RE2, `gateway.rules.regex`) is found anywhere in the text. In a pattern a backslash escapes a quote
and else belongs to the pattern.

Source: IBM Cloud docs, Event Notifications, "Advanced filtering" and "Troubleshooting".
"""

from __future__ import annotations

import re

from gateway.domain.errors import Invalid
from gateway.domain.view import Missing
from gateway.rules.jsonpath import ESCAPES, read_path
from gateway.rules.scanner import Scanner, constant_of
from gateway.rules.terms import read_pattern
from gateway.rules.tree import (
    Always,
    And,
    Compare,
    Every,
    Exists,
    Finds,
    Key,
    Literal,
    Not,
    Op,
    Or,
    Path,
    Rule,
    all_of,
)

SEVERITY = Path((Key("ibmenseverity"),))
_EVERYTHING = (Path(()), Path((Every(),)))
WHOLE, MEMBER = "$", "@"
"""What paths begin with: the whole event or, in `?(...)`, the member or element in question."""
_WHERE = {WHOLE: "", MEMBER: " in `?(...)`"}
_OPERATORS = {"==": Op.EQ} | {op.value: op for op in Op if op is not Op.EQ}
_SYMBOL = re.compile(r"[=!<>~]+")
_JOIN = re.compile(r"&&|\|\||[&|]|[A-Za-z]+")
_NOT = re.compile(r"not\b")
_WORD = re.compile(r"[\w.+-]+")
_MEANT = {"=": "==", "===": "==", "<>": "!=", "=<": "<=", "=>": ">="}
_JOINS = {"&": "&&", "and": "&&", "|": "||", "or": "||"}


def parse_rule(event_type_filter: str, notification_filter: str) -> Rule:
    """The tree of one IBM rule: both filters have to hold.

    Raises Invalid as `parse_ibm` does, with the pointer `/event_type_filter` or `/notification_filter`.
    """
    return all_of(
        (
            _parse_member("/event_type_filter", event_type_filter),
            _parse_member("/notification_filter", notification_filter),
        )
    )


def parse_ibm(text: str) -> Rule:
    """The tree of one filter.

    Raises Invalid: `rule_syntax` (with the position and what was expected), `rule_unsupported` for
    constructs that are not evaluated yet, `rule_too_complex`.
    """
    scanner = Scanner(text)
    if scanner.is_done():
        return Always()
    rule = _disjunction(scanner, WHOLE)
    if not scanner.is_done():
        raise _not_joined(scanner, "`&&`, `||` or the end")
    return rule


def _parse_member(pointer: str, text: str) -> Rule:
    try:
        return parse_ibm(text)
    except Invalid as error:
        expected = error.problems[0].expected
        raise Invalid(error.code, error.detail, pointer=pointer, expected=expected) from None


def _disjunction(scanner: Scanner, root: str) -> Rule:
    parts = [_conjunction(scanner, root)]
    while scanner.take("||"):
        parts.append(_conjunction(scanner, root))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _conjunction(scanner: Scanner, root: str) -> Rule:
    parts = [_unary(scanner, root)]
    while scanner.take("&&"):
        parts.append(_unary(scanner, root))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _unary(scanner: Scanner, root: str) -> Rule:
    if scanner.match(_NOT):
        return Not(_bracketed(scanner, root))
    if scanner.sees("("):
        return _bracketed(scanner, root)
    if scanner.take("!"):
        raise scanner.error("`!` is no operator here", "`not(...)`")
    if not scanner.sees(root):
        raise scanner.surprise(f"a path, which begins with `{root}`{_WHERE[root]},")
    return _comparison(scanner, root)


def _bracketed(scanner: Scanner, root: str) -> Rule:
    scanner.need("(")
    with scanner.nested():
        rule = _disjunction(scanner, root)
    if not scanner.take(")"):
        raise _not_joined(scanner, "`&&`, `||` or `)`")
    return rule


def _condition(scanner: Scanner) -> Rule:
    """What stands in the brackets of `?(...)`."""
    return _bracketed(scanner, MEMBER)


def _comparison(scanner: Scanner, root: str) -> Rule:
    path = read_path(scanner, root, _condition)
    symbol = scanner.look(_SYMBOL)
    if not symbol:
        return Always() if root == WHOLE and path in _EVERYTHING else Exists(path)
    if symbol == "=~":
        scanner.match(_SYMBOL)
        return Finds(path, read_pattern(scanner))
    if symbol not in _OPERATORS:
        raise _no_operator(scanner, symbol)
    scanner.match(_SYMBOL)
    literal = _literal(scanner)
    if root == WHOLE and path == SEVERITY:
        return Compare(Path(path.steps, folded=True), _OPERATORS[symbol], _folded(literal))
    return Compare(path, _OPERATORS[symbol], literal)


def _literal(scanner: Scanner) -> Literal:
    text = scanner.quoted(ESCAPES)
    if text is not None:
        return text
    if scanner.sees(WHOLE) or scanner.sees(MEMBER):
        raise scanner.error(
            "comparing two paths is not supported", "a text in quotes or a number", code="rule_unsupported"
        )
    word = scanner.look(_WORD)
    constant = constant_of(word)
    if isinstance(constant, Missing):
        raise scanner.surprise("a text in quotes, a number, true, false or null")
    scanner.match(_WORD)
    return constant


def _folded(literal: Literal) -> Literal:
    return literal.casefold() if isinstance(literal, str) else literal


def _no_operator(scanner: Scanner, symbol: str) -> Invalid:
    meant = _MEANT.get(symbol)
    hint = f"; did you mean `{meant}`?" if meant else ""
    return scanner.error(f"`{symbol[:20]}` is no operator{hint}", "one of == != < <= > >= =~")


def _not_joined(scanner: Scanner, expected: str) -> Invalid:
    """The error for what follows a complete comparison."""
    found = scanner.look(_JOIN)
    if meant := _JOINS.get(found.lower()):
        return scanner.error(f"{expected} was expected, found {scanner.upcoming()}", f"`{meant}`")
    return scanner.surprise(expected)
