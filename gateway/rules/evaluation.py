"""What a predicate is, and what happens when a rule cannot be evaluated on an event.

Such a rule matches nothing, whatever `not` surrounds the place where it failed, and its owner is told
(design, section 7). Only atoms with a bounded search can fail: paths that select several values, globs
that look for `?`, and regular expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from gateway.domain.errors import TocsinError
from gateway.domain.view import EventView
from gateway.rules.limits import MAX_PATTERN_WORK

Predicate: TypeAlias = Callable[[EventView], bool]
"""Whether a rule matches an event. Never raises."""

ProblemListener: TypeAlias = Callable[[str], None]
"""Told the code of each evaluation that failed; called on the hot path, must be quick and not raise."""


class EvaluationError(TocsinError):
    """Inside a predicate: this event cannot be judged by this rule. Never leaves a guarded predicate."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Allowance:
    """What regular expressions may cost in one evaluation, so that many values cost no more than one.

    There is one for the process: evaluations never overlap, they are made on one thread.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """An evaluation begins."""
        self.left = MAX_PATTERN_WORK

    def spend(self, work: int) -> None:
        """Take what a text will cost; raises EvaluationError `pattern_too_costly`."""
        self.left -= work
        if self.left < 0:
            raise EvaluationError(
                "pattern_too_costly", f"regular expressions cost more than {MAX_PATTERN_WORK} steps"
            )


allowance = Allowance()


def guarded(predicate: Predicate, on_problem: ProblemListener | None) -> Predicate:
    """The predicate, with "cannot be evaluated" turned into "does not match" and reported."""

    def answer(view: EventView) -> bool:
        allowance.renew()
        try:
            return predicate(view)
        except EvaluationError as problem:
            if on_problem is not None:
                on_problem(problem.code)
            return False

    return answer
