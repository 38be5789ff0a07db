"""Regular expressions in the syntax of RE2, read into nodes: what IBM's filters and `=~` are written in.

    alternatives `a|b`, groups `(a)`, `(?:a)`, `(?P<name>a)`, `(?i)`, `(?i:a)` with the flags i, m, s, U
    `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, and each followed by `?`
    `.`, classes `[a-z]`, `[^a]`, `[[:alpha:]]`, `\\d \\D \\w \\W \\s \\S` (ASCII)
    categories `\\pL`, `\\p{Lu}`
    `^`, `$`, `\\A`, `\\z`, `\\b`, `\\B`
    `\\t \\n \\r \\f \\v \\a`, `\\x41`, `\\x{10FFFF}`, `\\101`, `\\Q...\\E`

Refused, as by RE2: look-around, back-references, possessive and stacked repetitions. Refused although
RE2 has them: scripts, `\\p{Greek}`, and `\\C`. Source: RE2, "Syntax" (github.com/google/re2/wiki/Syntax).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias
from unicodedata import category

from gateway.domain.errors import Invalid
from gateway.rules.limits import MAX_PATTERN, too_complex

Range: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set. `folded`: in any case. `classes` are tests beside the ranges."""

    ranges: tuple[Range, ...] = ()
    categories: tuple[str, ...] = ()
    within: tuple[Chars, ...] = ()
    negated: bool = False
    folded: bool = False

    def holds(self, character: str) -> bool:
        """Whether a character is in the set."""
        found = self._holds(character)
        if self.folded and not found:
            found = any(self._holds(one) for one in (character.lower(), character.upper()) if len(one) == 1)
        return found is not self.negated

    def _holds(self, character: str) -> bool:
        if any(first <= character <= last for first, last in self.ranges):
            return True
        if any(one.holds(character) for one in self.within):
            return True
        return bool(self.categories) and category(character).startswith(self.categories)


class Place(Enum):
    """Where an assertion holds."""

    TEXT_BEGIN = "\\A"
    TEXT_END = "\\z"
    LINE_BEGIN = "^"
    LINE_END = "$"
    WORD_EDGE = "\\b"
    NO_WORD_EDGE = "\\B"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part, at least `least` and at most `most` times; None is any number."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = Chars | Place | Sequence | Either | Repeat

MAX_TIMES = 1000
"""The highest count in `{n,m}`, as in RE2."""
MAX_GROUPS = 32
"""Groups within one another."""

DIGIT = Chars((("0", "9"),))
WORD = Chars((("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")))
SPACE = Chars((("\t", "\n"), ("\f", "\r"), (" ", " ")))
ANY = Chars((("\0", "\U0010ffff"),))
NO_NEWLINE = Chars((("\n", "\n"),), negated=True)

_MEANING: dict[str, tuple[Node, Node]] = {
    ".": (NO_NEWLINE, ANY),
    "^": (Place.TEXT_BEGIN, Place.LINE_BEGIN),
    "$": (Place.TEXT_END, Place.LINE_END),
}
"""What a sign means without, and with, the flag that is about it."""
_PERL = {"d": DIGIT, "w": WORD, "s": SPACE}
_POSIX = {
    "alnum": (("0", "9"), ("A", "Z"), ("a", "z")), "alpha": (("A", "Z"), ("a", "z")),
    "ascii": (("\0", "\x7f"),), "blank": (("\t", "\t"), (" ", " ")),
    "cntrl": (("\0", "\x1f"), ("\x7f", "\x7f")),
    "digit": (("0", "9"),),
    "graph": (("!", "~"),), "lower": (("a", "z"),), "print": ((" ", "~"),),
    "space": (("\t", "\r"), (" ", " ")),
    "punct": (("!", "/"), (":", "@"), ("[", "`"), ("{", "~")),
    "upper": (("A", "Z"),),
    "word": WORD.ranges, "xdigit": (("0", "9"), ("A", "F"), ("a", "f")),
}  # fmt: skip
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PLACES = {"A": Place.TEXT_BEGIN, "z": Place.TEXT_END, "b": Place.WORD_EDGE, "B": Place.NO_WORD_EDGE}
_CATEGORY = re.compile(r"(?:L|M|N|P|S|Z|C)[a-z]?")
_COUNT = re.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{0,9}))?\}")
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_GROUP = re.compile(
    r"\?(?:(?P<name>P?<[A-Za-z_][A-Za-z0-9_]*>)|(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<end>[:)]))"
)
_HEX = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})")
_OCTAL = re.compile(r"[1-7][0-7]{2}|0[0-7]{0,2}")


