"""The file of named statements."""

from __future__ import annotations

import pytest

from gateway.storage import named_sql

TEXT = """
-- A heading that belongs to nothing ----

-- name: one
-- Why it is so.
SELECT 1
-- inside
FROM a;

-- name: two_rows
INSERT INTO a (b, c)
VALUES (?, ?);
"""


def test_statements_are_found_by_name_without_their_comments():
    assert dict(named_sql.parse(TEXT)) == {
        "one": "SELECT 1\nFROM a",
        "two_rows": "INSERT INTO a (b, c)\nVALUES (?, ?)",
    }


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="named one"):
        named_sql.parse(TEXT + "-- name: one\nSELECT 2;")


def test_a_statement_is_widened_to_many_rows():
    statement = named_sql.parse(TEXT)["two_rows"]
    assert named_sql.widen(statement, 1) == statement
    assert named_sql.widen(statement, 3).endswith("VALUES (?, ?), (?, ?), (?, ?)")


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT * FROM (VALUES (?)), (VALUES (?, ?))"])
def test_only_a_statement_with_one_list_of_values_can_be_widened(statement):
    with pytest.raises(ValueError, match="exactly one"):
        named_sql.widen(statement, 2)
