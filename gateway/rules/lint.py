"""What is allowed in a rule and yet probably not meant: never true, read in two ways, unknown names."""

from __future__ import annotations

import re

from gateway.domain.event import Event
from gateway.domain.severity import Severity
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.rules.compile import atom_predicate
from gateway.rules.names import suggest, unknown_names
from gateway.rules.necessary import demands
from gateway.rules.tree import Always, And, Name, Never, Not, Or, Rule

_SEVERITY = Name("severity")
_EITHER = frozenset({True, False})
_TOKEN = re.compile(
    r"""(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<sign>[()]|&&|\|\|)|(?P<word>[\w-]+)"""
)
_JOINS = {"and": "and", "&&": "and", "or": "or", "||": "or"}


def warnings_of(rule: Rule, *texts: str) -> list[str]:
    """What should be looked at again, a sentence each; `texts` are the parts that `rule` was read from."""
    found = []
    if is_never(rule):
        found.append("this rule never holds")
    if any(map(is_ambiguous, texts)):
        found.append("this rule mixes `and` with `or` without parentheses; `and` binds tighter")
    for name in unknown_names(rule):
        meant = suggest(name)
        hint = f"; did you mean `{meant}`?" if meant else ""
        found.append(f"`{name}` is no name that is known, and read as an extension attribute{hint}")
    return found


def is_never(rule: Rule) -> bool:
    """Whether it can be told that no event matches."""
    return not any(admits(rule, severity) for severity in (*Severity, None))


def admits(rule: Rule, severity: Severity | None) -> bool:
    """Whether an event of this severity, None for none, may match, as far as can be told."""
    view = EventView(Event({}), Vocabulary(severity=severity))
    return True in _answers(rule, view)


def is_ambiguous(text: str) -> bool:
    """Whether `and` and `or` stand beside each other at one level of parentheses."""
    levels: list[set[str]] = [set()]
    for token in _TOKEN.finditer(text):
        sign = token["sign"] or (token["word"] or "").lower()
        if sign == "(":
            levels.append(set())
        elif sign == ")":
            if len(levels) > 1:
                levels.pop()
        elif sign in _JOINS:
            levels[-1].add(_JOINS[sign])
            if len(levels[-1]) > 1:
                return True
    return False


def _answers(rule: Rule, view: EventView) -> frozenset[bool]:
    """The answers that events with this severity can get; all else about them is unknown."""
    match rule:
        case Always() | Never():
            return frozenset({isinstance(rule, Always)})
        case Not(part):
            return frozenset(not answer for answer in _answers(part, view))
        case And() | Or():
            return _joined(rule, view)
        case _ if rule.operand == _SEVERITY:
            return frozenset({atom_predicate(rule)(view)})
        case _:
            return _EITHER


def _joined(rule: And | Or, view: EventView) -> frozenset[bool]:
    decisive = isinstance(rule, Or)
    if any(demand.is_nothing for demand in demands(rule).values()):
        return frozenset({False})
    found = [_answers(part, view) for part in rule.parts]
    if any(answers == {decisive} for answers in found):
        return frozenset({decisive})
    return _EITHER if any(decisive in answers for answers in found) else frozenset({not decisive})
