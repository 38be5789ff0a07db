"""Durations, moments and weekdays as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.domain.duration import EXPECTED, seconds_of
from gateway.domain.errors import ConfigurationError

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def seconds(option: str, text: str | None) -> float | None:
    """A period in seconds. Raises ConfigurationError."""
    found = None if text is None else seconds_of(text)
    if text is not None and found is None:
        raise ConfigurationError(f"{option}: {text!r} is no period; write {EXPECTED}")
    return found


def days(text: str | None) -> list[str] | None:
    """Weekdays with commas between them; `weekdays` are five, '' is none said."""
    if not text:
        return None if text is None else []
    return WEEKDAYS if text == "weekdays" else [one.strip() for one in text.split(",")]


def moment(option: str, text: str | None) -> str | None:
    """A moment as RFC 3339; without a zone it is this machine's time. Raises ConfigurationError."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option}: {text!r} is no time; write 2026-03-01T08:00 (here) or 2026-03-01T08:00Z"
        ) from None
