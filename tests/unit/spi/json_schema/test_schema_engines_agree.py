"""jsonschema-rs gives the verdict, jsonschema the reasons: both must see the same values as wrong.

Schemas are drawn from the keywords that each draft has, values from a vocabulary small enough to hit them.
"""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.spi.json_schema import CompiledSchema, check_schema
from gateway.spi.json_schema.document import DIALECTS, Document
from gateway.spi.json_schema.linked import linked
from gateway.spi.json_schema.refusal import Refusal

NAMES = st.sampled_from(["a", "b", "ab", "", "/~", "é", "💾"])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -0.0, 0.1, 0.3, 1e300, 2**53, 2**63])
SCALARS = st.none() | st.booleans() | NUMBERS | NAMES
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
SIZES = st.integers(0, 3)
PATTERNS = st.sampled_from(["^a", "b$", "^[ab]+$", "", "^.$", "\\w", "\\d"])

ASSERTIONS = {
    "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
    "enum": st.lists(VALUES, min_size=1, max_size=4),
    "const": VALUES,
    "multipleOf": st.sampled_from([1, 2, 0.1, 0.5]),
    "maximum": NUMBERS,
    "exclusiveMaximum": NUMBERS,
    "minimum": NUMBERS,
    "exclusiveMinimum": NUMBERS,
    "maxLength": SIZES,
    "minLength": SIZES,
    "pattern": PATTERNS,
    "maxItems": SIZES,
    "minItems": SIZES,
    "uniqueItems": st.booleans(),
    "maxProperties": SIZES,
    "minProperties": SIZES,
    "required": st.lists(NAMES, max_size=3, unique=True),
    "format": st.sampled_from(["date-time", "ipv4", "uri", "json-pointer", "unheard-of"]),
}
NEWER = {
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
    "minContains": SIZES,
    "maxContains": SIZES,
}


def applicators(inner, draft):
    some = st.lists(inner, min_size=1, max_size=3)
    by_name = st.dictionaries(NAMES, inner, max_size=3)
    shared = {
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), some),
        **dict.fromkeys(("not", "if", "then", "else", "contains", "propertyNames"), inner),
        "properties": by_name,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
    }
    if draft == "draft-07":
        return shared | {"items": inner | some, "additionalItems": inner, "dependencies": by_name}
    shared |= {"dependentSchemas": by_name, "unevaluatedProperties": inner, "unevaluatedItems": inner}
    if draft == "2019-09":
        return shared | {"items": inner | some, "additionalItems": inner}
    return shared | {"items": inner, "prefixItems": some}


TOGETHER = [
    ("if", "then", "else"),
    ("contains", "minContains", "maxContains"),
    ("prefixItems", "items", "unevaluatedItems"),
    ("items", "additionalItems", "unevaluatedItems"),
    ("contains", "allOf", "unevaluatedItems"),
    ("properties", "patternProperties", "additionalProperties"),
    ("properties", "anyOf", "unevaluatedProperties"),
    ("dependentSchemas", "if", "unevaluatedProperties"),
    ("patternProperties", "$ref", "unevaluatedProperties"),
    ("type", "enum"),
    ("properties", "required"),
]


def with_keywords(keywords):
    """Schemas of a few keywords each, so that most of them judge rather than refuse everything."""
    together = [tuple(name for name in names if name in keywords) for names in TOGETHER]
    chosen = st.sampled_from([*together, *((name,) for name in keywords)])
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


def subschemas(draft):
    leaves = ASSERTIONS if draft == "draft-07" else ASSERTIONS | NEWER
    refs = {"$ref": st.sampled_from(["#/$defs/x", "#"])}
    return st.recursive(
        st.booleans() | with_keywords(leaves | refs),
        lambda inner: with_keywords(leaves | refs | applicators(inner, draft)),
        max_leaves=6,
    )


def roots(draft, uri):
    return st.builds(
        lambda schema, shared: (
            (schema if isinstance(schema, dict) else {"allOf": [schema]})
            | {"$schema": uri, "$defs": {"x": shared}}
        ),
        subschemas(draft),
        subschemas(draft),
    )


def reasons(schema):
    document = Document(schema)
    return Refusal(document.dialect, linked(document))


@pytest.mark.parametrize("draft", ["2020-12", "2019-09", "draft-07"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_both_engines_find_the_same_values_wrong(draft, data):
    uri = next(each.uri for each in DIALECTS if draft in each.uri)
    schema = data.draw(roots(draft, uri))
    try:
        check_schema(schema)
    except Invalid:
        assume(False)
    value = data.draw(VALUES)
    compiled = CompiledSchema.compile(schema)
    assert bool(reasons(schema).found(value)) == (not compiled.is_valid(value))


@settings(max_examples=40, deadline=None)
@given(schema=roots("2020-12", DIALECTS[0].uri), value=VALUES)
@example(schema={"unevaluatedItems": {"type": "null"}}, value=[1])
def test_problems_are_told_exactly_for_what_is_invalid(schema, value):
    try:
        check_schema(schema)
    except Invalid:
        assume(False)
    compiled = CompiledSchema.compile(schema)
    assert bool(compiled.problems(value)) == (not compiled.is_valid(value))
