"""Why a rule holds for an event or not: the same answer as the compiled predicate, with what decided it.

A conjunction is false because of its first part that is false, and true because of all of them; a
disjunction the other way round. Atoms are asked in the order and with the tests of
`gateway.rules.compile`, so that the two never disagree (`tests/unit/rules/test_explain.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from gateway.domain.errors import Invalid
from gateway.domain.view import MISSING, EventView
from gateway.rules.compile import atom_predicate
from gateway.rules.evaluation import EvaluationError, allowance
from gateway.rules.ibm_printer import print_ibm
from gateway.rules.moments import shown
from gateway.rules.names import read_name, read_resource, read_severity_word
from gateway.rules.paths import read_path, read_wide_path
from gateway.rules.printer import print_expression
from gateway.rules.tree import Always, And, Atom, Moment, Name, Never, Not, Operand, Or, Path, Rule

MAX_FINDINGS = 20
"""Atoms that one explanation names."""
MAX_SHOWN, MAX_VALUES = 160, 3
"""Characters of a value that are shown, and values of a path that selects several."""


class Finding(NamedTuple):
    """An atom that decided: its text, whether it held, and what the event has there ('' for nothing)."""

    atom: str
    holds: bool
    found: str


class Explained(NamedTuple):
    """The answer, and the atoms that made it, in the order in which they were asked.

    Without findings the rule is constant. `problem` is the code of what could not be evaluated, '' mostly;
    then the rule does not hold.
    """

    holds: bool
    findings: tuple[Finding, ...] = ()
    problem: str = ""


class _Unevaluable(Exception):
    """An atom that cannot be evaluated. Never leaves this file."""

    def __init__(self, finding: Finding, code: str) -> None:
        super().__init__(code)
        self.finding, self.code = finding, code


def explain_rule(rule: Rule, view: EventView) -> Explained:
    """The answer of a rule that compiles, and why."""
    allowance.renew()
    try:
        holds, findings = _answer(rule, view)
    except _Unevaluable as problem:
        return Explained(False, (problem.finding,), problem.code)
    return Explained(holds, findings[:MAX_FINDINGS])


def shown_value(value: object) -> str:
    """A value of an event as JSON, bounded."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 5] + "[...]"


def atom_text(atom: Rule) -> str:
    """An atom in the dialect that can carry it: the expression dialect if both can."""
    for write in (print_expression, print_ibm):
        try:
            return write(atom)
        except Invalid:
            continue
    return repr(atom)[:MAX_SHOWN]


_Answer = tuple[bool, tuple[Finding, ...]]


def _answer(rule: Rule, view: EventView) -> _Answer:
    match rule:
        case Always():
            return True, ()
        case Never():
            return False, ()
        case And(parts):
            return _joined(parts, view, decisive=False)
        case Or(parts):
            return _joined(parts, view, decisive=True)
        case Not(part):
            holds, findings = _answer(part, view)
            return not holds, findings
        case _:
            return _of_atom(rule, view)


def _joined(parts: Sequence[Rule], view: EventView, *, decisive: bool) -> _Answer:
    """Up to the first part whose answer decides; if there is none, all of them did."""
    everything: tuple[Finding, ...] = ()
    for part in parts:
        holds, findings = _answer(part, view)
        if holds is decisive:
            return holds, findings
        everything += findings
    return not decisive, everything


def _of_atom(atom: Atom, view: EventView) -> _Answer:
    try:
        holds = atom_predicate(atom)(view)
    except EvaluationError as problem:
        raise _Unevaluable(Finding(atom_text(atom), False, ""), problem.code) from None
    return holds, (Finding(atom_text(atom), holds, _found(atom.operand, view)),)


def _found(operand: Operand, view: EventView) -> str:
    try:
        values = [value for value in _values(operand, view) if value is not MISSING]
    except EvaluationError:
        return ""
    texts = [shown_value(value) for value in values[:MAX_VALUES]]
    return ", ".join(texts) + (f" and {len(values) - MAX_VALUES} more" if len(values) > MAX_VALUES else "")


def _values(operand: Operand, view: EventView) -> Sequence[object]:
    match operand:
        case Name("resource"):
            return read_resource(view)
        case Name("severity"):
            return (read_severity_word(view),)
        case Name(text):
            return (read_name(text)(view),)
        case Moment():
            moment = shown(operand, view)
            return () if moment is None else (moment,)
        case Path():
            return (read_path(operand)(view),) if operand.is_singular else read_wide_path(operand)(view)
