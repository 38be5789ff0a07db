"""What a helper is: a named function that templates may call, with what is known of its arguments.

The functions live by subject in `comparing`, `wording` and `figures`; the blocks that rule the flow
(`if`, `each`, ...) are the compiler's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from gateway.spi.templates.run import Run

Arguments: TypeAlias = "tuple[object, ...]"
Named: TypeAlias = "Mapping[str, object]"
Function: TypeAlias = Callable[[Run, Arguments, Named], object]


class ArgumentError(Exception):
    """An argument that is written in the template is wrong."""

    def __init__(self, detail: str, expected: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.expected = expected


class Helper(NamedTuple):
    """A helper. It takes `fewest` to `most` arguments and those `named`; the ones in `fixed` (by position or
    name) have to be written in the template, and `check` sees them when it is compiled. A `predicate` may
    also be a block. `usage` and `says` are for the reference page."""

    function: Function
    fewest: int
    most: int
    usage: str
    says: str
    named: frozenset[str] = frozenset()
    fixed: frozenset[int | str] = frozenset()
    check: Callable[[Mapping[int | str, object]], None] | None = None
    predicate: bool = False
