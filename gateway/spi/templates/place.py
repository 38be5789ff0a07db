"""Where in its target a value stands, which decides how it is escaped.

The compiler goes through a template with a place: literal text moves it, a value is written as the place
says, and all ways through a block have to end at the same place. So what is inside of a JSON string, or
of an HTML attribute, is known before anything is rendered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from gateway.spi.templates.run import Run
from gateway.spi.templates.target import Escape
from gateway.spi.templates.values import text_of

Write: TypeAlias = Callable[[object, Run], str]
"""Makes of a value the text to put into the output."""


class MisplacedError(Exception):
    """A value must not stand here."""

    def __init__(self, detail: str, expected: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.expected = expected


class Beside(NamedTuple):
    """The literal text before and behind a value, '' where a block begins or ends there; `joined` if another
    value comes directly before or behind it."""

    before: str
    behind: str
    joined: bool


class Place(Protocol):
    """A place in the output. Equal places are the same to whatever follows."""

    @property
    def label(self) -> str:
        """Where that is, for messages, such as `inside of a JSON string`."""

    @property
    def is_end(self) -> bool:
        """Whether a template may end here."""

    def after(self, text: str) -> Place:
        """The place behind this literal text."""

    def meet(self, other: Place) -> Place | None:
        """The place behind a block that ends here one way and there another; None if they do not fit."""

    def write(self, beside: Beside) -> Write:
        """How a value is written here. Raises MisplacedError."""


class Anywhere(NamedTuple):
    """The place of targets in which a value is escaped alike wherever it stands."""

    escape: Escape

    @property
    def label(self) -> str:
        """See Place."""
        return "anywhere"

    @property
    def is_end(self) -> bool:
        """See Place."""
        return True

    def after(self, text: str) -> Place:
        """See Place."""
        return self

    def meet(self, other: Place) -> Place | None:
        """See Place."""
        return self

    def write(self, beside: Beside) -> Write:
        """See Place."""
        return escaped_by(self.escape)


def escaped_by(escape: Escape) -> Write:
    """Writes the text of a value, escaped."""

    def write(value: object, run: Run) -> str:
        return escape(text_of(value, run))

    return write
