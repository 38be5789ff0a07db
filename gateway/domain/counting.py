"""Counts by day of what topics, rules, subscriptions and sources did: what is counted, and how it is kept."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

DAY = 86_400.0


class Counted(StrEnum):
    """What is counted. `matched` are a source's events, those that a topic took or a subscription wanted."""

    MATCHED = "matched"
    DELIVERED = "delivered"
    SUPPRESSED = "suppressed"
    DEAD = "dead"
    NOT_EVALUABLE = "not_evaluable"


class Count(NamedTuple):
    """So many on one day (in UTC, days since 1970) of one subject, whose id is unique among all kinds."""

    subject: str
    day: int
    what: Counted
    number: int


def day_of(seconds: float) -> int:
    """The day of a time in epoch seconds."""
    return int(seconds // DAY)
