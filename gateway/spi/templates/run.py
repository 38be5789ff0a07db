"""One rendering: what was written so far, and how much work is left to it."""

from __future__ import annotations

from typing import NoReturn

from gateway.spi.templates.failure import RenderFailed
from gateway.spi.templates.limits import (
    CHARACTERS_A_STEP,
    MAX_OUTPUT,
    MAX_ROUNDS,
    MAX_STEPS,
)
from gateway.spi.templates.target import Escape


class Run:
    """The output and the budget of one rendering. Raises RenderFailed when either is used up."""

    __slots__ = ("_room", "_rounds", "_steps", "inner", "parts", "root")

    def __init__(self, root: object, inner: Escape = str) -> None:
        self.root = root
        self.inner = inner
        """What every text is escaped for before it becomes part of JSON."""
        self.parts: list[str] = []
        self._room = MAX_OUTPUT
        self._steps = MAX_STEPS
        self._rounds = MAX_ROUNDS

    def write(self, text: str) -> None:
        """Put text behind the output."""
        self._room -= len(text)
        if self._room < 0:
            too_long()
        self.parts.append(text)

    def step(self) -> None:
        """Spend a step."""
        self._steps -= 1
        if self._steps < 0:
            self._too_costly()

    def spend(self, characters: int) -> None:
        """Spend what handling so many characters, or values, costs."""
        self._steps -= 1 + characters // CHARACTERS_A_STEP
        if self._steps < 0:
            self._too_costly()

    def round(self) -> None:
        """Spend a round of a loop."""
        self._rounds -= 1
        if self._rounds < 0:
            raise RenderFailed("template_too_costly", f"its loops go round more than {MAX_ROUNDS} times")
        self.step()

    def _too_costly(self) -> NoReturn:
        raise RenderFailed("template_too_costly", f"rendering takes more than {MAX_STEPS} steps")


def too_long() -> NoReturn:
    """The output would be over its limit."""
    raise RenderFailed("template_too_long", f"the rendered text is longer than {MAX_OUTPUT} characters")
