"""How many deliveries stand where, moved along with every change of state in the same transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter

from gateway.domain.delivery import State
from gateway.storage.sqlite.statements import SQL, execute_rows


class Tally:
    """Moves collected within a transaction, written once at its end."""

    __slots__ = ("_moves",)

    def __init__(self) -> None:
        self._moves: Counter[str] = Counter()

    def add(self, state: str, deliveries: int = 1) -> None:
        """So many more stand at `state` (fewer, when negative)."""
        self._moves[state] += deliveries

    def move(self, before: str, after: str, deliveries: int) -> None:
        """So many went from one state to another."""
        self._moves[before] -= deliveries
        self._moves[after] += deliveries

    def write(self, connection: sqlite3.Connection) -> None:
        """Write the moves down."""
        moves = [(state, change) for state, change in self._moves.items() if change]
        if moves:
            execute_rows(connection, "move_tallies", moves)


def read(connection: sqlite3.Connection) -> dict[State, int]:
    """How many deliveries stand in each state."""
    return {State(state): deliveries for state, deliveries in connection.execute(SQL["tallies"])}
