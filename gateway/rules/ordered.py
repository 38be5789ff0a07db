"""The names whose values have an order of their own: `severity` and `time`."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.errors import Invalid
from gateway.domain.severity import Severity, from_word
from gateway.domain.view import EventView
from gateway.rules.comparison import is_order, order_of
from gateway.rules.evaluation import Predicate
from gateway.rules.names import suggest
from gateway.rules.tree import Compare, In, Literal, Name, Op

WORDS = frozenset(severity.word for severity in Severity)
"""The severity words that suggestions are taken from; rules may use any that `from_word` reads."""


def severity_of(literal: Literal) -> Severity:
    """The severity that a rule names; raises Invalid `severity_unknown`."""
    severity = from_word(literal) if isinstance(literal, str) else None
    if severity is None:
        detail, expected = _explain(str(literal))
        raise Invalid("severity_unknown", detail, expected=expected)
    return severity


def unknown_severity(word: str) -> tuple[str, str] | None:
    """What is wrong with a severity word and what would be right; None if it is one."""
    return None if from_word(word) is not None else _explain(word)


def severity_predicate(atom: Compare | In) -> Predicate:
    """A comparison of `severity`; the five are few enough to answer by looking up the set that fits."""
    fitting = frozenset(_fitting(atom))

    def test(view: EventView) -> bool:
        severity = view.vocabulary.severity
        if severity is not None:
            return severity in fitting
        word = view.event.attributes.get("severity")
        return isinstance(word, str) and from_word(word) in fitting

    return test


def is_time_order(atom: object) -> bool:
    """Whether the atom asks for what was before or after."""
    return isinstance(atom, Compare) and atom.operand == Name("time") and is_order(atom.op)


def time_predicate(atom: Compare) -> Predicate:
    """An order between `time` and an instant; text order would be wrong across offsets.

    Raises Invalid `rule_value` unless the literal is an RFC 3339 timestamp with an offset.
    """
    instant = instant_of(atom.literal)
    if instant is None:
        raise Invalid(
            "rule_value", "`time` is compared with a timestamp", expected="a form like 2026-03-01T08:00:00Z"
        )
    order = order_of(atom.op)

    def test(view: EventView) -> bool:
        found = instant_of(view.event.attributes.get("time"))
        return found is not None and order(found, instant)

    return test


def _explain(word: str) -> tuple[str, str]:
    meant = suggest(word, WORDS)
    hint = f"; did you mean `{meant}`?" if meant else ""
    scale = ", ".join(severity.word for severity in Severity)
    return f"{word[:40]!r} is no severity{hint}", f"one of {scale}"


def _fitting(atom: Compare | In) -> list[Severity]:
    if isinstance(atom, In):
        return [severity_of(literal) for literal in atom.literals]
    bound = severity_of(atom.literal)
    if atom.op is Op.EQ:
        return [bound]
    if atom.op is Op.NE:
        return [severity for severity in Severity if severity is not bound]
    order = order_of(atom.op)
    return [severity for severity in Severity if order(severity, bound)]


def instant_of(text: object) -> datetime | None:
    """A timestamp with an offset; None for anything else, a leap second included."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
