"""Named parameters become numbers, and nothing else does."""

from gateway.storage.postgres.statements import columns, numbered


def test_the_same_name_is_the_same_number_and_casts_are_left_alone():
    made = numbered("SELECT :a::text, :b, :a FROM t WHERE x::bigint = :b AND y = ANY (:c::text[])")
    assert made.text == "SELECT $1::text, $2, $1 FROM t WHERE x::bigint = $2 AND y = ANY ($3::text[])"
    assert made.arguments({"c": 3, "a": 1, "b": 2, "unused": 4}) == [1, 2, 3]


def test_rows_become_columns():
    assert columns(("a", "b"), [(1, "x"), (2, "y")]) == {"a": [1, 2], "b": ["x", "y"]}
    assert columns(("a", "b"), []) == {"a": [], "b": []}
