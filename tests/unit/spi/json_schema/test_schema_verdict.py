"""Verdicts and their reasons: exact, short, and in bounded time whatever is thrown at them."""

import time
from dataclasses import dataclass

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.domain.errors import Invalid
from gateway.spi.json_schema import CompiledSchema, check_schema, refusal
from gateway.spi.json_schema.excerpt import short

BACKUP = {
    "type": "object",
    "required": ["job", "outcome"],
    "properties": {
        "job": {"type": "string", "pattern": "^[a-z-]+$"},
        "outcome": {"enum": ["ok", "failed"]},
        "bytes": {"type": ["integer", "null"], "minimum": 0},
        "finished": {"format": "date-time"},
        "paths": {"type": "array", "uniqueItems": True, "items": {"maxLength": 20}},
        "a/b~c": {"type": "boolean"},
    },
    "additionalProperties": False,
}
GOOD = {"job": "nightly", "outcome": "ok"}


def told(schema, value, **options):
    return [
        (problem.pointer, problem.detail, problem.expected)
        for problem in CompiledSchema.compile(schema).problems(value, **options)
    ]


def test_a_valid_value_has_no_problems():
    compiled = CompiledSchema.compile(BACKUP)
    assert compiled.is_valid(GOOD)
    assert compiled.problems(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "pointer", "detail", "expected"),
    [
        ({"job": None}, "/job", "null is of the wrong type", "string"),
        ({"job": "Nightly!"}, "/job", "'Nightly!' does not match '^[a-z-]+$'", "a text matching ^[a-z-]+$"),
        (
            {"outcome": "done"},
            "/outcome",
            "'done' is not one of the values allowed",
            'one of ["ok", "failed"]',
        ),
        ({"bytes": -1}, "/bytes", "-1 is less than the minimum of 0", "at least 0"),
        ({"bytes": True}, "/bytes", "true is of the wrong type", "integer or null"),
        (
            {"finished": "2026-13-45T99:00:00Z"},
            "/finished",
            "'2026-13-45T99:00:00Z' is not in the format 'date-time'",
            "a text in the format date-time",
        ),
        (
            {"paths": ["/a", "/a"]},
            "/paths",
            "an array of 2 items has items that are equal",
            "items that all differ",
        ),
        ({"paths": ["/" * 30]}, "/paths/0", f"{'/' * 30!r} is too long", "at most 20 characters"),
        ({"a/b~c": 0}, "/a~1b~0c", "0 is of the wrong type", "boolean"),
    ],
)
def test_a_problem_has_a_pointer_a_reason_and_what_would_be_right(change, pointer, detail, expected):
    assert told(BACKUP, GOOD | change) == [(pointer, detail, expected)]


def test_a_missing_member_is_named_one_by_one():
    assert told(BACKUP, {}) == [
        ("", "the member 'job' is missing", 'the member "job"'),
        ("", "the member 'outcome' is missing", 'the member "outcome"'),
    ]


def test_an_unexpected_member_is_pointed_at():
    assert told({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "b": 2}) == [
        ("/b", "the member 'b' is not allowed", 'only the members ["a"]')
    ]


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            1,
            ("", "1 matches none of the schemas allowed here", "string or null"),
        ),
        (
            {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"type": "null"}]},
            {"a": 1},
            ("/a", "1 is of the wrong type", "string"),
        ),
        (
            {"oneOf": [{"type": "integer"}, {"minimum": 1}]},
            2,
            ("", "2 has to match exactly one of the schemas allowed here", "exactly one of 2 schemas"),
        ),
        (
            {"not": {"type": "string"}},
            "x",
            ("", "'x' matches what is not allowed here", "a value that does not match"),
        ),
        ({"properties": {"a": False}}, {"a": 1}, ("/a", "the member 'a' is not allowed", "no such member")),
        ({"const": {"a": 1}}, [], ("", "an array of 0 items is not the value expected", '{"a": 1}')),
        ({"multipleOf": 0.01}, 0.125, ("", "0.125 is not a multiple of 0.01", "a multiple of 0.01")),
        (
            {"contains": {"const": 1}, "minContains": 2},
            [1],
            (
                "",
                "Too few items match the given schema (expected at least 2 but only 1 matched)",
                "at least 2 items that match",
            ),
        ),
        (
            {"prefixItems": [{}], "unevaluatedItems": False},
            [1, 2],
            ("/1", "the item 1 is not allowed", "no such item"),
        ),
    ],
)
def test_reasons_speak_json_and_do_not_print_the_schema(schema, value, problem):
    assert told(schema, value) == [problem]


def test_pointers_begin_where_the_value_stands_in_the_request():
    assert told(BACKUP, GOOD | {"job": 1}, at="/data")[0][0] == "/data/job"


def test_at_most_as_many_problems_are_told_as_asked_for():
    assert len(told({"items": {"type": "string"}}, [1] * 100)) == 10
    assert len(told({"items": {"type": "string"}}, [1] * 100, limit=3)) == 3


def test_the_same_problem_is_told_once():
    assert len(told({"allOf": [{"type": "string"}, {"type": "string"}]}, 1)) == 1


