"""Reading rule text from left to right: what every dialect's parser stands on.

It keeps the position for errors, the nesting, and the bounds on the text; it knows no grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway.domain.errors import Invalid
from gateway.domain.view import MISSING, Missing
from gateway.rules.limits import MAX_LENGTH, MAX_NESTING, too_complex
from gateway.rules.tree import Literal

_SPACE = re.compile(r"[ \t\r\n]*")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_PLAIN = {quote: re.compile(rf"[^{quote}\\]*") for quote in "'\""}
_CODE_POINT = re.compile("[0-9a-fA-F]{4}")
_NEXT = re.compile(r"[\w.-]+|.", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_LONGEST_QUOTED = 40


class Scanner:
    """A place in a text. Raises Invalid `rule_too_complex` for text that is too long, `rule_syntax` for
    control characters."""

    __slots__ = ("_nesting", "at", "text")

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise too_complex(f"the rule is {len(text)} characters long", f"at most {MAX_LENGTH}")
        self.text = text
        self.at = 0
        self._nesting = 0
        if found := _FORBIDDEN.search(text):
            raise self.error(f"the character U+{ord(found.group()):04X} is not allowed", at=found.start())

    def error(
        self, detail: str, expected: str = "", *, at: int | None = None, code: str = "rule_syntax"
    ) -> Invalid:
        """The error to raise, with the position (from 1) of `at` or of the next token."""
        if at is None:
            self.skip_space()
            at = self.at
        return Invalid(code, f"at character {at + 1}: {detail}", expected=expected)

    def surprise(self, expected: str) -> Invalid:
        """The error for a token that is not the one expected."""
        return self.error(f"{expected} was expected, found {self.upcoming()}", expected)

    def upcoming(self) -> str:
        """The next token, for messages."""
        self.skip_space()
        found = _NEXT.match(self.text, self.at)
        if not found:
            return "the end"
        shown = found.group()[:_LONGEST_QUOTED]
        return f"`{shown}`" if shown.isprintable() else f"U+{ord(shown[0]):04X}"

    def skip_space(self) -> None:
        """Go to the next character that is no white space."""
        if found := _SPACE.match(self.text, self.at):
            self.at = found.end()

    def is_done(self) -> bool:
        """Whether nothing but white space is left."""
        self.skip_space()
        return self.at == len(self.text)

    def sees(self, symbol: str) -> bool:
        """Whether this symbol comes next."""
        self.skip_space()
        return self.text.startswith(symbol, self.at)

    def take(self, symbol: str) -> bool:
        """Step over this symbol if it comes next."""
        if not self.sees(symbol):
            return False
        self.at += len(symbol)
        return True

    def need(self, symbol: str) -> None:
        """Step over this symbol, which has to come next."""
        if not self.take(symbol):
            raise self.surprise(f"`{symbol}`")

    def look(self, pattern: re.Pattern[str]) -> str:
        """What of this pattern comes next, or ''."""
        self.skip_space()
        return self.look_here(pattern)

    def look_here(self, pattern: re.Pattern[str]) -> str:
        """What of this pattern comes next, without white space before it, or ''."""
        found = pattern.match(self.text, self.at)
        return found.group() if found else ""

    def match(self, pattern: re.Pattern[str]) -> str:
        """Step over what of this pattern comes next, and return it, or ''."""
        found = self.look(pattern)
        self.at += len(found)
        return found

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper; raises Invalid `rule_too_complex` beyond the limit."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self.error(
                "the rule is nested too deeply", f"at most {MAX_NESTING} levels", code="rule_too_complex"
            )
        yield
        self._nesting -= 1

    def quoted(self, escapes: Mapping[str, str], *, lenient: bool = False) -> str | None:
        """A text in single or double quotes, if one comes next. `escapes` maps what may follow a backslash;
        `\\uXXXX` is always understood. Lenient: only a quote is escaped, and every other
        backslash stands for itself, as regular expressions have many."""
        self.skip_space()
        start, quote = self.at, self.text[self.at : self.at + 1]
        if quote not in _PLAIN:
            return None
        self.at += 1
        parts: list[str] = []
        while True:
            plain = self.look_here(_PLAIN[quote])
            parts.append(plain)
            self.at += len(plain) + 1
            if self.at > len(self.text):
                raise self.error("the quoted text does not end", f"a closing {quote}", at=start)
            if self.text[self.at - 1] == quote:
                return "".join(parts)
            parts.append(self._plainly_escaped() if lenient else self._escaped(escapes))

    def _plainly_escaped(self) -> str:
        kind = self.text[self.at : self.at + 1]
        self.at += len(kind)
        return kind if kind in _PLAIN else f"\\{kind}"

    def _escaped(self, escapes: Mapping[str, str]) -> str:
        """What stands after a backslash; a backslash before `u` needs four hexadecimal digits."""
        start = self.at - 1
        kind = self.text[self.at : self.at + 1]
        self.at += 1
        if kind in escapes:
            return escapes[kind]
        digits = self.look_here(_CODE_POINT) if kind == "u" else ""
        if not digits:
            shown = f"`\\{kind}`" if kind.isprintable() else "a backslash before white space"
            raise self.error(f"{shown} is no escape", "`\\\\` for a backslash", at=start)
        self.at += 4
        if 0xD800 <= (code := int(digits, 16)) <= 0xDFFF:
            raise self.error("half of a surrogate pair is no character", "the character itself", at=start)
        return chr(code)


def number_of(text: str) -> int | float | None:
    """The number that a text writes in the form of JSON, or None; numbers too large for a float are none."""
    found = _NUMBER.match(text)
    if not found:
        return None
    if not any(found.groups()):
        return int(text)
    number = float(text)
    return number if abs(number) != float("inf") else None


def constant_of(text: str) -> Literal | Missing:
    """The typed literal that an unquoted word writes: true, false, null or a number; else MISSING."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number = number_of(text)
    return MISSING if number is None else number


_CONSTANTS: dict[str, Literal] = {"true": True, "false": False, "null": None}
