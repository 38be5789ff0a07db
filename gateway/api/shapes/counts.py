"""Counts over time, as they are answered."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from gateway.api.shapes.base import Answer
from gateway.domain.counting import DAY, Counted
from gateway.service.counting import History


class CountsAnswer(Answer):
    """How often. `matched` counts events, the others deliveries; what is not evaluable, evaluations."""

    matched: int
    delivered: int
    suppressed: int
    dead: int
    not_evaluable: int


class DayAnswer(CountsAnswer):
    """One day, in UTC."""

    day: str


class HistoryAnswer(Answer):
    """All days that are kept together, and each one on which something was counted."""

    total: CountsAnswer
    days: list[DayAnswer] = Field(description="Oldest first.")


def counts_answer(history: History | None) -> CountsAnswer | None:
    """All days together."""
    return None if history is None else _total(history)


def history_answer(history: History) -> HistoryAnswer:
    """Counts by day."""
    return HistoryAnswer(
        total=_total(history),
        days=[
            DayAnswer(
                day=datetime.fromtimestamp(day * DAY, UTC).date().isoformat(),
                **{what.value: numbers[what] for what in Counted},
            )
            for day, numbers in history.days.items()
        ],
    )


def _total(history: History) -> CountsAnswer:
    return CountsAnswer(**{what.value: history.total(what) for what in Counted})
