"""How many deliveries stand where: what a transaction moved, counted once, as the last of it.

Who has counted waits for nobody's deliveries, windows or streams any more, nor for other counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gateway.domain.delivery import State
from gateway.storage.postgres.statements import Connection, fetch


class Tally:
    """Moves collected within a transaction."""

    __slots__ = ("_moves",)

    def __init__(self) -> None:
        self._moves: Counter[State] = Counter()

    def move(self, before: State, after: State, deliveries: int) -> None:
        """So many went from one state to another."""
        self._moves[before] -= deliveries
        self._moves[after] += deliveries

    def add(self, states: Iterable[str]) -> None:
        """One more stands at each of these."""
        for state in states:
            self._moves[State(state)] += 1

    async def write(self, connection: Connection, incarnation: int) -> None:
        """Count the moves."""
        changes = {state.value: change for state, change in self._moves.items() if change}
        if changes:
            await fetch(
                connection,
                "count_moves",
                incarnation=incarnation,
                states=list(changes),
                changes=list(changes.values()),
            )
