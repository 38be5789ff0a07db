"""What a rule demands of an event's `type`: conditions that every event it matches meets.

A routing index files a rule under these types and prefixes and evaluates it for no other event. The
conditions are necessary, not sufficient: an event that meets them may still not match. What cannot be
told is taken to allow everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from gateway.rules.comparison import canonical_text
from gateway.rules.globs import literal_prefix
from gateway.rules.tree import (
    Always,
    And,
    Compare,
    In,
    Key,
    Literal,
    Matches,
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

_TYPES = (Name("type"), Path((Key("type"),)))


@dataclass(frozen=True, slots=True)
class Necessary:
    """The event's type is one of `exact`, or starts with one of `prefixes` (sorted, none within another).

    Both empty: the rule matches nothing. `anything` is the single prefix ''.
    """

    exact: frozenset[str]
    prefixes: tuple[str, ...] = ()

    @property
    def is_anything(self) -> bool:
        """Whether every type is allowed, so that an index cannot file the rule."""
        return self.prefixes == ("",)

    @property
    def is_nothing(self) -> bool:
        """Whether no event can match the rule."""
        return not self.exact and not self.prefixes

    def allows(self, type: str) -> bool:
        """Whether an event of this type may match."""
        return type in self.exact or type.startswith(self.prefixes)


ANYTHING = Necessary(frozenset(), ("",))
NOTHING = Necessary(frozenset())


def necessary_types(rule: Rule) -> Necessary:
    """The types that events matched by this tree can have; for trees that compile."""
    match rule:
        case Never():
            return NOTHING
        case And(parts):
            return reduce(_both, map(necessary_types, parts), ANYTHING)
        case Or(parts):
            return _either(map(necessary_types, parts))
        case Always() | Not():
            return ANYTHING
        case _ if rule.operand in _TYPES:
            return _of_type(rule)
        case _:
            return ANYTHING


def _of_type(atom: Rule) -> Necessary:
    """The demand of an atom whose operand is the type."""
    match atom:
        case Compare(operand, Op.EQ, literal):
            return Necessary(_texts(operand, (literal,)))
        case In(operand, literals):
            return Necessary(_texts(operand, literals))
        case StartsWith(_, prefix):
            return Necessary(frozenset(), (prefix,))
        case Matches(_, pattern):
            prefix, is_whole = literal_prefix(pattern)
            return Necessary(frozenset({prefix})) if is_whole else Necessary(frozenset(), (prefix,))
        case _:
            return ANYTHING


def _texts(operand: Operand, literals: tuple[Literal, ...]) -> frozenset[str]:
    """The types that equal a literal: a path compares with text only, a name with any literal's text."""
    if isinstance(operand, Path):
        return frozenset(literal for literal in literals if isinstance(literal, str))
    return frozenset(map(canonical_text, literals))


def _either(conditions: Iterable[Necessary]) -> Necessary:
    exact: set[str] = set()
    prefixes: set[str] = set()
    for condition in conditions:
        exact |= condition.exact
        prefixes.update(condition.prefixes)
    return _tidy(exact, prefixes)


def _both(one: Necessary, other: Necessary) -> Necessary:
    exact = {type for type in one.exact if other.allows(type)} | {
        type for type in other.exact if one.allows(type)
    }
    prefixes = {prefix for prefix in one.prefixes if prefix.startswith(other.prefixes)} | {
        prefix for prefix in other.prefixes if prefix.startswith(one.prefixes)
    }
    return _tidy(exact, prefixes)


def _tidy(exact: set[str], prefixes: set[str]) -> Necessary:
    """Without what another prefix covers already."""
    outer: list[str] = []
    for prefix in sorted(prefixes):
        if not outer or not prefix.startswith(outer[-1]):
            outer.append(prefix)
    kept = tuple(outer)
    return Necessary(frozenset(type for type in exact if not type.startswith(kept)), kept)
