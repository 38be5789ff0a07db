"""Questions whose time grows only linearly with the value: patterns, formats, uniqueness, multiples.

Python's `re` backtracks (`^(a+)+$` doubles its time with every letter), and `jsonschema` compares items pair
by pair and rounds floats; jsonschema-rs does neither. What its automata engine cannot do, look-around and
back-references, is refused.
"""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs

MAX_PATTERN = 4_096
"""Characters of one pattern."""

SIZES = (1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 21)
"""Bytes of an automaton, by which patterns are classed; none is larger than the last."""

PATTERNS = jsonschema_rs.RegexOptions(size_limit=SIZES[-1], dfa_size_limit=1 << 18)

_TOKEN = re.compile(
    r"(?P<close>\))"
    r"|(?P<open>\((?:\?(?:[:=!>]|P?<[^>]*>))?)"
    r"|\{(?P<low>\d+)(?:,(?P<high>\d*))?\}"
    r"|(?P<free>[*+?|^$])"
    r"|\\[pPu]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|.",
    re.DOTALL,
)


class Linear:
    """Answers of one draft's engine; what was compiled is kept as long as this is."""

    def __init__(self, engine: type[jsonschema_rs.Validator]) -> None:
        self._engine = engine
        self._compiled: dict[tuple[str, Any], jsonschema_rs.Validator] = {}

    def holds(self, keyword: str, value: Any, instance: Any) -> bool:
        """Whether a plain JSON value satisfies one keyword alone. `value` must be hashable."""
        validator = self._compiled.get((keyword, value))
        if validator is None:
            validator = self._compiled[keyword, value] = _single(self._engine, keyword, value)
        return validator.is_valid(instance)


def automaton(pattern: str) -> int | None:
    """The size, one of SIZES, that a pattern's automaton fits in.

    None for what has no such automaton: it is too long or too large, no regular expression, or it looks
    around or back.
    """
    if len(pattern) > MAX_PATTERN:
        return None
    return next((size for size in SIZES if _compiles(pattern, size)), None)


def _compiles(pattern: str, size: int) -> bool:
    try:
        jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions(size_limit=size)
        )
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def positions(pattern: str) -> int:
    """How many character positions an accepted pattern has once its counted repetitions are written out.

    The time to match grows with this number times the length of the text. `(a{1,50}){1,20}b` has 1,001.
    """
    levels = [0]
    last = 0
    for token in _TOKEN.finditer(pattern):
        if token["open"] is not None:
            levels.append(0)
            last = 0
        elif token["close"] is not None:
            last = levels.pop() if len(levels) > 1 else 0
            levels[-1] += last
        elif token["low"] is not None:
            times = max(int(token["high"] or token["low"]), 1)
            levels[-1] += last * (times - 1)
            last *= times
        elif token["free"] is None:
            last = 1
            levels[-1] += 1
    return sum(levels)


def _single(engine: type[jsonschema_rs.Validator], keyword: str, value: Any) -> jsonschema_rs.Validator:
    return engine({keyword: value}, pattern_options=PATTERNS, validate_formats=True)
