"""How long something takes, as people write it: `90s`, `5m`, `1h30m`, `7d`."""

from __future__ import annotations

import re

UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
"""Milliseconds of each unit, in the order in which they are written."""

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,3})?"
PATTERN = "^(?=.)" + "".join(f"(?:{_NUMBER}{unit})?" for unit in UNITS) + "$"
"""What `seconds_of` reads, as a regular expression that JSON Schema has too."""

EXPECTED = "30s, 5m, 1h30m or 7d"

_read = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in UNITS)).fullmatch


def seconds_of(text: str) -> float | None:
    """The seconds of a duration, exact to the millisecond; None for text that is none."""
    found = _read(text)
    if found is None or not any(found.groups()):
        return None
    parts = zip(found.groups(), UNITS.values(), strict=True)
    return round(sum(float(number) * unit for number, unit in parts if number), 0) / 1_000


def duration_text(seconds: float) -> str:
    """A duration of at least 0 as `seconds_of` reads it, to the millisecond."""
    left, written = round(seconds * 1_000), ""
    for unit, size in UNITS.items():
        number, left = (left / size, 0) if unit == "s" else divmod(left, size)
        written += f"{number:g}{unit}" if number else ""
    return written or "0s"
