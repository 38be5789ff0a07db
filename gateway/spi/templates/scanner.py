"""Reading template text from left to right: literal text, tags, and the words inside tags.

Knows where tags begin and end, and the position for errors; grammar is the parser's. The words are those
of Handlebars' lexer (handlebars.l): a name is anything but white space and ``!"#%&'()*+,./;<=>@[\\]^`{|}~``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.spi.templates.failure import TemplateInvalid, refused
from gateway.spi.templates.limits import MAX_LENGTH

_OPEN = re.compile(r"\{\{")
_SPACE = re.compile(r"[ \t\r\n\f\v]*")
_NAME = re.compile(r"""[^\s!"#%-,./;->@\[-^`{-~]+""")
_BRACKETED = re.compile(r"\[((?:\\\]|[^\]])*)\]")
_QUOTED = re.compile(r'"((?:\\"|[^"])*)"|\'((?:\\\'|[^\'])*)\'')
_WORD = re.compile(r"[^\s{}()|=]+|.", re.DOTALL)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LONGEST_QUOTED = 40


class Tag(NamedTuple):
    """What opens a tag: its sign (`` for a value, else # / ^ & { ! > *), whether it eats white space."""

    sign: str
    strip: bool
    at: int


class Scanner:
    """A place in a template. Raises TemplateInvalid for text that is too long or has control characters."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        if len(text) > MAX_LENGTH:
            detail = f"the template is {len(text)} characters long"
            raise self.error(detail, f"at most {MAX_LENGTH}", at=MAX_LENGTH, code="template_too_complex")
        if found := _FORBIDDEN.search(text):
            raise self.error(f"the character U+{ord(found.group()):04X} is not allowed", at=found.start())

    def error(
        self, detail: str, expected: str = "", *, at: int | None = None, code: str = "template_syntax"
    ) -> TemplateInvalid:
        """The error to raise, with the line and column of `at` or of the next word."""
        if at is None:
            self.skip_space()
            at = self.at
        return refused(self.text, at, detail, expected, code=code)

    def surprise(self, expected: str) -> TemplateInvalid:
        """The error for a word that is not the one expected."""
        return self.error(f"{expected} was expected, found {self._upcoming()}", expected)

    def _upcoming(self) -> str:
        self.skip_space()
        found = _WORD.match(self.text, self.at)
        return f"`{found.group()[:_LONGEST_QUOTED]}`" if found else "the end of the template"

    def is_done(self) -> bool:
        """Whether no text is left."""
        return self.at >= len(self.text)

    def content(self) -> list[tuple[str, int]]:
        """Step over the text up to the next tag: the pieces of it, each with where it begins.

        `\\{{` writes two braces, and all up to the next tag is text; `\\\\{{` is one backslash and a tag.
        """
        pieces: list[tuple[str, int]] = []
        while True:
            start, found = self.at, _OPEN.search(self.text, self.at)
            self.at = found.start() if found else len(self.text)
            piece = self.text[start : self.at]
            if not found or not piece.endswith("\\"):
                break
            pieces.append((piece[:-1], start))
            if piece.endswith("\\\\"):
                return pieces
            self._skip_escaped(pieces)
        return [*pieces, (piece, start)]

    def _skip_escaped(self, pieces: list[tuple[str, int]]) -> None:
        """The escaped braces and the text behind them, as far as the next tag or backslash before one."""
        found = _OPEN.search(self.text, self.at + 2)
        end = found.start() if found else len(self.text)
        backslashes = 0
        while found and backslashes < 2 and end > self.at + 2 and self.text[end - 1] == "\\":
            end, backslashes = end - 1, backslashes + 1
        pieces.append((self.text[self.at : end], self.at))
        self.at = end

    def open_tag(self) -> Tag:
        """Step over `{{`, a `~` and the sign of the tag, which comes next."""
        start = self.at
        self.at += 2
        strip = self._here("~")
        sign = self.text[self.at : self.at + 1]
        if sign not in {"#", "/", "^", "&", "{", "!", ">", "*"}:
            return Tag("", strip, start)
        self.at += 1
        return Tag(sign, strip, start)

    def close_tag(self, tag: Tag) -> bool:
        """Step over what ends this tag; whether it eats white space."""
        self.skip_space()
        if tag.sign == "{" and not self._here("}"):
            raise self.surprise("`}}}`")
        strip = self._here("~")
        if not self._here("}}"):
            raise self.surprise("`}}}`" if tag.sign == "{" else "`}}`")
        return strip

    def comment(self, tag: Tag) -> bool:
        """Step over the rest of a comment; whether it eats white space."""
        ending = re.compile(r"--(~?)\}\}") if self.text.startswith("--", self.at) else re.compile(r"(~?)\}\}")
        found = ending.search(self.text, self.at)
        if not found:
            raise self.error("the comment does not end", "`}}`", at=tag.at)
        self.at = found.end()
        return bool(found.group(1))

    def skip_space(self) -> None:
        """Go to the next character that is no white space."""
        if found := _SPACE.match(self.text, self.at):
            self.at = found.end()

    def sees(self, symbol: str) -> bool:
        """Whether this symbol comes next."""
        self.skip_space()
        return self.text.startswith(symbol, self.at)

    def sees_end(self) -> bool:
        """Whether what ends a tag comes next."""
        self.skip_space()
        return self.text.startswith(("}", "~}"), self.at)

    def take(self, symbol: str) -> bool:
        """Step over this symbol if it comes next."""
        self.skip_space()
        return self._here(symbol)

    def take_here(self, symbol: str) -> bool:
        """Step over this symbol if it comes next, without white space before it."""
        return self._here(symbol)

    def _here(self, symbol: str) -> bool:
        found = self.text.startswith(symbol, self.at)
        if found:
            self.at += len(symbol)
        return found

    def upcoming_name(self) -> str:
        """The name that comes next, or '', without stepping over it."""
        self.skip_space()
        found = _NAME.match(self.text, self.at)
        return found.group() if found else ""

    def name(self) -> str:
        """Step over the name that comes next, or return ''."""
        found = self.upcoming_name()
        self.at += len(found)
        return found

    def bracketed(self) -> str | None:
        """Step over `[any name]` if one comes next, and return what is inside."""
        return self._match(_BRACKETED, "]")

    def quoted(self) -> str | None:
        """Step over a text in single or double quotes if one comes next; a backslash escapes the quote."""
        self.skip_space()
        quote = self.text[self.at : self.at + 1]
        if quote not in {'"', "'"}:
            return None
        found = self._match(_QUOTED, quote)
        if found is None:
            raise self.error("the quoted text does not end", f"a closing {quote}")
        return found

    def _match(self, pattern: re.Pattern[str], escaped: str) -> str | None:
        found = pattern.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        inside = next(group for group in found.groups() if group is not None)
        return inside.replace("\\" + escaped, escaped)
