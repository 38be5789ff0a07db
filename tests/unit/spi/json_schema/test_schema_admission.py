"""What `check_schema` refuses, and what it must not refuse (facts: reliability-security 0.5 and 3.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.domain.errors import Invalid
from gateway.spi.json_schema import MAX_DEPTH, MAX_SCHEMA_BYTES, check_schema
from gateway.spi.json_schema.linear import positions

LATEST = "https://json-schema.org/draft/2020-12/schema"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def problems(schema):
    with pytest.raises(Invalid) as refused:
        check_schema(schema)
    assert refused.value.code == "schema_invalid"
    assert all(problem.code == "schema_invalid" for problem in refused.value.problems)
    return refused.value.problems


def first(schema):
    problem = problems(schema)[0]
    return problem.pointer, problem.detail


def pairs(number):
    doubled = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i - 1}"}] * 2} for i in range(1, number + 1)}
    return {"$ref": f"#/$defs/d{number}", "$defs": {"d0": {"type": "integer"}, **doubled}}


def chain(number):
    links = {str(i): {"$ref": f"#/$defs/{i + 1}"} for i in range(number)}
    return {"$ref": "#/$defs/0", "$defs": {**links, str(number): {}}}


def nested(levels):
    schema = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


ACCEPTED = {
    "nothing asked": {},
    "2020-12": {"$schema": LATEST, "type": "object"},
    "2019-09": {"$schema": "https://json-schema.org/draft/2019-09/schema", "items": [{}, {}]},
    "draft-07": {"$schema": DRAFT_7, "definitions": {"a": {}}, "$ref": "#/definitions/a"},
    "draft-07 without its hash": {"$schema": "http://json-schema.org/draft-07/schema"},
    "own id": {"$id": "https://example.com/backup.schema.json", "$defs": {"a": {}}, "$ref": "#/$defs/a"},
    "anchor": {"$defs": {"a": {"$anchor": "here", "type": "string"}}, "$ref": "#here"},
    "escaped pointer": {"$defs": {"a/b~c d": {}}, "$ref": "#/$defs/a~1b~0c%20d"},
    "a tree": {
        "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "more": {"items": {"$ref": "#"}}},
        "additionalProperties": {"$ref": "#"},
    },
    "mutual recursion": {
        "$ref": "#/$defs/folder",
        "$defs": {
            "folder": {"properties": {"files": {"items": {"$ref": "#/$defs/file"}}}},
            "file": {"properties": {"parent": {"$ref": "#/$defs/folder"}}},
        },
    },
    "shipped": {"$ref": schemas.ID_PREFIX + "events/ibm-backup-policy-details"},
    "place in a shipped one": {"$ref": schemas.ID_PREFIX + "cloudevents/cloudevents#/$defs/text"},
    "properties named like keywords": {"properties": {"$ref": {"type": "string"}, "$id": {}, "$schema": {}}},
    "data that looks like a reference": {
        "const": {"$ref": "http://example.com/"},
        "examples": [{"pattern": "("}],
    },
    "unknown keywords": {"x-owner": "backup team", "contentMediaType": "application/json"},
    "a class of letters": {"pattern": "^[\\p{L}\\p{N} _-]{1,20}$"},
    "255 characters": {"pattern": "^.{1,255}$"},
    "the worst pattern of re": {"pattern": "^(a+)+$"},
    "many properties": {"properties": {f"p{i}": {"type": "string"} for i in range(1500)}},
    "many alternatives": {"enum": [f"code-{i}" for i in range(3000)]},
    "a union of 50": {"oneOf": [{"properties": {"kind": {"const": f"k{i}"}, "n": {}}} for i in range(50)]},
    "the deepest": nested(MAX_DEPTH - 1),
}


@pytest.mark.parametrize("schema", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_sound_schema_is_accepted(schema):
    assert check_schema(schema) is None


REFUSED = {
    "a list": ([], "", "JSON object"),
    "true": (True, "", "JSON object"),
    "too deep": (nested(MAX_DEPTH), "", "too deeply"),
    "too large": ({"description": "x" * MAX_SCHEMA_BYTES}, "", "too large"),
    "too many nodes": ({"enum": [0] * MAX_SCHEMA_BYTES}, "", "too large"),
    "not a number": ({"const": float("nan")}, "", "not finite"),
    "infinite": ({"maximum": float("inf")}, "", "not finite"),
    "huge integer": ({"const": 10**400}, "", "no JSON value"),
    "lone surrogate": ({"const": "\ud800"}, "", "no JSON value"),
    "names that are no texts": ({1: 2}, "", "no JSON value"),
    "draft 4": ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema", "draft"),
    "draft that is no text": ({"$schema": 7}, "/$schema", "draft"),
    "own meta-schema": ({"$schema": "https://example.com/meta"}, "/$schema", "draft"),
    "unknown type": ({"properties": {"a": {"type": "strin"}}}, "/properties/a/type", "strin"),
    "negative length": ({"items": {"minLength": -1}}, "/items/minLength", "-1 is less"),
    "required no list": ({"required": "id"}, "/required", "wrong type"),
    "required twice": ({"required": ["a", "a"]}, "/required", "equal"),
    "items of an older draft": ({"$schema": LATEST, "items": [{}]}, "/items", "wrong type"),
    "http": ({"$ref": "http://127.0.0.1:1/schema"}, "/$ref", "never fetched"),
    "https": ({"items": {"$ref": "https://example.com/schema#/a"}}, "/items/$ref", "never fetched"),
    "file": ({"$ref": "file:///etc/passwd"}, "/$ref", "never fetched"),
    "relative": ({"$ref": "other.json"}, "/$ref", "never fetched"),
    "meta-schema": ({"$ref": LATEST}, "/$ref", "never fetched"),
    "table of reasons": ({"$ref": schemas.ID_PREFIX + "reasons/none"}, "/$ref", "never fetched"),
    "climbing": ({"$ref": schemas.ID_PREFIX + "../pyproject"}, "/$ref", "never fetched"),
    "dangling": ({"$ref": "#/$defs/none"}, "/$ref", "points at no schema"),
    "dangling anchor": ({"$ref": "#none"}, "/$ref", "points at no schema"),
    "into data": ({"const": {"a": {}}, "not": {"$ref": "#/const/a"}}, "/not/$ref", "points at no schema"),
    "shipped from draft 7": (
        {"$schema": DRAFT_7, "$ref": schemas.ID_PREFIX + "cloudevents/cloudevents"},
        "/$ref",
        "2020-12 only",
    ),
    "unknown keyword referred to": (
        {"$schema": DRAFT_7, "$ref": "#/$defs/a", "$defs": {"a": {"type": "strin"}}},
        "/$defs/a/type",
        "strin",
    ),
    "dynamic reference": ({"$dynamicRef": "#x"}, "/$dynamicRef", "$ref does the same"),
    "nested id": ({"properties": {"a": {"$id": "b"}}}, "/properties/a/$id", "root only"),
    "nested draft": ({"items": {"$schema": DRAFT_7}}, "/items/$schema", "root only"),
    "itself": ({"$ref": "#"}, "", "refers to itself"),
    "itself in a branch": ({"anyOf": [{"$ref": "#"}, {}]}, "", "refers to itself"),
    "each other": (
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}},
        None,
        "refers to itself",
    ),
    "doubled eight times": (pairs(8), "/$defs/d0", "too much work"),
    "doubled sixteen times": (pairs(16), None, "apply to one value"),
    "doubled at each level": (
        {"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"patternProperties": {"^a": {"$ref": "#"}}}]},
        None,
        "too much work",
    ),
    "a long chain": (chain(2000), None, "apply to one value"),
    "2,000 branches": ({"items": {"anyOf": [{"type": "integer"}] * 2000}}, "/items", "too much work"),
    "3,000 objects to compare": ({"enum": [{"a": i} for i in range(3000)]}, "", "too much work"),
    "unevaluated in unevaluated": (
        {
            "$ref": "#/$defs/9",
            "$defs": {
                "0": {},
                **{
                    str(i): {"unevaluatedItems": False, "anyOf": [{"$ref": f"#/$defs/{i - 1}"}]}
                    for i in range(1, 10)
                },
            },
        },
        None,
        "too much work",
    ),
    "look-ahead": ({"pattern": "^(?=.*[0-9]).+$"}, "/pattern", "linear time"),
    "look-behind": ({"items": {"pattern": "(?<!a)b"}}, "/items/pattern", "linear time"),
    "back-reference": ({"patternProperties": {"(a)/\\1": {}}}, "/patternProperties/(a)~1\\1", "linear time"),
    "no pattern": ({"pattern": "("}, "/pattern", "linear time"),
    "repeated repetitions": ({"pattern": "^(a{1,100}){1,100}b"}, "", "too much work"),
    "a huge automaton": ({"pattern": "\\p{L}{1,1000}"}, "/pattern", "linear time"),
    "a long pattern": ({"pattern": "a" * 5000}, "/pattern", "linear time"),
    "500 large patterns": (
        {"properties": {f"p{i:03}": {"pattern": "^.{1,200}$"} for i in range(500)}},
        None,
        "too large together",
    ),
}


@pytest.mark.parametrize(("schema", "pointer", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_schema_that_could_harm_is_refused_with_place_and_reason(schema, pointer, words):
    found, detail = first(schema)
    assert words in detail
    assert pointer is None or found == pointer


def test_every_refusal_says_what_would_be_right():
    assert all(problems(schema)[0].expected for schema, _, _ in REFUSED.values())


def test_all_that_is_wrong_is_told_at_once_up_to_ten():
    told = problems({"allOf": [{"type": "strin"}] * 30})
    assert [problem.pointer for problem in told] == [f"/allOf/{i}/type" for i in range(10)]


def test_the_refusal_of_a_large_schema_is_small():
    told = problems(
        {"enum": {"x" * 1000: ["y" * 1000] * 50}, "required": [{"z" * 1000: i} for i in range(30)]}
    )
    assert all(len(problem.detail) <= 200 and len(problem.expected) <= 200 for problem in told)


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("", 0),
        ("abc", 3),
        ("^a|b$", 2),
        ("[a-z\\]]+", 1),
        ("\\p{L}\\u{1F4BE}\\.", 3),
        ("a{3}", 3),
        ("a{2,}", 2),
        ("a{0}", 1),
        ("(?:ab){1,10}c", 21),
        ("(a{1,50}){1,20}b", 1001),
        ("((a{2}b){3}){4}", 36),
        (")", 0),
    ],
)
def test_positions_count_a_pattern_with_its_repetitions_written_out(pattern, number):
    assert positions(pattern) == number


@given(st.text(st.sampled_from("ab(){}[]|*+?\\,2^$.:<>"), max_size=30))
def test_any_text_can_be_asked_for_its_positions(pattern):
    assert positions(pattern) >= 0


KEYWORDS = st.sampled_from(
    [
        "$ref",
        "$defs",
        "allOf",
        "items",
        "properties",
        "pattern",
        "type",
        "enum",
        "$schema",
        "unevaluatedItems",
        "$anchor",
    ]
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["#", "#/$defs/a", "^a", "string"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=3),
    max_leaves=12,
)


@given(ANYTHING)
def test_anything_at_all_is_either_accepted_or_refused_as_invalid(schema):
    try:
        check_schema(schema)
    except Invalid as refused:
        assert refused.code == "schema_invalid"
