"""What a schema must be before it is saved: small, sound, self-contained, and never slow.

Whoever may save schemas may not stop the gateway with one, nor make it fetch anything: the engines take
patterns that double their time with every letter, `$ref` pairs that multiply, and follow remote `$ref`s. So
everything is decided here, once, and the hot path needs no guard.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import orjson

from gateway.domain.errors import Invalid, Problem, pointer_token
from gateway.spi.json_schema import work
from gateway.spi.json_schema.document import (
    DIALECTS,
    LATEST,
    Dialect,
    Document,
    Schema,
    dialect,
    places,
    shipped,
)
from gateway.spi.json_schema.linear import automaton
from gateway.spi.json_schema.linked import linked_meta_schema
from gateway.spi.json_schema.refusal import Refusal
from gateway.spi.json_schema.verdict import CompiledSchema

MAX_SCHEMA_BYTES = 65_536
"""Of the schema as compact JSON."""

MAX_DEPTH = 32
"""Nested objects and arrays, the schema itself included."""

MAX_AUTOMATA = 8 << 20
"""Bytes that the patterns of one schema may take up compiled, all occurrences together."""

MAX_PROBLEMS = 10

CODE = "schema_invalid"

_ROOT_ONLY = ("$id", "$schema")
_DYNAMIC = ("$dynamicRef", "$recursiveRef")
_PROBES: tuple[Any, ...] = (None, True, 0, 0.5, "", "a", [], [0, 0], {}, {"a": {"a": 0}})


def check_schema(schema: object) -> None:
    """Refuse a schema that is none, that could be slow, or that reaches outside.

    Raises Invalid (`schema_invalid`), with pointers into the schema, for: more than MAX_SCHEMA_BYTES or
    MAX_DEPTH; a draft other than 2020-12, 2019-09 and draft-07; anything the draft's meta-schema refuses;
    `$ref` to anything but places in the document and schemas that ship; `$ref` cycles that do not go
    into the value; patterns that need backtracking; more work for one value than `work` allows.
    """
    root = _shape(schema)
    draft = dialect(root)
    if draft is None:
        raise Invalid(CODE, "the draft is not known", pointer="/$schema", expected=_drafts())
    _refuse(_against_meta_schema(draft, root, ""))
    document = Document(root)
    _refuse(list(_in_places(document)))
    _bound(document)
    _try(CompiledSchema.compile(root))


def _drafts() -> str:
    return " or ".join(each.uri for each in DIALECTS)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Invalid(CODE, problems[0].detail, problems=problems[:MAX_PROBLEMS])


def _shape(schema: object) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise Invalid(CODE, "a schema has to be a JSON object", expected="a JSON object")
    waiting: list[tuple[object, int]] = [(schema, 1)]
    number = 1
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Invalid(CODE, "the schema is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        inner = _inner(value)
        number += len(inner)
        if number > MAX_SCHEMA_BYTES:
            raise _too_large()
        waiting += [(each, depth + 1) for each in inner if isinstance(each, dict | list | float)]
    try:
        size = len(orjson.dumps(schema))
    except orjson.JSONEncodeError as problem:
        raise Invalid(
            CODE, "the schema is no JSON value", expected="JSON with integers of 64 bits"
        ) from problem
    if size > MAX_SCHEMA_BYTES:
        raise _too_large()
    return schema


def _inner(value: object) -> list[object]:
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid(CODE, "a number in the schema is not finite", expected="a finite number")
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_large() -> Invalid:
    return Invalid(CODE, "the schema is too large", expected=f"at most {MAX_SCHEMA_BYTES} bytes as JSON")


def _against_meta_schema(draft: Dialect, schema: Schema, at: str) -> list[Problem]:
    named = schema | {"$schema": draft.uri} if isinstance(schema, dict) else schema
    if jsonschema_rs.meta.is_valid(named):
        return []
    found = Refusal(draft, linked_meta_schema(draft)).found(schema, MAX_PROBLEMS, at)
    whole = Problem(CODE, "the schema does not follow its draft", at, draft.uri)
    return [Problem(CODE, each.detail, each.pointer, each.expected) for each in found] or [whole]


def _in_places(document: Document) -> Iterator[Problem]:
    """What is wrong with the subschemas, beyond what the meta-schema sees."""
    targets: set[str] = set()
    for place, schema in places(document.root):
        if isinstance(schema, dict):
            yield from _keywords(place.removeprefix("#"), schema)
            if isinstance(ref := schema.get("$ref"), str):
                yield from _reference(document, place, ref)
                targets.add(document.target(ref, place) or place)
    yield from _patterns(document.root)
    # below a keyword that the draft does not know, the meta-schema has not looked
    for target in sorted(each for each in targets if each.startswith("#")):
        yield from _against_meta_schema(document.dialect, document.places[target], target.removeprefix("#"))


def _keywords(pointer: str, schema: dict[str, Any]) -> Iterator[Problem]:
    for keyword in _ROOT_ONLY if pointer else ():
        if keyword in schema:
            yield Problem(
                CODE, f"{keyword} may stand at the root only", f"{pointer}/{keyword}", "no such member"
            )
    for keyword in _DYNAMIC:
        if keyword in schema:
            detail = f"{keyword} is not taken; within one document $ref does the same"
            yield Problem(CODE, detail, f"{pointer}/{keyword}", "$ref")


def _reference(document: Document, place: str, ref: str) -> Iterator[Problem]:
    here = f"{place.removeprefix('#')}/$ref"
    uri = ref.partition("#")[0]
    if uri and shipped(uri) is None:
        expected = "a place in this document, such as #/$defs/name, or the $id of a schema that ships"
        yield Problem(CODE, "the schema refers to another document, which is never fetched", here, expected)
    elif uri and document.dialect is not LATEST:
        detail = "the schemas that ship can be referred to from 2020-12 only"
        yield Problem(CODE, detail, here, f"$schema {LATEST.uri}")
    elif document.target(ref, place) is None:
        yield Problem(CODE, "the reference points at no schema", here, "a place that holds a schema")


def _patterns(root: dict[str, Any]) -> Iterator[Problem]:
    total = 0
    for pointer, pattern in _all_patterns(root):
        size = automaton(pattern)
        total += size or 0
        if size is None:
            detail = "the pattern cannot be matched in linear time, is too large, or is no regular expression"
            yield Problem(CODE, detail, pointer, "a pattern without look-around and back-references")
        elif total > MAX_AUTOMATA:
            yield Problem(
                CODE, "the patterns up to here are too large together", pointer, "fewer or smaller ones"
            )
            return


def _all_patterns(root: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for place, schema in places(root):
        if isinstance(schema, dict):
            pointer = place.removeprefix("#")
            for name in schema.get("patternProperties") or ():
                yield f"{pointer}/patternProperties/{pointer_token(name)}", name
            if isinstance(pattern := schema.get("pattern"), str):
                yield f"{pointer}/pattern", pattern


def _bound(document: Document) -> None:
    try:
        work.check(document)
    except work.Excess as excess:
        pointer = excess.place.removeprefix("#") if excess.place.startswith("#") else ""
        raise Invalid(CODE, str(excess), pointer=pointer, expected=excess.bound) from None


def _try(compiled: CompiledSchema) -> None:
    """Ask both engines once, so that what they cannot evaluate shows now and not with an event."""
    for probe in _PROBES:
        compiled.problems(probe)
