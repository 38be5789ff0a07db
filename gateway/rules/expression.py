"""The expression dialect: `type starts-with verify. and severity in (warning, error, critical)`.

The atoms are those of Ironcore's notification rules as written there (its page on notifications); the rest
of the grammar is ours.

    rule     = [ or ]                                   an empty rule matches every event
    or       = and { "or" and }
    and      = unary { "and" unary }                    binds tighter than "or"
    unary    = "not" unary | "(" or ")" | atom
    atom     = "true" | "false"
             | "exists" ( operand | "(" operand ")" )
             | operand ( "exists"
                       | ( "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
                       | [ "not" ] "in" "(" value { "," value } ")"
                       | "=~" quoted
                       | ( "starts-with" | "ends-with" | "matches" | "contains" ) value )
    operand  = name | "data" { "." name | "[" ( integer | "*" | quoted ) "]" }
             | ( "time-of-day" | "weekday" ) "(" [ zone ] ")"
    name     = letters, digits, "_" and "-"
    zone     = an IANA name, such as Europe/Berlin; UTC if there is none
    value    = quoted | word
    quoted   = "text" or 'text', with the escapes \\\\ \\" \\' \\uXXXX
    word     = any run of other characters than white space ( ) , " ' = < > & | that does not begin
               with ! [ ] and is none of: and, or, not, in

Keywords are read in any case. A bare name is an attribute or a word of the vocabulary
(`gateway.rules.names`) and compared as text; with `<` to `>=` an unquoted number is compared as a
number. `data` and what is below it is typed: unquoted `true`, `false`, `null` and numbers (as JSON
writes them) are those, everything else is text; `[*]` is every element. `matches` takes a glob
(`gateway.rules.globs`), `=~` searches for a regular expression (`gateway.rules.regex`), in whose quotes a
backslash escapes nothing but a quote. `a not in (x)` means that there is an `a` and it is not x.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.domain.errors import Invalid
from gateway.rules.comparison import is_order
from gateway.rules.limits import MAX_ITEMS, too_complex
from gateway.rules.names import suggest
from gateway.rules.scanner import Scanner
from gateway.rules.terms import (
    read_numeral,
    read_operand,
    read_pattern,
    read_severity,
    read_text,
    read_typed,
)
from gateway.rules.tree import (
    Always,
    And,
    Compare,
    Contains,
    EndsWith,
    Exists,
    Finds,
    In,
    Literal,
    Matches,
    Moment,
    Name,
    Never,
    Not,
    Op,
    Operand,
    Or,
    Path,
    Rule,
    StartsWith,
)

_KEYWORD = re.compile(r"[\w-]+")
_SYMBOL = re.compile(r"==|=~|!=|<=|>=|!~|&&|\|\||[=<>~&|!]")
_COMPARISONS = {op.value: op for op in Op} | {"==": Op.EQ}
_TEXT_OPERATORS: dict[str, Callable[[Operand, str], Rule]] = {
    "starts-with": StartsWith,
    "ends-with": EndsWith,
    "matches": Matches,
}
_OPERATORS = frozenset(_TEXT_OPERATORS) | {"contains", "in", "exists"}
_OF_MOMENTS = frozenset({"in", "exists"})
_OPERATOR_LIST = "one of = != < <= > >= =~ in, not in, starts-with, ends-with, contains, matches, exists"
_MEANT = {
    "is": "=", "equals": "=", "eq": "=", "isnot": "!=", "ne": "!=",
    "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "includes": "contains", "has": "contains",
    "like": "matches", "glob": "matches", "~": "matches",
    "starts": "starts-with", "begins": "starts-with", "begins-with": "starts-with", "ends": "ends-with",
}  # fmt: skip
_JOINS = {"&&": "and", "&": "and", "||": "or", "|": "or"}


def parse_expression(text: str) -> Rule:
    """The tree of a rule in the expression dialect.

    Raises Invalid: `rule_syntax` (with the position and what was expected), `rule_too_complex`,
    `rule_value`, `severity_unknown`. Globs and most literals are checked when the tree is compiled.
    """
    scanner = Scanner(text)
    if scanner.is_done():
        return Always()
    rule = _disjunction(scanner)
    if not scanner.is_done():
        raise _not_joined(scanner, "`and`, `or` or the end")
    return rule


def _disjunction(scanner: Scanner) -> Rule:
    parts = [_conjunction(scanner)]
    while _keyword(scanner, "or"):
        parts.append(_conjunction(scanner))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _conjunction(scanner: Scanner) -> Rule:
    parts = [_unary(scanner)]
    while _keyword(scanner, "and"):
        parts.append(_unary(scanner))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _unary(scanner: Scanner) -> Rule:
    if _keyword(scanner, "not"):
        with scanner.nested():
            return Not(_unary(scanner))
    if not scanner.take("("):
        return _atom(scanner)
    with scanner.nested():
        rule = _disjunction(scanner)
    if not scanner.take(")"):
        raise _not_joined(scanner, "`and`, `or` or `)`")
    return rule


def _atom(scanner: Scanner) -> Rule:
    if _keyword(scanner, "true"):
        return Always()
    if _keyword(scanner, "false"):
        return Never()
    if _keyword(scanner, "exists"):
        return Exists(_maybe_bracketed(scanner))
    return _test(scanner, read_operand(scanner))


def _maybe_bracketed(scanner: Scanner) -> Operand:
    if not scanner.take("("):
        return read_operand(scanner)
    operand = read_operand(scanner)
    scanner.need(")")
    return operand


def _test(scanner: Scanner, operand: Operand) -> Rule:
    """What is said about the operand."""
    symbol = scanner.look(_SYMBOL)
    if symbol in _COMPARISONS:
        scanner.match(_SYMBOL)
        return _comparison(scanner, operand, _COMPARISONS[symbol])
    if symbol == "=~" and not isinstance(operand, Moment):
        scanner.match(_SYMBOL)
        return Finds(operand, read_pattern(scanner))
    if _keyword(scanner, "not"):
        if not _keyword(scanner, "in"):
            raise scanner.surprise("`in` after `not`")
        return And((Exists(operand), Not(In(operand, _list(scanner, operand)))))
    word = scanner.look(_KEYWORD).lower()
    if word not in (_OF_MOMENTS if isinstance(operand, Moment) else _OPERATORS):
        raise _no_operator(scanner, symbol or word)
    scanner.match(_KEYWORD)
    return _worded(scanner, operand, word)


def _worded(scanner: Scanner, operand: Operand, word: str) -> Rule:
    if word == "exists":
        return Exists(operand)
    if word == "in":
        return In(operand, _list(scanner, operand))
    if word == "contains":
        return Contains(operand, read_typed(scanner) if isinstance(operand, Path) else read_text(scanner))
    return _TEXT_OPERATORS[word](operand, read_text(scanner))


def _comparison(scanner: Scanner, operand: Operand, op: Op) -> Rule:
    if isinstance(operand, Name) and operand.text != "severity" and is_order(op):
        return Compare(operand, op, read_numeral(scanner))
    return Compare(operand, op, _member(scanner, operand))


def _list(scanner: Scanner, operand: Operand) -> tuple[Literal, ...]:
    scanner.need("(")
    literals = [_member(scanner, operand)]
    while scanner.take(","):
        if len(literals) == MAX_ITEMS:
            raise too_complex("a list is too long", f"at most {MAX_ITEMS} values")
        literals.append(_member(scanner, operand))
    if not scanner.take(")"):
        raise scanner.surprise("`,` or `)`")
    return tuple(literals)


def _member(scanner: Scanner, operand: Operand) -> Literal:
    """A value that the operand is compared with."""
    if isinstance(operand, Path):
        return read_typed(scanner)
    return read_severity(scanner) if operand == Name("severity") else read_text(scanner)


def _keyword(scanner: Scanner, word: str) -> bool:
    if scanner.look(_KEYWORD).lower() != word:
        return False
    scanner.match(_KEYWORD)
    return True


def _no_operator(scanner: Scanner, found: str) -> Invalid:
    if found == "!~":
        return scanner.error("`!~` is no operator", "`not` before the condition, and `=~` in it")
    meant = _MEANT.get(found) or suggest(found, _OPERATORS)
    hint = f"; did you mean `{meant}`?" if meant else ""
    return scanner.error(f"an operator was expected, found {scanner.upcoming()}{hint}", _OPERATOR_LIST)


def _not_joined(scanner: Scanner, expected: str) -> Invalid:
    """The error for what follows a complete atom."""
    if meant := _JOINS.get(scanner.look(_SYMBOL)):
        return scanner.error(f"{expected} was expected, found {scanner.upcoming()}", f"`{meant}`")
    if not scanner.look(_KEYWORD):
        return scanner.surprise(expected)
    detail = f"{expected} was expected, found {scanner.upcoming()}; a value with white space needs quotes"
    return scanner.error(detail, expected)
