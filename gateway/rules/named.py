"""Atoms over a bare name: severity, time, the resource, words of the vocabulary, attributes.

A bare name is text, so its literals are compared in their canonical text; only `<` to `>=` with a
number reads the text as a numeral. Comparisons of attributes, which most rules consist of, get a
closure of their own, so that they cost one call.
"""

from __future__ import annotations

from gateway.domain.event import canonical
from gateway.domain.view import EventView
from gateway.rules import comparison
from gateway.rules.comparison import Test, canonical_text, is_order
from gateway.rules.evaluation import Predicate
from gateway.rules.names import VOCABULARY, read_name, read_resource, read_severity_word
from gateway.rules.ordered import is_time_order, severity_predicate, time_predicate
from gateway.rules.tree import Atom, Compare, Contains, In, Literal, Op, StartsWith


def name_predicate(name: str, atom: Atom) -> Predicate:
    """The predicate of an atom over this name; raises Invalid `rule_value` or `severity_unknown`."""
    if name == "severity" and isinstance(atom, Compare | In):
        return severity_predicate(atom)
    if isinstance(atom, Compare) and is_time_order(atom):
        return time_predicate(atom)
    if name == "resource":
        return _resource(atom)
    return _fast(name, atom) or _plain(name, atom)


def _plain(name: str, atom: Atom) -> Predicate:
    read = read_severity_word if name == "severity" else read_name(name)
    test = _test(atom)
    return lambda view: test(read(view))


def _resource(atom: Atom) -> Predicate:
    """Some spelling passes the test; for `!=`, there is one and none is equal."""
    if isinstance(atom, Compare) and atom.op is Op.NE:
        same = comparison.equals(canonical_text(atom.literal))

        def differs(view: EventView) -> bool:
            spellings = read_resource(view)
            return bool(spellings) and not any(map(same, spellings))

        return differs
    test = _test(atom)
    return lambda view: any(map(test, read_resource(view)))


def _test(atom: Atom) -> Test:
    match atom:
        case Compare(_, op, literal) if is_order(op):
            return _order(op, literal)
        case Compare(_, op, literal):
            return comparison.compares(op, canonical_text(literal))
        case In(_, literals):
            return comparison.within(tuple(map(canonical_text, literals)))
        case Contains(_, literal):
            return comparison.contains(canonical_text(literal))
        case _:
            return comparison.test_of(atom)


def _order(op: Op, literal: Literal) -> Test:
    if isinstance(literal, int | float) and not isinstance(literal, bool):
        return comparison.ordered_numeral(op, literal)
    return comparison.compares(op, literal)


def _fast(name: str, atom: Atom) -> Predicate | None:
    """The atoms over attributes that are worth a closure of their own."""
    if name in VOCABULARY:
        return None
    match atom:
        case Compare(_, Op.EQ, literal):
            return _among(name, (literal,))
        case In(_, literals):
            return _among(name, literals)
        case StartsWith(_, prefix):
            return _starts_with(name, prefix)
        case _:
            return None


def _among(name: str, literals: tuple[Literal, ...]) -> Predicate:
    texts = frozenset(map(canonical_text, literals))

    def test(view: EventView) -> bool:
        value = view.event.attributes.get(name)
        if isinstance(value, str):
            return value in texts
        return isinstance(value, int) and canonical(value) in texts

    return test


def _starts_with(name: str, prefix: str) -> Predicate:
    def test(view: EventView) -> bool:
        value = view.event.attributes.get(name)
        if isinstance(value, str):
            return value.startswith(prefix)
        return isinstance(value, int) and canonical(value).startswith(prefix)

    return test
