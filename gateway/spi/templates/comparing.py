"""Helpers that compare: each is true or false, as a block, in `{{#if (...)}}` and in another helper.

`equal` is raymond's, which IBM's templates are written for: it compares the texts of two values.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from gateway.spi.templates.helper import Arguments, Function, Helper, Named
from gateway.spi.templates.run import Run
from gateway.spi.templates.values import Array, is_true, text_of

_SEVERITIES = {"info": 1, "notice": 2, "warning": 3, "error": 4, "critical": 5}


def _equal(run: Run, values: Arguments, _: Named) -> bool:
    return text_of(values[0], run) == text_of(values[1], run)


def _unequal(run: Run, values: Arguments, named: Named) -> bool:
    return not _equal(run, values, named)


def _contains(run: Run, values: Arguments, _: Named) -> bool:
    """What is missing or empty is in nothing."""
    whole, wanted = values[0], text_of(values[1], run)
    if not wanted:
        return False
    if isinstance(whole, Mapping):
        return wanted in whole
    if isinstance(whole, Array):
        return any(text_of(one, run) == wanted for one in whole)
    return wanted in text_of(whole, run)


def _starts_with(run: Run, values: Arguments, _: Named) -> bool:
    return text_of(values[0], run).startswith(text_of(values[1], run))


def _ends_with(run: Run, values: Arguments, _: Named) -> bool:
    return text_of(values[0], run).endswith(text_of(values[1], run))


def _ordered(holds: Callable[[float, float], bool]) -> Function:
    def compare(_: Run, values: Arguments, __: Named) -> bool:
        first, second = _rank(values[0], values[1]), _rank(values[1], values[0])
        return first is not None and second is not None and holds(first, second)

    return compare


def _rank(value: object, other: object) -> float | None:
    """Numbers by size, also those in a text; severities by rank, if both are one."""
    if isinstance(value, str) and isinstance(other, str) and value in _SEVERITIES and other in _SEVERITIES:
        return _SEVERITIES[value]
    return number_of(value)


def number_of(value: object) -> float | None:
    """The number that a value is, or that its text of at most 40 characters says."""
    if isinstance(value, bool):
        return None
    try:
        number = (
            float(value)
            if isinstance(value, int | float) or (isinstance(value, str) and len(value) <= 40)
            else None
        )
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < float("inf") else None


def _and(_: Run, values: Arguments, __: Named) -> bool:
    return all(map(is_true, values))


def _or(_: Run, values: Arguments, __: Named) -> bool:
    return any(map(is_true, values))


def _not(_: Run, values: Arguments, __: Named) -> bool:
    return not is_true(values[0])


def _predicate(function: Function, usage: str, says: str, fewest: int = 2, most: int = 2) -> Helper:
    return Helper(function, fewest, most, usage, says, predicate=True)


COMPARING: Mapping[str, Helper] = {
    "equal": _predicate(_equal, "equal a b", "the texts of both are the same (IBM)"),
    "eq": _predicate(_equal, "eq a b", "the same as `equal`"),
    "ne": _predicate(_unequal, "ne a b", "they are not"),
    "contains": _predicate(
        _contains, "contains a b", "the text, list or object has this part, element or key (IBM)"
    ),
    "starts-with": _predicate(_starts_with, "starts-with a b", "the text begins so"),
    "ends-with": _predicate(_ends_with, "ends-with a b", "the text ends so"),
    "lt": _predicate(_ordered(operator.lt), "lt a b", "a number, or a severity, is below the other"),
    "lte": _predicate(_ordered(operator.le), "lte a b", "below or equal"),
    "gt": _predicate(_ordered(operator.gt), "gt a b", "above"),
    "gte": _predicate(_ordered(operator.ge), "gte a b", "above or equal"),
    "and": _predicate(_and, "and a b ...", "all are true", 1, 16),
    "or": _predicate(_or, "or a b ...", "one of them is true", 1, 16),
    "not": _predicate(_not, "not a", "it is not true", 1, 1),
}