def read_pattern(text: str) -> Node:
    """The node of a pattern. Raises Invalid `rule_value` if RE2 does not take it, `rule_too_complex`."""
    if len(text) > MAX_PATTERN:
        raise too_complex(
            f"a regular expression is {len(text)} characters long", f"at most {MAX_PATTERN} characters"
        )
    reader = _Reader(text)
    node = reader.alternatives(_Flags())
    if not reader.is_done:
        raise reader.error("`)` closes nothing", "`\\)` for the character")
    return node


@dataclass(frozen=True, slots=True)
class _Flags:
    """What the flags in force mean for what follows."""

    folded: bool = False
    lines: bool = False
    dot_all: bool = False

    def changed(self, written: str) -> _Flags:
        given, _, taken = written.partition("-")
        states = {name: name in given or (old and name not in taken) for name, old in self._named.items()}
        return _Flags(states["i"], states["m"], states["s"])

    @property
    def _named(self) -> dict[str, bool]:
        return {"i": self.folded, "m": self.lines, "s": self.dot_all}


class _Reader:
    """A place in a pattern."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._groups = 0

    @property
    def is_done(self) -> bool:
        return self._at == len(self._text)

    def error(self, detail: str, expected: str = "the syntax of RE2", *, at: int | None = None) -> Invalid:
        place = (self._at if at is None else at) + 1
        return Invalid(
            "rule_value", f"at character {place} of the regular expression: {detail}", expected=expected
        )

    def alternatives(self, flags: _Flags) -> Node:
        parts = []
        while True:
            part, flags = self._sequence(flags)
            parts.append(part)
            if not self._take("|"):
                return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _sequence(self, flags: _Flags) -> tuple[Node, _Flags]:
        parts: list[Node] = []
        while not self.is_done and self._next() not in "|)":
            if flags_only := self._flags_only():
                flags = flags.changed(flags_only)
                continue
            if self._text.startswith("\\Q", self._at):
                literal = self._quoted()
                parts += [_literal(one, flags) for one in literal[:-1]]
                if not literal:
                    continue
                part: Node = _literal(literal[-1], flags)
            else:
                part = self._one(flags)
            parts.append(self._repeated(part))
        return (parts[0] if len(parts) == 1 else Sequence(tuple(parts))), flags

    def _flags_only(self) -> str:
        """The flags of `(?i)`, which hold up to the end of the group; '' where there are none."""
        found = _GROUP.match(self._text, self._at + 1) if self._next() == "(" else None
        if not found or found["end"] != ")" or not found["flags"]:
            return ""
        self._at = found.end()
        return found["flags"]

    def _quoted(self) -> str:
        """The text of `\\Q...\\E`."""
        start, end = self._at + 2, self._text.find("\\E", self._at + 2)
        if end < 0:
            end = len(self._text)
        self._at = min(end + 2, len(self._text))
        return self._text[start:end]

    def _one(self, flags: _Flags) -> Node:
        start = self._at
        character = self._step()
        if character in _MEANING:
            return _MEANING[character][flags.dot_all if character == "." else flags.lines]
        match character:
            case "(":
                return self._group(flags, start)
            case "[":
                return self._class(flags, start)
            case "*" | "+" | "?":
                raise self.error(
                    f"`{character}` repeats nothing", f"`\\{character}` for the character", at=start
                )
            case "\\":
                return self._escaped(flags, start)
            case _:
                return _literal(character, flags)

    def _group(self, flags: _Flags, start: int) -> Node:
        found = None
        if self._next() == "?":
            found = _GROUP.match(self._text, self._at)
            if not found or found["end"] == ")":
                raise self.error(
                    "this group is not supported",
                    "no look-around; `not` around the whole condition",
                    at=start,
                )
            self._at = found.end()
            flags = flags.changed(found["flags"] or "")
        self._groups += 1
        if self._groups > MAX_GROUPS:
            raise too_complex("a regular expression is nested too deeply", f"at most {MAX_GROUPS} levels")
        node = self.alternatives(flags)
        self._groups -= 1
        if not self._take(")"):
            raise self.error("the group does not end", "a closing `)`", at=start)
        return node

    def _repeated(self, part: Node) -> Node:
        start = self._at
        least, most = self._times()
        if least < 0:
            return part
        self._take("?")  # the shortest or the longest: what is found is the same
        again = self._at
        if self._times()[0] >= 0:
            raise self.error("a repetition of a repetition", "a group around the first", at=again)
        if max(least, most or 0) > MAX_TIMES or (most is not None and most < least):
            raise self.error("this is no number of times", f"{{n,m}} up to {MAX_TIMES}", at=start)
        return Repeat(part, least, most)

    def _times(self) -> tuple[int, int | None]:
        """How often, from and to; from -1 where no repetition comes next."""
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return times
        found = _COUNT.match(self._text, self._at)
        if not found:
            return -1, None
        self._at = found.end()
        least = int(found[1])
        return least, (int(found[3]) if found[3] else None) if found[2] else least

    def _class(self, flags: _Flags, start: int) -> Node:
        negated = self._take("^")
        ranges: list[Range] = []
        within: list[Chars] = []
        first = True
        while first or self._next() != "]":
            if self.is_done:
                raise self.error("the class does not end", "a closing `]`", at=start)
            first = False
            low = self._member()
            if isinstance(low, Chars):
                within.append(low)
                continue
            ranges.append((low, self._upper(low)))
        self._step()
        return Chars(tuple(ranges), within=tuple(within), negated=negated, folded=flags.folded)

    def _upper(self, low: str) -> str:
        """The end of the range that begins with `low`; a lone character is its own."""
        if self._next() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return low
        start = self._at
        self._step()
        high = self._member()
        if isinstance(high, Chars) or high < low:
            raise self.error("this range has no end", "`a-z`", at=start)
        return high

    def _member(self) -> str | Chars:
        start = self._at
        if found := _POSIX_CLASS.match(self._text, self._at):
            if found[2] not in _POSIX:
                raise self.error(f"there is no class {found[2][:20]}", ", ".join(sorted(_POSIX)))
            self._at = found.end()
            return Chars(_POSIX[found[2]], negated=bool(found[1]))
        character = self._step()
        if character != "\\":
            return character
        escaped = self._escape(start)
        if isinstance(escaped, Place):
            raise self.error("this is no character of a class", "`\\\\` for a backslash", at=start)
        return escaped

    def _escaped(self, flags: _Flags, start: int) -> Node:
        found = self._escape(start)
        return _literal(found, flags) if isinstance(found, str) else found

    def _escape(self, start: int) -> str | Chars | Place:
        """What stands after a backslash."""
        for pattern, read in ((_HEX, self._hexadecimal), (_OCTAL, self._octal)):
            if found := pattern.match(self._text, self._at):
                self._at = found.end()
                return read(found, start)
        kind = self._step()
        if kind in _PLACES:
            return _PLACES[kind]
        if kind.lower() in _PERL and kind:
            return replace(_PERL[kind.lower()], negated=kind.isupper())
        if kind in {"p", "P"}:
            return self._category(kind == "P", start)
        if kind in _CONTROLS:
            return _CONTROLS[kind]
        if kind and not kind.isalnum():
            return kind
        what = "a reference to a group" if kind.isdigit() else f"`\\{kind}`"
        raise self.error(f"{what} is not supported", "`\\\\` for a backslash", at=start)

    def _hexadecimal(self, found: re.Match[str], start: int) -> str:
        return self._character(int(found[1] or found[2], 16), start)

    def _octal(self, found: re.Match[str], start: int) -> str:
        return self._character(int(found[0], 8), start)

    def _character(self, code: int, start: int) -> str:
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise self.error("there is no such character", "a code point of Unicode", at=start)
        return chr(code)

    def _category(self, negated: bool, start: int) -> Chars:
        negated ^= self._text.startswith("{^", self._at)
        found = re.compile(r"\{\^?([A-Za-z_]+)\}|([A-Z])").match(self._text, self._at)
        name = (found[1] or found[2]) if found else ""
        if not found or not _CATEGORY.fullmatch(name):
            raise self.error("this is no category of Unicode", "such as `\\pL`, `\\p{Lu}`, `\\pN`", at=start)
        self._at = found.end()
        return Chars(categories=(name,), negated=negated)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _step(self) -> str:
        character = self._next()
        self._at += len(character)
        return character

    def _take(self, sign: str) -> bool:
        found = self._next() == sign
        self._at += found
        return found


def _literal(character: str, flags: _Flags) -> Chars:
    return Chars(((character, character),), folded=flags.folded)
