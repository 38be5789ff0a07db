"""The part of a day and the day of the week at which an event happened, as clocks in some place show them.

`time-of-day(Europe/Berlin) >= 22:00`, `weekday(Europe/Berlin) in (sat, sun)`. What counts is the event's
`time`; where it is missing, or no timestamp with an offset, the atom does not match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.errors import Invalid
from gateway.domain.view import EventView
from gateway.rules.comparison import is_order, order_of
from gateway.rules.evaluation import Predicate
from gateway.rules.ordered import instant_of
from gateway.rules.tree import Atom, Compare, Exists, In, Literal, Moment, Op, Part

DEFAULT_ZONE = "UTC"

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = {name[:length]: number for number, name in enumerate(_DAYS) for length in (3, len(name))}
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")


def zone_of(name: str) -> tzinfo:
    """The zone of this IANA name; raises Invalid `rule_value` for one that this system does not know."""
    if name == DEFAULT_ZONE:
        return UTC
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise Invalid(
        "rule_value", f"{name[:40]!r} is no time zone", expected="a name such as Europe/Berlin, or UTC"
    )


def moment_predicate(moment: Moment, atom: Atom) -> Predicate:
    """The predicate of an atom over a moment; raises Invalid `rule_value`."""
    zone = zone_of(moment.zone)
    read = _seconds if moment.part is Part.TIME_OF_DAY else datetime.weekday
    test = _test(moment.part, atom)

    def holds(view: EventView) -> bool:
        instant = instant_of(view.event.attributes.get("time"))
        return instant is not None and test(_local(read, instant, zone))

    return holds


def shown(moment: Moment, view: EventView) -> str | None:
    """The value of a moment in an event, as rules write it."""
    instant = instant_of(view.event.attributes.get("time"))
    if instant is None:
        return None
    if moment.part is Part.WEEKDAY:
        return _DAYS[_local(datetime.weekday, instant, zone_of(moment.zone))]
    seconds = _local(_seconds, instant, zone_of(moment.zone))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _local(read: Callable[[datetime], int], instant: datetime, zone: tzinfo) -> int:
    """Years 1 and 9999 have instants that other zones cannot write; they are read in UTC."""
    try:
        return read(instant.astimezone(zone))
    except OverflowError:
        return read(instant.replace(tzinfo=None))


def _seconds(local: datetime) -> int:
    return local.hour * 3600 + local.minute * 60 + local.second


def _test(part: Part, atom: Atom) -> Callable[[int], bool]:
    match atom:
        case Compare(_, op, literal):
            return _compared(part, op, _number(part, literal))
        case In(_, literals):
            return frozenset(_number(part, literal) for literal in literals).__contains__
        case Exists():
            return lambda _: True
        case _:
            raise Invalid("rule_value", f"`{part}` is only compared", expected="= != < <= > >= in, not in")


def _compared(part: Part, op: Op, number: int) -> Callable[[int], bool]:
    if op is Op.EQ:
        return number.__eq__
    if op is Op.NE:
        return number.__ne__
    if is_order(op) and part is Part.WEEKDAY:
        raise Invalid("rule_value", "days of the week have no order", expected="`in`, as in `in (sat, sun)`")
    order: Callable[[Any, Any], bool] = order_of(op)
    return lambda value: order(value, number)


def _number(part: Part, literal: Literal) -> int:
    text = literal.lower() if isinstance(literal, str) else ""
    if part is Part.WEEKDAY and text in _NUMBERS:
        return _NUMBERS[text]
    found = _TIME.fullmatch(text) if part is Part.TIME_OF_DAY else None
    if found:
        return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0)
    what = ("a time of day", "a form like 22:00") if part is Part.TIME_OF_DAY else ("a day", "mon, ..., sun")
    raise Invalid("rule_value", f"{str(literal)[:40]!r} is not {what[0]}", expected=what[1])
