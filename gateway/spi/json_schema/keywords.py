"""Keywords whose version in the `jsonschema` library cannot be bounded, written anew over a Run.

Each takes (validator, value of the keyword, instance, schema) and yields ValidationErrors. The library's
own backtrack (`pattern`, `patternProperties` and what depends on it), compare pair by pair (`uniqueItems`),
search lists (`unevaluated...`), round (`multipleOf`), could fetch (`$ref`), fail beside boolean `items`
(`additionalItems`), or do not say where: which member is missing (`required`), what a `false` is about
(`properties`, `items`, `prefixItems`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from jsonschema.exceptions import ValidationError

Errors = Iterator[ValidationError]
Own = Callable[[Any, Any, dict[str, Any]], set[Any]]
Pair = tuple[Any, Any]


def ref(validator: Any, value: str, instance: Any, _schema: Any) -> Errors:
    """`$ref`: the schemas are linked beforehand, nothing is resolved here."""
    yield from validator.descend(instance, validator.format_checker.targets[value])


def required(validator: Any, value: list[str], instance: Any, _schema: Any) -> Errors:
    """`required`: each error carries the one member that is missing."""
    if validator.is_type(instance, "object"):
        for name in value:
            if name not in instance:
                yield ValidationError(f"the member {name!r} is missing", validator_value=name)


def pattern(validator: Any, value: str, instance: Any, _schema: Any) -> Errors:
    """`pattern`, without backtracking."""
    if validator.is_type(instance, "string") and not validator.format_checker.matches(value, instance):
        yield ValidationError(f"{instance!r} does not match {value!r}")


def unique_items(validator: Any, value: bool, instance: Any, _schema: Any) -> Errors:
    """`uniqueItems`, by hashing."""
    run = validator.format_checker
    if value and validator.is_type(instance, "array") and not run.holds("uniqueItems", True, instance):
        yield ValidationError(f"{instance!r} has items that are equal")


def multiple_of(validator: Any, value: float, instance: Any, _schema: Any) -> Errors:
    """`multipleOf`, exact for decimal fractions."""
    run = validator.format_checker
    if validator.is_type(instance, "number") and not run.holds("multipleOf", value, instance):
        yield ValidationError(f"{instance!r} is not a multiple of {value!r}")


def properties(validator: Any, value: dict[str, Any], instance: Any, _schema: Any) -> Errors:
    """`properties`, with a pointer also where a member's schema is `false`."""
    if validator.is_type(instance, "object"):
        for name, schema in value.items():
            if name in instance:
                yield from _each(validator, schema, [(name, instance[name])], "member")


def pattern_properties(validator: Any, value: dict[str, Any], instance: Any, _schema: Any) -> Errors:
    """`patternProperties`, without backtracking."""
    if validator.is_type(instance, "object"):
        for expression, schema in value.items():
            matching = (
                pair for pair in instance.items() if validator.format_checker.matches(expression, pair[0])
            )
            yield from _each(validator, schema, matching, "member")


def additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    """`additionalProperties`: one error for each member that is not allowed, at that member."""
    if validator.is_type(instance, "object"):
        named = _named(validator, instance, schema)
        yield from _each(validator, value, _without(named, instance.items()), "member")


