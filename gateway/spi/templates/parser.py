"""From text to a syntax tree: the grammar of Handlebars without partials, decorators and raw blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.domain.view import MISSING
from gateway.spi.templates.failure import TemplateInvalid
from gateway.spi.templates.limits import MAX_ARGUMENTS, MAX_NESTING, MAX_SEGMENTS
from gateway.spi.templates.scanner import Scanner, Tag
from gateway.spi.templates.tree import (
    NO_STRIP,
    Block,
    Call,
    Comment,
    Content,
    Expression,
    Literal,
    Output,
    Path,
    Program,
    Strip,
)

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(?=[=~}\s)])")
_PARAMETERS = re.compile(r"as\s+\|")
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None, "undefined": MISSING}
_UNSUPPORTED = {
    ">": "partials are not part of this dialect",
    "*": "decorators are not part of this dialect",
}


def parse(text: str) -> Program:
    """The tree of a template, its white space untouched; raises TemplateInvalid."""
    parser = _Parser(Scanner(text))
    program, ending = parser.body()
    if ending is not None:
        raise parser.stray(ending)
    return program


class _Parser:
    def __init__(self, scanner: Scanner) -> None:
        self.scan = scanner
        self._nesting = 0

    def stray(self, tag: Tag) -> TemplateInvalid:
        """The error for `{{/x}}` or `{{else}}` outside of any block."""
        return self.scan.error(
            "this closes a block, but none is open here", "`{{#...}}` before it", at=tag.at
        )

    @contextmanager
    def _nested(self, at: int) -> Iterator[None]:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            expected = f"at most {MAX_NESTING} levels"
            raise self.scan.error(
                "the template is nested too deeply", expected, at=at, code="template_too_complex"
            )
        yield
        self._nesting -= 1

    def body(self) -> tuple[Program, Tag | None]:
        """What stands up to the tag that ends it (`{{/x}}`, `{{else}}`, `{{^}}`), and that tag with its
        sign stepped over; None at the end of the text."""
        program = Program()
        while True:
            for piece, start in self.scan.content():
                if piece:
                    program.body.append(Content(piece, piece, start))
            if self.scan.is_done():
                return program, None
            tag = self._opened()
            if self._ends_body(tag):
                return program, tag
            program.body.append(self._node(tag))

    def _opened(self) -> Tag:
        if self.scan.text.startswith("{{{{", self.scan.at):
            raise self._unsupported("raw blocks are not part of this dialect", self.scan.at)
        tag = self.scan.open_tag()
        if tag.sign in _UNSUPPORTED:
            raise self._unsupported(_UNSUPPORTED[tag.sign], tag.at)
        return tag

    def _unsupported(self, detail: str, at: int) -> TemplateInvalid:
        expected = "a value, a block or a helper of docs/templates.md"
        return self.scan.error(detail, expected, at=at, code="template_unsupported")

    def _ends_body(self, tag: Tag) -> bool:
        if tag.sign == "^":
            return self.scan.sees_end()
        return tag.sign == "/" or (tag.sign == "" and self.scan.upcoming_name() == "else")

    def _node(self, tag: Tag) -> Block | Comment | Output:
        if tag.sign == "!":
            return Comment(Strip(tag.strip, self.scan.comment(tag)))
        if tag.sign in {"#", "^"}:
            return self._block(tag)
        call = self._call()
        return Output(call, Strip(tag.strip, self.scan.close_tag(tag)), tag.at)

    def _block(self, tag: Tag) -> Block:
        if tag.sign == "#" and self.scan.text[self.scan.at : self.scan.at + 1] in {">", "*"}:
            raise self._unsupported(_UNSUPPORTED[self.scan.text[self.scan.at]], tag.at)
        with self._nested(tag.at):
            block, ending = self._opened_block(tag)
        self._close(block, ending, tag)
        return block

    def _close(self, block: Block, ending: Tag | None, tag: Tag) -> None:
        name = block.call.head.original
        if ending is None:
            raise self.scan.error(
                f"the block `{name[:40]}` does not end", f"`{{{{/{name[:40]}}}}}`", at=tag.at
            )
        closed = self._path_or_literal()
        if closed.original != name:
            detail = f"`{closed.original[:40]}` closes a block that `{name[:40]}` opened"
            raise self.scan.error(detail, f"`{{{{/{name[:40]}}}}}`", at=ending.at)
        block.close_strip = Strip(ending.strip, self.scan.close_tag(ending))
        for part in (block.program, block.inverse):
            if part and part.chained and isinstance(part.body[0], Block):
                part.body[0].close_strip = block.close_strip

    def _opened_block(self, tag: Tag) -> tuple[Block, Tag | None]:
        """A block from behind its sign up to the `{{/...}}` that closes it, or it and those around it."""
        call = self._call()
        parameters = self._block_parameters()
        open_strip = Strip(tag.strip, self.scan.close_tag(tag))
        program, ending = self.body()
        program.parameters = parameters
        block = Block(call, program, None, open_strip, NO_STRIP, NO_STRIP, tag.at)
        if ending is not None and ending.sign != "/":
            ending = self._else(block, ending)
        if tag.sign == "^":
            block.program, block.inverse = block.inverse, block.program
        return block, ending

    def _else(self, block: Block, tag: Tag) -> Tag | None:
        if tag.sign == "":
            self.scan.name()
        if not self.scan.sees_end():
            return self._else_block(block, tag)
        block.inverse_strip = Strip(tag.strip, self.scan.close_tag(tag))
        block.inverse, ending = self.body()
        if ending is not None and ending.sign != "/":
            raise self.scan.error("a block has one `{{else}}` only", "`{{/...}}`", at=ending.at)
        return ending

    def _else_block(self, block: Block, tag: Tag) -> Tag | None:
        """`{{else if x}}`: a block of its own, alone in the else of this one, closed together with it."""
        with self._nested(tag.at):
            chained, ending = self._opened_block(tag)
        block.inverse_strip = chained.open_strip
        # As Handlebars' parser has it; the first of a chain gets that of `{{/...}}` when it is read.
        chained.close_strip = chained.open_strip
        block.inverse = Program([chained], chained=True)
        return ending

    def _block_parameters(self) -> tuple[str, ...]:
        if not self._sees_parameters():
            return ()
        self.scan.name()
        self.scan.take("|")
        names: list[str] = []
        while name := self.scan.name():
            names.append(name)
        if not names or not self.scan.take("|"):
            raise self.scan.surprise("a name and `|`")
        return tuple(names)

    def _call(self) -> Call:
        """The head of a tag with its arguments."""
        self.scan.skip_space()
        at = self.scan.at
        if self.scan.sees("("):
            raise self._unsupported("a helper's name cannot be computed", at)
        head = self._path_or_literal()
        arguments, named = self._arguments()
        return Call(head, arguments, named, at)

    def _path_or_literal(self) -> Path:
        """What may stand at the head; a literal there names the member that is called so."""
        found = self._primary()
        if isinstance(found, Path):
            return found
        return Path((found.original,), original=found.original, at=found.at)

    def _arguments(self) -> tuple[tuple[Expression, ...], tuple[tuple[str, Expression], ...]]:
        arguments: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        while not (self.scan.sees_end() or self.scan.sees(")") or self._sees_parameters()):
            if self.scan.is_done():
                raise self.scan.error("the tag does not end", "`}}`")
            if key := self._key():
                named.append((key, self._argument()))
            elif named:
                raise self.scan.surprise("a named argument")
            else:
                arguments.append(self._argument())
            if len(arguments) + len(named) > MAX_ARGUMENTS:
                expected = f"at most {MAX_ARGUMENTS}"
                raise self.scan.error("too many arguments", expected, code="template_too_complex")
        return tuple(arguments), tuple(named)

    def _sees_parameters(self) -> bool:
        self.scan.skip_space()
        return _PARAMETERS.match(self.scan.text, self.scan.at) is not None

    def _key(self) -> str:
        """Step over `name=` if it comes next."""
        start, name = self.scan.at, self.scan.name()
        if name and self.scan.take_here("="):
            return name
        self.scan.at = start
        return ""

    def _argument(self) -> Expression:
        at = self.scan.at
        if not self.scan.take("("):
            return self._primary()
        with self._nested(at):
            call = self._call()
            if not self.scan.take(")"):
                raise self.scan.surprise("`)`")
        return call

    def _primary(self) -> Path | Literal:
        self.scan.skip_space()
        at = self.scan.at
        if (quoted := self.scan.quoted()) is not None:
            return Literal(quoted, quoted, at)
        if found := _NUMBER.match(self.scan.text, at):
            self.scan.at = found.end()
            return Literal(_number(found), found.group(), at)
        name = self.scan.upcoming_name()
        if name in _WORDS and self.scan.text[at + len(name) : at + len(name) + 1] not in {".", "/"}:
            self.scan.name()
            return Literal(_WORDS[name], name, at)
        return self._path(at)

    def _path(self, at: int) -> Path:
        data = self.scan.take_here("@")
        segments: list[str] = []
        depth, scoped, count = 0, False, 0
        while True:
            segment, literal = self._segment()
            count += 1
            if literal or segment not in {"..", ".", "this"}:
                segments.append(segment)
            elif segments:
                raise self.scan.error(f"`{segment}` stands inside of a path", "`../` at its beginning", at=at)
            else:
                depth += segment == ".."
                scoped = scoped or segment != ".."
            if count > MAX_SEGMENTS:
                expected = f"at most {MAX_SEGMENTS} segments"
                raise self.scan.error("the path is too long", expected, at=at, code="template_too_complex")
            if not (self.scan.take_here(".") or self.scan.take_here("/")):
                break
        return Path(tuple(segments), depth, scoped, data, self.scan.text[at : self.scan.at], at)

    def _segment(self) -> tuple[str, bool]:
        """One segment of a path, and whether it is in brackets or a name, so that it means just itself."""
        if (inside := self.scan.bracketed()) is not None:
            return inside, True
        for dots in ("..", "."):
            if self.scan.take_here(dots):
                return dots, False
        found = (
            self.scan.upcoming_name() if not self.scan.text[self.scan.at : self.scan.at + 1].isspace() else ""
        )
        if not found:
            raise self.scan.surprise("a name")
        self.scan.name()
        return found, False


def _number(found: re.Match[str]) -> int | float:
    return float(found.group()) if found.group(1) else int(found.group())
