"""Helpers for sizes, spans and moments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from gateway.spi.templates.comparing import number_of
from gateway.spi.templates.helper import ArgumentError, Arguments, Helper, Named
from gateway.spi.templates.run import Run
from gateway.spi.templates.values import number_text, text_of

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SPANS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_FORMAT = "%Y-%m-%d %H:%M:%S %Z"
_PROXMOX_FORMAT = "%Y-%m-%d %H:%M:%S"
_DIRECTIVES = re.compile(r"%(?:[aAbBdHIjmMpSyYzZ%]|\Z|(?P<unknown>.))", re.DOTALL)
_LONGEST_FORMAT = 100
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}\Z")
_MILLISECONDS_FROM = 100_000_000_000
"""An epoch from here on counts milliseconds: in seconds this would be the year 5138."""


def _bytes(run: Run, values: Arguments, _: Named) -> str:
    """As Proxmox writes sizes: units of 1024, the decimals that say something, two at most."""
    size = number_of(values[0])
    if size is None:
        return text_of(values[0], run)
    unit = 0
    while abs(size) >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{number_text(round(size, 2))} {_UNITS[unit]}"


def _duration(run: Run, values: Arguments, _: Named) -> str:
    """As Proxmox writes spans of seconds: `1d 2h 3m 4s`, without the parts that are 0."""
    seconds = number_of(values[0])
    if seconds is None:
        return text_of(values[0], run)
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    if 0 < seconds < 1:
        return f"{sign}{max(round(seconds * 1000), 1)}ms"
    left, parts = round(seconds), []
    for size, unit in _SPANS:
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return sign + (" ".join(parts) or "0s")


def _percentage(run: Run, values: Arguments, _: Named) -> str:
    part, whole = number_of(values[0]), number_of(values[1])
    return "-" if part is None or not whole else f"{part * 100 / whole:.2f}%"


def _date(run: Run, values: Arguments, named: Named) -> str:
    return _moment(run, values, named, str(values[1]) if len(values) > 1 else _FORMAT)


def _timestamp(run: Run, values: Arguments, named: Named) -> str:
    return _moment(run, values, named, _PROXMOX_FORMAT)


def _moment(run: Run, values: Arguments, named: Named, form: str) -> str:
    """The moment in the zone, UTC unless one is named; what is no moment stays as it is."""
    moment = _read(values[0])
    try:
        return moment.astimezone(_zone(named)).strftime(form) if moment else text_of(values[0], run)
    except (ValueError, OverflowError):
        return text_of(values[0], run)


def _read(value: object) -> datetime | None:
    try:
        if isinstance(value, str) and not value.isdecimal():
            read = datetime.fromisoformat(value) if len(value) <= 40 else None
            return read.replace(tzinfo=UTC) if read and read.tzinfo is None else read
        number = number_of(value)
        if number is None:
            return None
        return datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _zone(named: Named) -> tzinfo:
    return ZoneInfo(str(named["tz"])) if "tz" in named else UTC


def _check_form(fixed: Mapping[int | str, object]) -> None:
    if 1 in fixed:
        _check_format(str(fixed[1]))
    if "tz" in fixed:
        _check_zone(str(fixed["tz"]))


def _check_format(form: str) -> None:
    found = next(
        (one for one in _DIRECTIVES.finditer(form) if one.group() == "%" or one.group("unknown")), None
    )
    if found or len(form) > _LONGEST_FORMAT:
        detail = f"`{found.group()[:2]}` is no part of a date" if found else "the format is too long"
        raise ArgumentError(detail, "%Y %m %d %H %M %S %I %p %y %j %a %A %b %B %z %Z and %%")


def _check_zone(name: str) -> None:
    try:
        if not _ZONE.match(name):
            raise ValueError
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ArgumentError("there is no such time zone", "a name such as Europe/Berlin or UTC") from None


FIGURES: Mapping[str, Helper] = {
    "bytes": Helper(_bytes, 1, 1, "bytes 1536", "a size: `1.5 KiB`"),
    "human-bytes": Helper(_bytes, 1, 1, "human-bytes 1536", "the same as `bytes` (Proxmox)"),
    "duration": Helper(_duration, 1, 1, "duration 3725", "a span of seconds: `1h 2m 5s` (Proxmox)"),
    "relative-percentage": Helper(
        _percentage, 2, 2, "relative-percentage 1 3", "a share: `33.33%`; `-` of nothing (Proxmox)"
    ),
    "date": Helper(
        _date,
        1,
        2,
        'date a "%d.%m.%Y" tz="Europe/Berlin"',
        "a moment, RFC 3339 or seconds since 1970; the format and the zone (UTC) stand in the template",
        named=frozenset({"tz"}),
        fixed=frozenset({1, "tz"}),
        check=_check_form,
    ),
    "timestamp": Helper(
        _timestamp,
        1,
        1,
        "timestamp 1747792475",
        "as `date` with `%Y-%m-%d %H:%M:%S` (Proxmox)",
        named=frozenset({"tz"}),
        fixed=frozenset({"tz"}),
        check=_check_form,
    ),
}
