"""The named statements of this store, their named parameters numbered as PostgreSQL wants them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from gateway.storage import named_sql

Connection = PoolConnectionProxy
"""What statements run on: a connection lent by the pool."""

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with $1, $2, ... and the names that stand for them, in that order."""

    text: str
    names: tuple[str, ...]

    def arguments(self, given: Mapping[str, object]) -> list[object]:
        """The arguments in their order; names that the statement does not have are left out."""
        return [given[name] for name in self.names]


def numbered(sql: str) -> Statement:
    """Replace `:name` by `$1`, the same name by the same number."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    text = _PARAMETER.sub(number, sql)
    return Statement(text, tuple(names))


SQL: Mapping[str, Statement] = {
    name: numbered(text) for name, text in named_sql.load(Path(__file__).with_name("queries.sql")).items()
}


async def fetch(connection: Connection, name: str, /, **given: object) -> Sequence[Record]:
    """Run a statement; return its rows."""
    statement = SQL[name]
    rows: Sequence[Record] = await connection.fetch(statement.text, *statement.arguments(given))
    return rows


async def fetch_row(connection: Connection, name: str, /, **given: object) -> Record | None:
    """Run a statement; return its first row, or None."""
    statement = SQL[name]
    row: Record | None = await connection.fetchrow(statement.text, *statement.arguments(given))
    return row


async def fetch_value(connection: Connection, name: str, /, **given: object) -> Any:
    """Run a statement; return the first value of its first row, or None."""
    statement = SQL[name]
    return await connection.fetchval(statement.text, *statement.arguments(given))


def columns(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, list[object]]:
    """Rows as one list a column, for `unnest`."""
    if not rows:
        return {name: [] for name in names}
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
