"""The syntax tree of a template. `at` is always an index into the template's text, for messages.

The shape follows Handlebars' own tree (its compiler API), so that its rules for white space can be kept
exactly; partials, decorators and raw blocks have no node, because this dialect has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class Path(NamedTuple):
    """`../a.b`: `depth` contexts up, then these segments. `scoped` is `this.a` or `./a`, which names no
    helper and no block parameter; `data` is `@a`, where `depth` counts loops."""

    segments: tuple[str, ...]
    depth: int = 0
    scoped: bool = False
    data: bool = False
    original: str = ""
    at: int = 0

    @property
    def is_simple(self) -> bool:
        """A single name, which may be a helper's."""
        return len(self.segments) == 1 and not (self.depth or self.scoped or self.data)


class Literal(NamedTuple):
    """A text, a number, true, false, null or undefined (MISSING)."""

    value: object
    original: str
    at: int = 0


class Call(NamedTuple):
    """A head with arguments; without any it is just the value of its head."""

    head: Path
    arguments: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()
    at: int = 0


Expression: TypeAlias = "Path | Literal | Call"


class Strip(NamedTuple):
    """Where a tag eats the white space around it: `{{~` and `~}}`."""

    open: bool = False
    close: bool = False


NO_STRIP = Strip()


@dataclass(slots=True)
class Content:
    """Text between tags; `value` is what is left of `original` once white space control is done."""

    original: str
    value: str
    at: int
    left_stripped: bool = False
    right_stripped: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """`{{! ... }}`."""

    strip: Strip


@dataclass(frozen=True, slots=True)
class Output:
    """`{{x}}`, and `{{{x}}}`, which is escaped all the same."""

    call: Call
    strip: Strip
    at: int


@dataclass(slots=True)
class Program:
    """A body. `chained` is that of an `{{else if}}`: it holds just that block."""

    body: list[Node] = field(default_factory=list)
    parameters: tuple[str, ...] = ()
    chained: bool = False


@dataclass(slots=True)
class Block:
    """`{{#x}}...{{else}}...{{/x}}`. `inverted` is `{{^x}}`, whose body is the else of nothing."""

    call: Call
    program: Program | None
    inverse: Program | None
    open_strip: Strip
    inverse_strip: Strip
    close_strip: Strip
    at: int


Node: TypeAlias = "Content | Comment | Output | Block"
