"""Globs: `*` stands for any text, `?` for any one character; case counts; the whole value must fit.

A wildcard stands for itself in brackets: `[*]`, `[?]` and, for a bracket before one of these, `[[]`.
Every other character, backslashes included, is itself, so that Windows paths need no care.

Matching never goes back: the text between two stars is found at its first place, which is enough
because a star can take up whatever follows. So the cost is at most value times pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.rules.evaluation import EvaluationError
from gateway.rules.limits import MAX_GLOB, MAX_GLOB_WORK, MAX_WILDCARDS, too_complex

_TOKEN = re.compile(r"\[([*?\[])\]|([*?])|([^*?\[]+|\[)", re.DOTALL)


class _Segment(Protocol):
    """The text between two stars."""

    @property
    def length(self) -> int: ...

    def at(self, text: str, position: int) -> bool: ...

    def find(self, text: str, start: int, stop: int) -> int: ...


@dataclass(frozen=True, slots=True)
class _Plain:
    part: str
    length: int

    def at(self, text: str, position: int) -> bool:
        return text.startswith(self.part, position)

    def find(self, text: str, start: int, stop: int) -> int:
        return text.find(self.part, start, stop)


@dataclass(frozen=True, slots=True)
class _Holed:
    """With `?` in it; `pattern` has a fixed length and no repetition, so it cannot backtrack."""

    pattern: re.Pattern[str]
    length: int

    def at(self, text: str, position: int) -> bool:
        return self.pattern.match(text, position) is not None

    def find(self, text: str, start: int, stop: int) -> int:
        found = self.pattern.search(text, start, stop)
        return found.start() if found else -1


def compile_glob(pattern: str) -> Callable[[str], bool]:
    """The test for one glob.

    It raises EvaluationError `glob_too_costly` where a search with `?` would cost more than
    `MAX_GLOB_WORK`. Raises Invalid `rule_too_complex` for a pattern over the limits.
    """
    segments = _segments(pattern)
    plain = [segment.part for segment in segments if isinstance(segment, _Plain)]
    if len(plain) == len(segments):
        return _plain(plain)
    test = _general(segments)
    return _bounded(test, len(pattern)) if _searches_holes(segments) else test


def may_be_unevaluable(pattern: str) -> bool:
    """Whether the test of this glob can raise EvaluationError."""
    return _searches_holes(_segments(pattern))


def literal_prefix(pattern: str) -> tuple[str, bool]:
    """The text before the first wildcard, and whether that is the whole pattern."""
    before: list[str] = []
    for is_wildcard, text in _tokens(pattern):
        if is_wildcard:
            return "".join(before), False
        before.append(text)
    return "".join(before), True


def _segments(pattern: str) -> list[_Segment]:
    return [_segment(part) for part in _split(_tokens(pattern))]


def _searches_holes(segments: list[_Segment]) -> bool:
    return any(isinstance(segment, _Holed) for segment in segments[1:-1])


def _tokens(pattern: str) -> list[tuple[bool, str]]:
    """The pattern in pieces: whether each is a wildcard, and its text."""
    if len(pattern) > MAX_GLOB:
        raise too_complex(f"a glob is {len(pattern)} characters long", f"at most {MAX_GLOB}")
    found = [
        (wildcard != "", wildcard or escaped or text) for escaped, wildcard, text in _TOKEN.findall(pattern)
    ]
    wildcards = sum(is_wildcard for is_wildcard, _ in found)
    if wildcards > MAX_WILDCARDS:
        raise too_complex(f"a glob has {wildcards} wildcards", f"at most {MAX_WILDCARDS}")
    return found


def _split(tokens: list[tuple[bool, str]]) -> list[list[tuple[bool, str]]]:
    """The pieces between the stars; empty ones only at the two ends."""
    parts: list[list[tuple[bool, str]]] = [[]]
    for is_wildcard, text in tokens:
        if is_wildcard and text == "*":
            parts.append([])
        else:
            parts[-1].append((is_wildcard, text))
    return [part for number, part in enumerate(parts) if part or number in {0, len(parts) - 1}]


def _segment(part: list[tuple[bool, str]]) -> _Segment:
    if not any(is_wildcard for is_wildcard, _ in part):
        plain = "".join(text for _, text in part)
        return _Plain(plain, len(plain))
    source = "".join("." if is_wildcard else re.escape(text) for is_wildcard, text in part)
    return _Holed(re.compile(source, re.DOTALL), sum(len(text) for _, text in part))


def _plain(parts: list[str]) -> Callable[[str], bool]:
    """The shapes that need one string method, or else the general search."""
    if len(parts) == 1:
        return parts[0].__eq__
    first, *inner, last = parts
    if not inner and not last:
        return lambda text: text.startswith(first)
    if not inner and not first:
        return lambda text: text.endswith(last)
    if len(inner) == 1 and not first and not last:
        return lambda text: inner[0] in text
    return _general([_Plain(part, len(part)) for part in parts])


def _general(segments: list[_Segment]) -> Callable[[str], bool]:
    first, last, inner = segments[0], segments[-1], segments[1:-1]
    if len(segments) == 1:
        return lambda text: len(text) == first.length and first.at(text, 0)
    shortest = sum(segment.length for segment in segments)

    def fits(text: str) -> bool:
        stop = len(text) - last.length
        if len(text) < shortest or not first.at(text, 0) or not last.at(text, stop):
            return False
        place = first.length
        for segment in inner:
            place = segment.find(text, place, stop)
            if place < 0:
                return False
            place += segment.length
        return True

    return fits


def _bounded(fits: Callable[[str], bool], length: int) -> Callable[[str], bool]:
    longest = MAX_GLOB_WORK // length

    def test(text: str) -> bool:
        if len(text) > longest:
            raise EvaluationError("glob_too_costly", f"the value is longer than {longest} characters")
        return fits(text)

    return test
