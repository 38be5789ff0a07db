"""The sliding log of a limit: what was given in the last stretch of it, and what there is to give now.

A log is pairs of a time and how many were given then, oldest first. Each counts until its time plus the
length of the stretch. Times are only ever taken as later than they were: the limit is never exceeded.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from gateway.ports import RateAsk, RateGrant

PARTS = 64
"""A limit above so many keeps its log by this part of its stretch, one of a few thousand would be long."""

_log = msgspec.json.Decoder(list[tuple[float, int]])


class Taken(NamedTuple):
    """What was granted, and the log after it with the time from which nothing of it counts."""

    grant: RateGrant
    log: str
    until: float


def take(log: str, ask: RateAsk, now: float) -> Taken:
    """Grant what the log leaves of a limit."""
    stamp = _stamp(ask, now)
    # A clock that was set back: what seems to be of the future counts from now on.
    known = [(min(at, stamp), given) for at, given in _log.decode(log or "[]")]
    given = [(at, number) for at, number in known if at + ask.seconds > now]
    free = ask.limit - sum(number for _, number in given)
    tokens = max(0, min(ask.tokens, free))
    if tokens:
        given = _added(given, stamp, tokens)
    again_at = _again_at(given, ask, now) if tokens < ask.tokens else 0.0
    until = given[-1][0] + ask.seconds if given else now
    return Taken(RateGrant(tokens, again_at), msgspec.json.encode(given).decode(), until)


def _stamp(ask: RateAsk, now: float) -> float:
    if ask.limit <= PARTS:
        return now
    part = ask.seconds / PARTS
    return max(now, math.ceil(now / part) * part)


def _added(given: list[tuple[float, int]], at: float, tokens: int) -> list[tuple[float, int]]:
    if given and given[-1][0] == at:
        return [*given[:-1], (at, given[-1][1] + tokens)]
    return [*given, (at, tokens)]


def _again_at(given: list[tuple[float, int]], ask: RateAsk, now: float) -> float:
    """When the first is free: a limit that was lowered may have given more than it allows now."""
    used = sum(number for _, number in given)
    for at, number in given:
        used -= number
        if used < ask.limit:
            return at + ask.seconds
    return now + ask.seconds
