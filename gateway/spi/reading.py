"""What a program reads of a message: its words, its numbers and its moment, for metrics and alerts.

Names and labels are written as text with words in it, `{{event.job}} on {{event.resource}}`: of the template
language just this much, because a label is part of what a thing is and not of how it is told. Numbers
are found by paths as rules write them, `data.result.size`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from gateway.domain.errors import Invalid
from gateway.rules.names import Reader
from gateway.rules.paths import read_path
from gateway.rules.scanner import Scanner
from gateway.rules.terms import read_operand
from gateway.rules.tree import Path
from gateway.spi.message import Message
from gateway.spi.rendering import one_line

WORDS: Mapping[str, Callable[[Message], str | None]] = {
    "type": lambda message: message.event.type,
    "source": lambda message: message.event.source,
    "severity": lambda message: message.severity.word,
    "outcome": lambda message: message.vocabulary.outcome,
    "resource": lambda message: message.vocabulary.resource,
    "job": lambda message: message.vocabulary.job,
    "actor": lambda message: message.vocabulary.actor,
    "task_id": lambda message: message.vocabulary.task_id,
    "title": lambda message: message.title,
    "summary": lambda message: message.summary,
}
"""The words that a text may hold, and where each comes from."""

MAX_NAMED = 16
MAX_WORDING = 200
MAX_PATH = 500
MAX_MOMENT = 9_223_372_036_000
"""Milliseconds since the epoch that 64 bits of nanoseconds can still hold, in the year 2262."""

_DIGITS_OF_DIGEST = 8
_EPOCH = datetime.fromtimestamp(0, UTC)
_HOLE = re.compile(r"\{\{\s*event\.([a-z_]+)\s*\}\}")


def _wording(text: str) -> str:
    rest = _HOLE.sub("", text)
    unknown = [word for word in _HOLE.findall(text) if word not in WORDS]
    if unknown or "{{" in rest or "}}" in rest:
        raise ValueError(f"between {{{{ and }}}} stands one of event.{', event.'.join(WORDS)}")
    return text


Wording = Annotated[str, StringConstraints(max_length=MAX_WORDING), AfterValidator(_wording)]
"""A text that may hold words of the event."""


def _names(given: dict[str, str]) -> dict[str, str]:
    for name in given:
        if not _NAME.fullmatch(name):
            raise ValueError("a name is 1 to 64 letters, digits and underscores, a letter first")
    return given


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
"""Plain in line protocol and in Prometheus' text alike, and never one of their own, which begin with `_`."""

Wordings = Annotated[dict[str, Wording], Field(max_length=MAX_NAMED), AfterValidator(_names)]
"""Labels or tags: by name, texts that may hold words of the event."""


def words_in(text: str) -> list[str]:
    """The words that a Wording holds."""
    return _HOLE.findall(text)


def worded(text: str, message: Message) -> str:
    """A Wording with the event's words in it; a word that the event does not have is nothing."""
    return _HOLE.sub(lambda hole: WORDS[hole[1]](message) or "", text)


def distinct(text: str, limit: int) -> str:
    """One line of at most `limit` characters that still tells long texts apart: what is cut ends with
    the beginning of the whole text's digest."""
    line = one_line(text, len(text))
    if len(line) <= limit:
        return line
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGITS_OF_DIGEST]
    return f"{line[: limit - len(digest) - 1]}…{digest}"


def _number_path(text: str) -> str:
    try:
        _reader(text)
    except Invalid as refused:
        raise ValueError(f"not a path into the event's data, as in data.result.size: {refused}") from None
    return text


NumberPath = Annotated[str, StringConstraints(max_length=MAX_PATH), AfterValidator(_number_path)]
"""Where in an event's data a number stands."""

NumberPaths = Annotated[dict[str, NumberPath], Field(max_length=MAX_NAMED), AfterValidator(_names)]
"""By name, where numbers stand."""


@lru_cache(maxsize=1024)
def _reader(path: str) -> Reader:
    scanner = Scanner(path)
    operand = read_operand(scanner)
    if not scanner.is_done() or not isinstance(operand, Path) or not operand.is_singular:
        raise scanner.error("one value has to be named", "a path below data")
    return read_path(operand)


def number_at(path: str, message: Message) -> float | None:
    """The number at a NumberPath; None where there is none. Text that looks like a number is none."""
    value = _reader(path)(message.view)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def numbers_of(paths: Mapping[str, str], message: Message) -> dict[str, float]:
    """By name, the numbers that the event has at these paths."""
    found = {name: number_at(path, message) for name, path in paths.items()}
    return {name: value for name, value in found.items() if value is not None}


def moment(message: Message) -> int:
    """When it happened, in milliseconds since the epoch: the event's own time, or when it was received."""
    own = _milliseconds(message.event.text("time") or "")
    return int(message.accepted.received_at * 1000) if own is None else own


def _milliseconds(text: str) -> int | None:
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    found = (instant.replace(tzinfo=instant.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
    return found if 0 <= found <= MAX_MOMENT else None