def test_a_decimal_is_a_multiple_as_people_count():
    assert CompiledSchema.compile({"multipleOf": 0.1}).is_valid(0.3)


def test_references_reach_into_the_document_and_into_shipped_schemas():
    schema = {
        "properties": {
            "details": {"$ref": schemas.ID_PREFIX + "events/ibm-backup-policy-details"},
            "name": {"$ref": "#/$defs/name"},
        },
        "$defs": {"name": {"$anchor": "n", "minLength": 2}},
    }
    assert told(schema, {"details": {"reasons": [{"status": 5}]}, "name": "x"}) == [
        ("/details/reasons/0/status", "5 is of the wrong type", "string or null"),
        ("/name", "'x' is too short", "at least 2 characters"),
    ]


def test_a_draft_7_reference_silences_what_stands_beside_it():
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"any": {}},
        "items": {"$ref": "#/definitions/any", "type": "string"},
    }
    assert CompiledSchema.compile(schema).is_valid([1])


def test_what_cannot_be_compiled_is_invalid_and_nothing_is_fetched():
    with pytest.raises(Invalid) as refused:
        CompiledSchema.compile({"$ref": "http://127.0.0.1:1/schema"})
    assert refused.value.code == "schema_invalid"


def test_a_lone_surrogate_is_invalid_and_no_failure():
    assert told({"type": "object"}, "\ud800") == [("", "'\\ud800' is of the wrong type", "object")]


@dataclass(frozen=True)
class Hostile:
    schema: dict
    value: object


def deep(levels, value):
    for _ in range(levels):
        value = [value]
    return value


HOSTILE = {
    "4,000 objects compared pair by pair": Hostile(
        {"uniqueItems": True}, [{"a": i} for i in range(4000)] + [{"a": 1}]
    ),
    "a pattern that backtracks": Hostile({"pattern": "^(a+)+$"}, "a" * 50_000 + "!"),
    "a member name that backtracks": Hostile(
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 50_000 + "!": 1}
    ),
    "unevaluated beside patterns": Hostile(
        {"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False},
        {f"{'a' * 50}{i}": 1 for i in range(3000)},
    ),
    "branches that all list all items": Hostile(
        {"anyOf": [{"items": {"type": "string"}} for _ in range(400)]}, [1] * 30_000
    ),
    "branches for each item": Hostile(
        {"items": {"anyOf": [{"type": "string"} for _ in range(400)]}}, [1] * 30_000
    ),
    "the last of many items": Hostile({"items": {"type": "integer"}}, [1] * 30_000 + ["x"]),
    "values printed whole": Hostile({"anyOf": [{"type": "null"} for _ in range(400)]}, ["x" * 100] * 10_000),
    "a text of a megabyte": Hostile({"maxLength": 3}, "x" * 1_000_000),
    "a member name of a megabyte": Hostile({"additionalProperties": False}, {"x" * 1_000_000: 1}),
    "members by the thousand": Hostile({"additionalProperties": False}, {f"m{i}": 1 for i in range(8000)}),
    "depth": Hostile({"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"const": 1}]}, deep(60, 0)),
    "depth times references": Hostile(
        {
            "$ref": "#/$defs/0",
            "$defs": {
                **{str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}]} for i in range(15)},
                "15": {"items": {"$ref": "#/$defs/0"}, "type": "array"},
            },
        },
        deep(60, 0),
    ),
    "enormous integer": Hostile({"maximum": 5}, 10**4000),
}


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_value_is_refused_quickly_and_briefly(case):
    check_schema(case.schema)
    compiled = CompiledSchema.compile(case.schema)
    begun = time.process_time()
    problems = compiled.problems(case.value)
    assert time.process_time() - begun < 2  # left to itself jsonschema takes from 20 s to for ever
    assert 1 <= len(problems) <= 10
    assert all(len(problem.detail) <= 200 and len(problem.expected) <= 200 for problem in problems)
    assert all(len(problem.pointer) <= 500 for problem in problems)


def test_an_explanation_ends_when_its_budget_is_spent(monkeypatch):
    schema, value = {"items": {"type": "integer"}}, [1] * 50 + ["x"]
    assert told(schema, value)[0][0] == "/50"
    monkeypatch.setattr(refusal, "BUDGET", 50)
    assert told(schema, value) == [
        ("", "the value does not match the schema; the reason takes too long to tell", "")
    ]


def test_what_was_found_before_the_budget_was_spent_is_told(monkeypatch):
    monkeypatch.setattr(refusal, "BUDGET", 120)
    assert told({"items": {"type": "string"}}, [1] * 100, limit=100)[:1] == [
        ("/0", "1 is of the wrong type", "string")
    ]


def test_a_failure_of_the_library_does_not_hide_that_the_value_is_wrong(monkeypatch):
    def failing(*_):
        raise TypeError

    monkeypatch.setattr(refusal.Run, "spend", failing)
    assert len(told(BACKUP, {})) == 1


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(), v))
)
def test_a_short_copy_is_equal_and_prints_in_a_line(value):
    assert short(value) == value
    assert len(repr(short(value))) < 700


def test_both_engines_are_the_real_ones():
    assert isinstance(CompiledSchema.compile({})._engine, jsonschema_rs.Validator)
