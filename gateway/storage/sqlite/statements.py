"""The named statements of this store, and how one of them is run for many rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from gateway.storage import named_sql

SQL = named_sql.load(Path(__file__).with_name("queries.sql"))

WIDEST = 128
"""Rows in one statement at most; rows are cut into powers of two, so that few statements are prepared."""

Parameters = Sequence[Any]


def execute(connection: sqlite3.Connection, name: str, given: Parameters | Mapping[str, Any] = ()) -> int:
    """Run one statement; how many rows it changed. Its cursor ends here: freed in another thread than the
    connection's, it would break what that is at (SQLITE_MISUSE)."""
    return connection.execute(SQL[name], given).rowcount


def execute_rows(connection: sqlite3.Connection, name: str, rows: Sequence[Parameters]) -> int:
    """Run a statement that has one `VALUES (?, ...)` list for all rows; return how many rows it changed."""
    before = connection.total_changes
    for statement, parameters in _widened(SQL[name], rows):
        connection.execute(statement, parameters)
    return connection.total_changes - before


def select_rows(
    connection: sqlite3.Connection, name: str, rows: Sequence[Parameters]
) -> list[tuple[Any, ...]]:
    """Run a query that has one `VALUES (?, ...)` list for all rows; return what it finds."""
    found: list[tuple[Any, ...]] = []
    for statement, parameters in _widened(SQL[name], rows):
        found += connection.execute(statement, parameters)
    return found


def _widened(statement: str, rows: Sequence[Parameters]) -> Iterable[tuple[str, list[Any]]]:
    start, left = 0, len(rows)
    while left:
        width = min(WIDEST, 1 << (left.bit_length() - 1))
        yield named_sql.widen(statement, width), list(chain.from_iterable(rows[start : start + width]))
        start += width
        left -= width
