"""Line protocol as InfluxDB reads it, strictly (facts: destinations 14.3): one line, one point."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_STRING = 64 * 1024
_INTEGER = re.compile(r"-?[0-9]+i\Z")
_FLOAT = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_BOOLEAN = {"true": True, "false": False}


class BadLine(ValueError):
    """InfluxDB would answer 400."""


@dataclass(frozen=True)
class Point:
    """What a line says; a field is a float, an integer, a boolean or a string, as it was written."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | int | bool | str]
    time: int


def read_point(line: str) -> Point:
    """Raises BadLine."""
    key, fields, *time = _parts(line, " ", 3, quotes=True)
    if not key or key[0] in "#_," or not time or not re.fullmatch(r"-?[0-9]{1,19}", time[0]):
        raise BadLine(line)
    measurement, *tags = _parts(key, ",")
    return Point(
        _plain(measurement),
        _unique(_pair(tag) for tag in tags),
        _unique(
            (name, _value(text)) for name, text in (_pair(part, quotes=True) for part in _fields(fields))
        ),
        int(time[0]),
    )


def _fields(text: str) -> list[str]:
    return _parts(text, ",", quotes=True)


def _pair(text: str, *, quotes: bool = False) -> tuple[str, str]:
    name, *rest = _parts(text, "=", 2 if quotes else 0)
    if len(rest) != 1 or not name or not rest[0]:
        raise BadLine(text)
    return _plain(name), rest[0] if quotes else _plain(rest[0])


def _unique(pairs):
    pairs = list(pairs)
    if len(dict(pairs)) < len(pairs):
        raise BadLine("named twice")
    return dict(pairs)


def _value(text: str) -> float | int | bool | str:
    if text.startswith('"'):
        inside = text[1:-1]
        if len(text) < 2 or not text.endswith('"') or re.search(r'(?<!\\)(?:\\\\)*"', inside):
            raise BadLine(text)
        if len(inside.encode()) > MAX_STRING:
            raise BadLine("a string over 64 KiB")
        return re.sub(r'\\(["\\])', r"\1", inside)
    if _INTEGER.match(text) and -(2**63) <= int(text[:-1]) < 2**63:
        return int(text[:-1])
    if _FLOAT.match(text):
        return float(text)
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    raise BadLine(text)


def _plain(text: str) -> str:
    """A measurement, key or tag value with its escapes taken away. Raises BadLine."""
    if "\n" in text or text.endswith("\\") or "\x00" in text:
        raise BadLine(text)
    return re.sub(r"\\([,= ])", r"\1", text)


def _parts(text: str, separator: str, most: int = 0, *, quotes: bool = False) -> list[str]:
    """What stands between separators that are not escaped, nor, with `quotes`, inside of a string."""
    parts, start, at, inside = [], 0, 0, False
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif character == '"' and quotes:
            inside = not inside
        elif character == separator and not inside and not (most and len(parts) == most - 1):
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]