def items(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    """`items` of every draft: a list goes by position, one schema is for what `prefixItems` leaves."""
    if validator.is_type(instance, "array") and isinstance(value, list):
        yield from prefix_items(validator, value, instance, schema)
    elif validator.is_type(instance, "array"):
        before = len(schema.get("prefixItems", ())) if "prefixItems" in validator.VALIDATORS else 0
        yield from _each(validator, value, islice(enumerate(instance), before, None), "item")


def prefix_items(validator: Any, value: list[Any], instance: Any, _schema: Any) -> Errors:
    """`prefixItems`, with a pointer also where an item's schema is `false`."""
    if validator.is_type(instance, "array"):
        for index, (item, schema) in enumerate(zip(instance, value, strict=False)):
            yield from _each(validator, schema, [(index, item)], "item")


def additional_items(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    """`additionalItems`, which means something beside a list of `items` only."""
    before = schema.get("items")
    if validator.is_type(instance, "array") and isinstance(before, list):
        yield from _each(validator, value, islice(enumerate(instance), len(before), None), "item")


def unevaluated_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    """`unevaluatedProperties`: one error for each member that is not allowed, at that member."""
    if validator.is_type(instance, "object"):
        others = {name: member for name, member in schema.items() if name != "unevaluatedProperties"}
        known = _evaluated(validator, instance, others, _properties)
        yield from _each(validator, value, _without(known, instance.items()), "member")


def unevaluated_items(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    """`unevaluatedItems`: one error for each item that is not allowed, at that item."""
    if validator.is_type(instance, "array"):
        others = {name: member for name, member in schema.items() if name != "unevaluatedItems"}
        known = _evaluated(validator, instance, others, _items)
        yield from _each(validator, value, _without(known, enumerate(instance)), "item")


def _without(keys: set[Any], values: Iterable[Pair]) -> Iterator[Pair]:
    return (pair for pair in values if pair[0] not in keys)


def _each(validator: Any, schema: Any, values: Iterable[Pair], noun: str) -> Errors:
    for key, value in values:
        validator.format_checker.spend(1)
        if schema is False:
            yield ValidationError(f"the {noun} {key!r} is not allowed", path=[key])
        else:
            yield from validator.descend(value, schema, path=key)


def _named(validator: Any, instance: Any, schema: dict[str, Any]) -> set[Any]:
    """The members that `properties` and `patternProperties` speak of."""
    named = schema.get("properties", {})
    expressions = schema.get("patternProperties", {})
    return {
        name
        for name in instance
        if name in named or any(validator.format_checker.matches(each, name) for each in expressions)
    }


def _evaluated(validator: Any, instance: Any, schema: Any, own: Own) -> set[Any]:
    """What a schema and the schemas that hold in its place speak of (2020-12 core, section 11)."""
    if not isinstance(schema, dict):
        return set()
    validator.format_checker.spend(1 + len(instance))
    known = own(validator, instance, schema)
    for branch in _in_place(validator, instance, schema):
        known |= _evaluated(validator, instance, branch, own)
    return known


def _properties(validator: Any, instance: Any, schema: dict[str, Any]) -> set[Any]:
    if not {"additionalProperties", "unevaluatedProperties"}.isdisjoint(schema):
        return set(instance)
    return _named(validator, instance, schema)


def _items(validator: Any, instance: Any, schema: dict[str, Any]) -> set[Any]:
    items = schema.get("items")
    if "unevaluatedItems" in schema or isinstance(items, dict | bool):
        return set(range(len(instance)))
    if isinstance(items, list) and "additionalItems" in schema:
        return set(range(len(instance)))
    known = set(range(len(items if isinstance(items, list) else schema.get("prefixItems", ()))))
    if "contains" in schema:  # not by the text of 2019-09, but by the engine, whose verdict stands
        known |= {i for i, item in enumerate(instance) if _holds(validator, item, schema["contains"])}
    return known


def _in_place(validator: Any, instance: Any, schema: dict[str, Any]) -> Iterator[Any]:
    """The subschemas that apply to the same value and hold for it."""
    if "$ref" in schema:
        yield validator.format_checker.targets[schema["$ref"]]
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from (each for each in schema.get(keyword, ()) if _holds(validator, instance, each))
    if "if" in schema:
        branches = ("if", "then") if _holds(validator, instance, schema["if"]) else ("else",)
        yield from (schema[keyword] for keyword in branches if keyword in schema)
    dependent = schema.get("dependentSchemas", {})
    yield from (dependent[name] for name in dependent if name in instance)


def _holds(validator: Any, instance: Any, schema: Any) -> bool:
    return bool(validator.evolve(schema=schema).is_valid(instance))
