"""Where schemas stand inside a schema document, and what a `$ref` in it points at.

A *place* is the absolute address of one (sub)schema: `#` and a JSON pointer for the document itself,
the `$id` of a shipped schema before it for the others. Data below `const`, `enum`, `default` and `examples`
is no place, and neither is a property that happens to be called `$ref`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

import jsonschema_rs
from jsonschema import Draft7Validator, Draft201909Validator, Draft202012Validator
from jsonschema.protocols import Validator

import schemas
from gateway.domain.errors import pointer_token

Schema = dict[str, Any] | bool

ONE = frozenset(
    {
        *("additionalItems", "contains", "items", "unevaluatedItems"),
        *("additionalProperties", "propertyNames", "unevaluatedProperties"),
        *("contentSchema", "else", "if", "not", "then"),
    }
)
LISTS = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
MAPS = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A draft of JSON Schema: its URI, both engines for it, and whether `$ref` silences its siblings."""

    uri: str
    engine: type[jsonschema_rs.Validator]
    reference: type[Validator]
    ref_stands_alone: bool = False


LATEST = Dialect(
    "https://json-schema.org/draft/2020-12/schema", jsonschema_rs.Draft202012Validator, Draft202012Validator
)
DIALECTS = (
    LATEST,
    Dialect(
        "https://json-schema.org/draft/2019-09/schema",
        jsonschema_rs.Draft201909Validator,
        Draft201909Validator,
    ),
    Dialect("http://json-schema.org/draft-07/schema#", jsonschema_rs.Draft7Validator, Draft7Validator, True),
)


class Child(NamedTuple):
    """A schema directly below another: the keyword, the name or index below it (None where there is none)."""

    keyword: str
    key: str | int | None
    schema: Schema


def dialect(root: dict[str, Any]) -> Dialect | None:
    """The draft that `$schema` names, 2020-12 where it is absent; None for any other."""
    named = root.get("$schema", LATEST.uri)
    return next((each for each in DIALECTS if _plain(each.uri) == _plain(str(named))), None)


def _plain(uri: str) -> str:
    return uri.removesuffix("#").partition("://")[2]


def children(schema: dict[str, Any]) -> Iterator[Child]:
    """The schemas directly below, of every draft; values that are no schema are passed over."""
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, dict):
            yield from (Child(keyword, key, sub) for key, sub in value.items() if _is_schema(sub))
        elif keyword in LISTS and isinstance(value, list):
            yield from (Child(keyword, index, sub) for index, sub in enumerate(value) if _is_schema(sub))
        elif keyword in ONE and _is_schema(value):
            yield Child(keyword, None, value)


def _is_schema(value: object) -> bool:
    return isinstance(value, dict | bool)


def below(place: str, child: Child) -> str:
    """The place of a child of the schema at `place`."""
    pointer = f"{place}/{pointer_token(child.keyword)}"
    return pointer if child.key is None else f"{pointer}/{pointer_token(str(child.key))}"


def places(root: Schema, place: str = "#") -> Iterator[tuple[str, Schema]]:
    """Every schema of a document with its place, itself first."""
    waiting = [(place, root)]
    while waiting:
        here, schema = waiting.pop()
        yield here, schema
        if isinstance(schema, dict):
            waiting += [(below(here, child), child.schema) for child in children(schema)]


def shipped(uri: str) -> dict[str, Any] | None:
    """The shipped schema of that `$id`, or None."""
    name = uri.removeprefix(schemas.ID_PREFIX)
    if name == uri or name not in schemas.names():
        return None
    return schemas.load(name)


class Document:
    """A schema document together with the shipped schemas that it refers to, by place."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.dialect = dialect(root) or LATEST
        self.places: dict[str, Schema] = {}
        self.shipped: dict[str, dict[str, Any]] = {}
        self._anchors: dict[str, str] = {}
        self._add("", root)

    def target(self, ref: str, place: str) -> str | None:
        """The place that a `$ref` standing at `place` points at; None where it points at nothing known."""
        uri, _, fragment = ref.partition("#")
        address = f"{uri or place.partition('#')[0]}#{unquote(fragment)}"
        return address if address in self.places else self._anchors.get(address)

    def _add(self, uri: str, root: dict[str, Any]) -> None:
        for place, schema in places(root, f"{uri}#"):
            self.places[place] = schema
            if isinstance(schema, dict):
                if isinstance(anchor := schema.get("$anchor"), str):
                    self._anchors[f"{uri}#{anchor}"] = place
                self._follow(schema.get("$ref"))

    def _follow(self, ref: object) -> None:
        uri = ref.partition("#")[0] if isinstance(ref, str) else ""
        if uri not in self.shipped and (found := shipped(uri)) is not None:
            self.shipped[uri] = found
            self._add(uri, found)
