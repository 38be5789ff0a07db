"""The compiler: a tree becomes one closure per node, joined into a predicate over an event.

What the atoms mean, in every dialect:

*   An atom whose operand is missing does not match, `!=` included. `Not` negates the answer of its
    part, so `not actor = root` holds where there is no actor.
*   A bare name is text; `severity` and `time` have an order of their own (`gateway.rules.named`).
    `resource != x` means that there is a resource and no spelling of it is x.
*   A path is typed: values of another type than the literal do not match, `!=` included; null is equal
    to null and different from everything that is there.
*   A path that selects several values matches if one of them does: `$.a[*] != 1` means that some
    element is a number other than 1.
"""

from __future__ import annotations

from gateway.domain.view import EventView
from gateway.rules import comparison
from gateway.rules.evaluation import Predicate, ProblemListener, guarded
from gateway.rules.globs import may_be_unevaluable
from gateway.rules.limits import check
from gateway.rules.moments import moment_predicate
from gateway.rules.named import name_predicate
from gateway.rules.paths import read_path, read_wide_path
from gateway.rules.tree import (
    Always,
    And,
    Atom,
    Finds,
    Matches,
    Moment,
    Name,
    Never,
    Not,
    Or,
    Path,
    Rule,
    atoms,
)


def compile_rule(rule: Rule, on_problem: ProblemListener | None = None) -> Predicate:
    """The predicate of a tree, or of any part of one.

    The predicate never raises. When the rule cannot be evaluated on an event it answers False and
    tells `on_problem` the code. Raises Invalid with `rule_too_complex`, `rule_value` (a literal that
    the operator cannot take) or `severity_unknown`.
    """
    predicate, fallible = compile_unguarded(rule)
    return guarded(predicate, on_problem) if fallible else predicate


def compile_unguarded(rule: Rule) -> tuple[Predicate, bool]:
    """As `compile_rule`, for a predicate that several owners share.

    Where the flag is set it may raise EvaluationError: each of them has to guard it.
    """
    check(rule)
    return _predicate(rule), any(map(_can_fail, atoms(rule)))


def _can_fail(atom: Atom) -> bool:
    if isinstance(atom.operand, Path) and not atom.operand.is_singular:
        return True
    return isinstance(atom, Finds) or (isinstance(atom, Matches) and may_be_unevaluable(atom.pattern))


def _predicate(rule: Rule) -> Predicate:
    match rule:
        case Always():
            return lambda _: True
        case Never():
            return lambda _: False
        case And(parts):
            return _every([_predicate(part) for part in parts])
        case Or(parts):
            return _some([_predicate(part) for part in parts])
        case Not(part):
            return _negated(_predicate(part))
        case _:
            return atom_predicate(rule)


def _every(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda view: first(view) and second(view)

    def test(view: EventView) -> bool:
        for part in parts:  # noqa: SIM110 - all() with a generator costs twice as much
            if not part(view):
                return False
        return True

    return test


def _some(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda view: first(view) or second(view)

    def test(view: EventView) -> bool:
        for part in parts:  # noqa: SIM110 - any() with a generator costs twice as much
            if part(view):
                return True
        return False

    return test


def _negated(part: Predicate) -> Predicate:
    return lambda view: not part(view)


def atom_predicate(atom: Atom) -> Predicate:
    """The predicate of one atom, which raises EvaluationError where the whole rule cannot be evaluated."""
    match atom.operand:
        case Name(text):
            return name_predicate(text, atom)
        case Moment():
            return moment_predicate(atom.operand, atom)
        case Path():
            return _path(atom.operand, atom)


def _path(path: Path, atom: Atom) -> Predicate:
    test = comparison.test_of(atom)
    if path.folded:
        test = comparison.folding(test)
    if not path.is_singular:
        read_all = read_wide_path(path)
        return lambda view: any(map(test, read_all(view)))
    read = read_path(path)
    return lambda view: test(read(view))
