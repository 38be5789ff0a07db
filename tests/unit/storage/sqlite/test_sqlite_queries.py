"""queries.sql: every statement is sound, is used, and finds its rows by an index."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from gateway.storage import named_sql
from gateway.storage.sqlite import schema
from gateway.storage.sqlite.statements import SQL, WIDEST, execute_rows, select_rows

SOURCES = Path(schema.__file__).parent
LARGE = "events|deliveries|dedup_keys|attempts|sent|holds|windows|repeats"

LOOK_THROUGH = {
    "newest_number",  # the last row of each
    "old_keys",  # the search for where to stop
    "old_deliveries",
    "old_events",
    "entities_at",
}
"""Statements that may pass over a large table, each for the reason given."""


@pytest.fixture
def connection(path):
    opened = sqlite3.connect(path, isolation_level=None)
    schema.update(opened, path, 0.0)
    yield opened
    opened.close()


def parameters(statement):
    names = re.findall(r":([a-z_]+)", statement)
    return dict.fromkeys(names, 1) if names else [1] * statement.count("?")


def plan(connection, statement):
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters(statement))]


@pytest.mark.parametrize("name", SQL)
def test_a_statement_can_be_prepared(connection, name):
    connection.execute(f"EXPLAIN {SQL[name]}", parameters(SQL[name])).fetchall()


@pytest.mark.parametrize("name", sorted(set(SQL) - LOOK_THROUGH))
def test_a_statement_never_passes_over_a_large_table(connection, name):
    for step in plan(connection, SQL[name]):
        assert not re.match(rf"SCAN ({LARGE})( |$)(?!USING (COVERING )?INDEX deliveries_)", step), step


def test_every_statement_is_used():
    text = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    unused = [name for name in SQL if f'"{name}"' not in text]
    assert unused == []


def test_many_rows_are_found_by_key_and_not_by_a_search(connection):
    for name in ("known_keys", "settle", "settle_untried", "add_attempts", "keep_sent", "forget_keys"):
        steps = plan(connection, named_sql.widen(SQL[name], 64))
        assert any(re.match(r"SEARCH \w+ USING (PRIMARY KEY|INDEX) ", step) for step in steps), (name, steps)


def test_due_rows_come_out_of_their_index_in_order(connection):
    assert plan(connection, SQL["due_of_destination"]) == [
        "SEARCH deliveries USING INDEX deliveries_due (destination_id=? AND due_at<?)"
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 63, 64, 127, WIDEST, WIDEST + 1, 3 * WIDEST + 7])
def test_rows_of_any_number_are_written_and_found(connection, count):
    rows = [(number, number.to_bytes(4, "big"), f"event-{number}", 1.0, 0) for number in range(count)]
    assert execute_rows(connection, "add_keys", rows) == count
    found = select_rows(connection, "known_keys", [row[1:2] for row in rows] + [(b"unknown",)])
    assert sorted(found) == sorted((key, event_id, flag) for _, key, event_id, _, flag in rows)


def test_few_statements_are_prepared_whatever_the_size_of_groups(connection):
    named_sql.widen.cache_clear()
    for count in range(1, 300):
        execute_rows(connection, "forget_keys", [(b"x",)] * count)
    assert named_sql.widen.cache_info().currsize <= 8
