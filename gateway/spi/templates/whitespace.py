"""White space: what `~` eats, and the lines that hold nothing but a block's tag or a comment, which vanish.

These are Handlebars' rules (its WhitespaceControl visitor), so that a template brought from elsewhere
writes the same lines here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.spi.templates.tree import Block, Comment, Content, Node, Output, Program

_BLANK = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_BLANK += "\u2028\u2029\u202f\u205f\u3000\ufeff"
_REST_OF_LINE = re.compile(r"[ \t]*\r?\n?")


class _Wish(NamedTuple):
    """What a node asks of the text around it: eat all (`~`), and vanish with its line if alone on it."""

    open: bool
    close: bool
    open_alone: bool = False
    close_alone: bool = False
    inline_alone: bool = False


def control(program: Program, *, is_root: bool = True) -> None:
    """Take out of all text of a tree what does not belong into the output."""
    body = program.body
    for place, node in enumerate(body):
        wish = _wish_of(node)
        if wish is None:
            continue
        before, after = _line_before(body, place, is_root), _line_after(body, place, is_root)
        if wish.close:
            _omit_right(body, place, everything=True)
        if wish.open:
            _omit_left(body, place, everything=True)
        if wish.inline_alone and before and after:
            _omit_right(body, place)
            _omit_left(body, place)
        if isinstance(node, Block):
            _omit_lines(body, place, node, wish.open_alone and before, wish.close_alone and after)


def _wish_of(node: Node) -> _Wish | None:
    match node:
        case Block():
            return _block(node)
        case Output():
            return _Wish(node.strip.open, node.strip.close)
        case Comment():
            return _Wish(node.strip.open, node.strip.close, inline_alone=True)
        case Content():
            return None


def _block(block: Block) -> _Wish:
    for part in (block.program, block.inverse):
        if part:
            control(part, is_root=False)
    program, inverse = _parts(block)
    after = _behind_else(inverse)
    wish = _Wish(
        block.open_strip.open,
        block.close_strip.close,
        _line_after(program.body),
        _line_before((after or program).body),
    )
    if block.open_strip.close:
        _omit_right(program.body, everything=True)
    if after:
        _around_else(block, program, after)
    elif block.close_strip.open:
        _omit_left(program.body, everything=True)
    return wish


def _around_else(block: Block, program: Program, after: Program) -> None:
    if block.inverse_strip.open:
        _omit_left(program.body, everything=True)
    if block.inverse_strip.close:
        _omit_right(after.body, everything=True)
    if block.close_strip.open:
        _omit_left(after.body, everything=True)
    if _line_before(program.body) and _line_after(after.body):
        _omit_left(program.body)
        _omit_right(after.body)


def _parts(block: Block) -> tuple[Program, Program | None]:
    """What comes first, and the else of it."""
    program = block.program or block.inverse or Program()
    return program, block.inverse if block.program else None


def _behind_else(inverse: Program | None) -> Program | None:
    """The body behind an else, which for `{{else if}}` is that of its block."""
    while inverse and inverse.chained:
        block = inverse.body[0]
        inverse = block.program if isinstance(block, Block) else None
    return inverse


def _omit_lines(body: list[Node], place: int, block: Block, at_open: bool, at_close: bool) -> None:
    if at_open:
        _omit_right(_parts(block)[0].body)
        _omit_left(body, place)
    if at_close:
        _omit_right(body, place)
        program, inverse = _parts(block)
        _omit_left((inverse or program).body)


def _at(body: list[Node], place: int) -> Node | None:
    return body[place] if 0 <= place < len(body) else None


def _line_before(body: list[Node], place: int | None = None, is_root: bool = False) -> bool:
    """Whether nothing but white space stands between this place (or the end) and the start of its line."""
    place = len(body) if place is None else place
    before, sibling = _at(body, place - 1), _at(body, place - 2)
    if before is None:
        return is_root
    if not isinstance(before, Content):
        return False
    rest = before.original.rstrip(_BLANK)
    starts_text = not rest and is_root and sibling is None
    return starts_text or "\n" in before.original[len(rest) :]


def _line_after(body: list[Node], place: int | None = None, is_root: bool = False) -> bool:
    """Whether nothing but white space stands from this place (or the beginning) to the end of its line."""
    place = -1 if place is None else place
    after, sibling = _at(body, place + 1), _at(body, place + 2)
    if after is None:
        return is_root
    if not isinstance(after, Content):
        return False
    rest = after.original.lstrip(_BLANK)
    ends_text = not rest and is_root and sibling is None
    return ends_text or "\n" in after.original[: len(after.original) - len(rest)]


def _omit_right(body: list[Node], place: int | None = None, *, everything: bool = False) -> None:
    after = _at(body, 0 if place is None else place + 1)
    if isinstance(after, Content) and (everything or not after.right_stripped):
        left = after.value.lstrip(_BLANK) if everything else _REST_OF_LINE.sub("", after.value, count=1)
        after.right_stripped = left != after.value
        after.value = left


def _omit_left(body: list[Node], place: int | None = None, *, everything: bool = False) -> None:
    before = _at(body, len(body) - 1 if place is None else place - 1)
    if isinstance(before, Content) and (everything or not before.left_stripped):
        left = before.value.rstrip(_BLANK if everything else " \t")
        before.left_stripped = left != before.value
        before.value = left
