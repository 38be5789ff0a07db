"""The five severities, their order, and how foreign scales map onto them.

The scale is Ironcore's; every other scale is translated into it once,
when an event is decoded.
"""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """How bad it is; comparable, so that `severity >= error` means what it says."""

    INFO = 1
    NOTICE = 2
    WARNING = 3
    ERROR = 4
    CRITICAL = 5

    @property
    def word(self) -> str:
        """The lower-case name that rules, templates and APIs use."""
        return self.name.lower()


_WORDS: dict[str, Severity] = {severity.word: severity for severity in Severity} | {
    "information": Severity.INFO,
    "informational": Severity.INFO,
    "debug": Severity.INFO,
    "trace": Severity.INFO,
    "ok": Severity.INFO,
    "warn": Severity.WARNING,
    "err": Severity.ERROR,
    "crit": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "alert": Severity.CRITICAL,
}

_IBM: dict[str, Severity] = {
    "low": Severity.INFO,
    "medium": Severity.WARNING,
    "high": Severity.ERROR,
    "critical": Severity.CRITICAL,
}


def from_word(word: str) -> Severity | None:
    """Read a severity word of any common scale, in any case; None when it is not one."""
    return _WORDS.get(word.strip().lower())


def from_ibm(word: str) -> Severity | None:
    """Read `ibmenseverity` (low, medium, high, critical; IBM EN docs, its PagerDuty page)."""
    folded = word.strip().lower()
    return _IBM.get(folded) or _WORDS.get(folded)


_OTEL_FLOORS: tuple[tuple[int, Severity], ...] = (
    (21, Severity.CRITICAL),
    (17, Severity.ERROR),
    (13, Severity.WARNING),
    (10, Severity.NOTICE),
    (1, Severity.INFO),
)


def from_number(number: int) -> Severity | None:
    """Read an OpenTelemetry severity number (1-24; CloudEvents severity extension)."""
    for floor, severity in _OTEL_FLOORS:
        if floor <= number <= 24:
            return severity
    return None
