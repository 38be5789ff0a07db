"""Where a rendering stands: the value that names are looked up in, those around it, and the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.spi.templates.values import Array


class Loop(NamedTuple):
    """One round of `{{#each}}`: what `@index`, `@key`, `@first` and `@last` say."""

    position: int
    key: object
    first: bool
    last: bool
    outer: Loop | None


_NO_NAMES: Mapping[str, object] = {}


class Frame:
    """`this`, the frame that `../` leads to, the innermost loop, and the block parameters."""

    __slots__ = ("loop", "names", "outer", "this")

    def __init__(
        self,
        this: object,
        outer: Frame | None = None,
        loop: Loop | None = None,
        names: Mapping[str, object] = _NO_NAMES,
    ) -> None:
        self.this = this
        self.outer = outer
        self.loop = loop
        self.names = names

    def inside(self, this: object, loop: Loop | None, names: Mapping[str, object]) -> Frame:
        """The frame of a block in this one. As in Handlebars, one about the same value adds no `../`."""
        outer = self.outer if _is_same(this, self.this) else self
        return Frame(this, outer, loop, {**self.names, **names} if names else self.names)


def _is_same(one: object, other: object) -> bool:
    if one is other:
        return True
    if isinstance(one, Mapping | list | tuple) or isinstance(other, Array):
        return False
    return type(one) is type(other) and one == other
