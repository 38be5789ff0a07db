"""What a refusal says: the reason in a sentence, and what would be right, from an error of `jsonschema`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jsonschema.exceptions import ValidationError

from gateway.spi.json_schema.excerpt import LONGEST, counted, cut, shown

MAX_TEXT = 200
"""Characters of a sentence, and of what is expected."""

_OWN: dict[str | None, str] = {
    None: "no value is allowed here",
    "anyOf": "{value} matches none of the schemas allowed here",
    "const": "{value} is not the value expected",
    "enum": "{value} is not one of the values allowed",
    "not": "{value} matches what is not allowed here",
    "oneOf": "{value} has to match exactly one of the schemas allowed here",
    "type": "{value} is of the wrong type",
}
"""Where the library's own sentence would print a piece of the schema, or Python's names for JSON's values."""

_EXPECTED: dict[str | None, Callable[[Any], str]] = {
    None: lambda _: "no value",
    "anyOf": lambda schemas: f"one of {counted(len(schemas), 'schema')}",
    "const": shown,
    "additionalItems": lambda _: "no such item",
    "contains": lambda _: "at least one item that matches",
    "enum": lambda values: f"one of {shown(values)}",
    "exclusiveMaximum": lambda bound: f"less than {bound!r}",
    "exclusiveMinimum": lambda bound: f"more than {bound!r}",
    "format": lambda name: f"a text in the format {name!s}",
    "items": lambda _: "no such item",
    "maxContains": lambda number: f"at most {counted(number, 'item')} that match",
    "maxItems": lambda number: f"at most {counted(number, 'item')}",
    "maxLength": lambda number: f"at most {counted(number, 'character')}",
    "maxProperties": lambda number: f"at most {counted(number, 'member')}",
    "maximum": lambda bound: f"at most {bound!r}",
    "minContains": lambda number: f"at least {counted(number, 'item')} that match",
    "minItems": lambda number: f"at least {counted(number, 'item')}",
    "minLength": lambda number: f"at least {counted(number, 'character')}",
    "minProperties": lambda number: f"at least {counted(number, 'member')}",
    "minimum": lambda bound: f"at least {bound!r}",
    "multipleOf": lambda number: f"a multiple of {number!r}",
    "not": lambda _: "a value that does not match",
    "oneOf": lambda schemas: f"exactly one of {counted(len(schemas), 'schema')}",
    "pattern": lambda pattern: f"a text matching {pattern!s}",
    "patternProperties": lambda _: "no such member",
    "prefixItems": lambda _: "no such item",
    "properties": lambda _: "no such member",
    "required": lambda name: f"the member {shown(name)}",
    "type": lambda types: types if isinstance(types, str) else " or ".join(map(str, types)),
    "unevaluatedItems": lambda _: "no such item",
    "uniqueItems": lambda _: "items that all differ",
}


def detail(error: ValidationError) -> str:
    """What is wrong, without the value itself where that is long."""
    own = _OWN.get(_keyword(error))
    text = error.message if own is None else own.format(value=_described(error.instance))
    return cut(text, MAX_TEXT)


def expected(error: ValidationError) -> str:
    """What would be right; '' where the sentence has said it all."""
    if error.validator in {"additionalProperties", "unevaluatedProperties"}:
        return _members(error.schema)
    return cut(_alternatives(error) or _plainly(error), MAX_TEXT)


def _alternatives(error: ValidationError) -> str:
    """What the branches of an `anyOf` or `oneOf` ask of this very value, where each asks one simple thing."""
    branches = error.context or ()
    if any(branch.path or _keyword(branch) not in _EXPECTED for branch in branches):
        return ""
    return " or ".join(dict.fromkeys(_plainly(branch) for branch in branches))


def _plainly(error: ValidationError) -> str:
    wording = _EXPECTED.get(_keyword(error))
    return "" if wording is None else wording(error.validator_value)


def _keyword(error: ValidationError) -> str | None:
    """The keyword that failed; None where the schema is `false`."""
    return error.validator if isinstance(error.validator, str) else None


def _members(schema: Any) -> str:
    names = list(schema.get("properties", ())) if isinstance(schema, dict) else []
    return f"only the members {shown(names)}" if names else "no other members"


def _described(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return cut(repr(value), 2 * LONGEST)
