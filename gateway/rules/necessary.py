"""What a rule demands of an event's attributes: conditions that every event it matches meets.

A routing index (`gateway.rules.index`) files a rule under these texts and prefixes and evaluates it for no
other event. The conditions are necessary, not sufficient: an event that meets them may still not match.
What cannot be told is taken to allow everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from gateway.rules.comparison import canonical_text
from gateway.rules.globs import literal_prefix
from gateway.rules.tree import (
    Always,
    And,
    Atom,
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
    atoms,
)

_TYPE = Name("type")
_TYPE_PATH = Path((Key("type"),))
_UNFILED = frozenset({"severity"})
"""Names whose words have several spellings, so that equal ones need not be equal texts."""
MULTIPLE = Name("resource")
"""The operand with several values, of which one has to meet the demand."""
MAX_OPERANDS = 8
"""Operands of one rule that are looked at."""


@dataclass(frozen=True, slots=True)
class Necessary:
    """The value is one of `exact`, or starts with one of `prefixes` (sorted, none within another).

    Both empty: the rule matches nothing. `anything` is the single prefix ''.
    """

    exact: frozenset[str]
    prefixes: tuple[str, ...] = ()

    @property
    def is_anything(self) -> bool:
        """Whether every value is allowed, so that an index cannot file the rule."""
        return self.prefixes == ("",)

    @property
    def is_nothing(self) -> bool:
        """Whether no event can match the rule."""
        return not self.exact and not self.prefixes

    def allows(self, value: str) -> bool:
        """Whether an event with this value may match."""
        return value in self.exact or value.startswith(self.prefixes)


ANYTHING = Necessary(frozenset(), ("",))
NOTHING = Necessary(frozenset())


def demands(rule: Rule) -> Mapping[Operand, Necessary]:
    """What the tree demands of which operands: names, and paths to one value; only what it does demand."""
    operands = dict.fromkeys([_TYPE, *(operand for atom in atoms(rule) if (operand := _filed(atom)))])
    found = {operand: _necessary(rule, operand) for operand in list(operands)[:MAX_OPERANDS]}
    return {operand: demand for operand, demand in found.items() if not demand.is_anything}


def _filed(atom: Atom) -> Operand | None:
    """The operand of an atom that demands something of it."""
    if not isinstance(atom, Compare | In | StartsWith | Matches):
        return None
    match atom.operand:
        case Name(text):
            return None if text in _UNFILED else atom.operand
        case Path(_, folded) if atom.operand.is_singular and not folded:
            return _TYPE if atom.operand == _TYPE_PATH else atom.operand
        case _:
            return None


def _necessary(rule: Rule, operand: Operand) -> Necessary:
    match rule:
        case Never():
            return NOTHING
        case And(parts):
            both = _narrower if operand == MULTIPLE else _both
            return reduce(both, (_necessary(part, operand) for part in parts), ANYTHING)
        case Or(parts):
            return _either(_necessary(part, operand) for part in parts)
        case Always() | Not():
            return ANYTHING
        case _ if _filed(rule) == operand:
            return _of_atom(rule)
        case _:
            return ANYTHING


def _of_atom(atom: Atom) -> Necessary:
    """The demand of an atom on its operand."""
    match atom:
        case Compare(operand, Op.EQ, literal):
            return _texts(operand, (literal,))
        case In(operand, literals):
            return _texts(operand, literals)
        case StartsWith(_, prefix):
            return Necessary(frozenset(), (prefix,))
        case Matches(_, pattern):
            prefix, is_whole = literal_prefix(pattern)
            return Necessary(frozenset({prefix})) if is_whole else Necessary(frozenset(), (prefix,))
        case _:
            return ANYTHING


def _texts(operand: Operand, literals: tuple[Literal, ...]) -> Necessary:
    """The texts that equal a literal: a path compares with its type, a name with any literal's text."""
    if not isinstance(operand, Path):
        return Necessary(frozenset(map(canonical_text, literals)))
    texts = frozenset(literal for literal in literals if isinstance(literal, str))
    # The type is always a text; another value may be the number that is asked for.
    return Necessary(texts) if operand == _TYPE_PATH or len(texts) == len(set(literals)) else ANYTHING


def _either(conditions: Iterable[Necessary]) -> Necessary:
    exact: set[str] = set()
    prefixes: set[str] = set()
    for condition in conditions:
        exact |= condition.exact
        prefixes.update(condition.prefixes)
    return _tidy(exact, prefixes)


def _narrower(one: Necessary, other: Necessary) -> Necessary:
    """For an operand with several values, each of two demands may be met by another one: keep one of them."""
    ways = [(demand.is_anything, len(demand.prefixes), len(demand.exact)) for demand in (one, other)]
    return one if ways[0] <= ways[1] else other


def _both(one: Necessary, other: Necessary) -> Necessary:
    exact = {text for text in one.exact if other.allows(text)} | {
        text for text in other.exact if one.allows(text)
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
    return Necessary(frozenset(text for text in exact if not text.startswith(kept)), kept)
