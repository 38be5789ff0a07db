"""Fourth station: does the event fit the schemas that its source registered for its type?

A schema in mode reject refuses the request with pointers; one in mode quarantine lets the event be
stored, apart and listed; one in mode flag only has its problems shown beside the event. The hot-path verdict
takes microseconds; words are only made for misfits.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import orjson

from gateway.domain.errors import Invalid, Problem
from gateway.domain.event import DataForm
from gateway.domain.schema import Schema, SchemaMode, SchemaTarget
from gateway.domain.source import Source
from gateway.domain.view import Json, Missing
from gateway.pipeline.decode import allowed
from gateway.spi.json_schema import CompiledSchema
from gateway.spi.source_format import Decoded


@dataclass(frozen=True, slots=True)
class SchemaBinding:
    """A schema that judges events of one source, compiled; `revision` names it with its version."""

    schema: Schema
    compiled: CompiledSchema
    revision: str


class Verdict(NamedTuple):
    """What the schemas said: problems of a quarantined event, which schema revisions judged it, and problems
    that keep it from nothing."""

    problems: tuple[Problem, ...] = ()
    revision: str = ""
    flags: tuple[Problem, ...] = ()


UNJUDGED = Verdict()


def bindings(source: Source, schemas: Iterable[Schema]) -> tuple[SchemaBinding, ...]:
    """The schemas that apply to a source, compiled."""
    return tuple(
        SchemaBinding(
            schema, _compiled(orjson.dumps(dict(schema.document))), f"{schema.id}@{schema.revision}"
        )
        for schema in sorted(schemas, key=lambda row: row.created_at)
        if schema.instance_id == source.instance_id and schema.source_id in (None, source.id)
    )


def validate(
    bound: Sequence[SchemaBinding], decoded: Sequence[Decoded], *, batched: bool
) -> Sequence[Verdict]:
    """A verdict for each event. Raises Invalid when an event misfits a schema in mode reject."""
    if not bound:
        return [UNJUDGED] * len(decoded)
    rejected: list[Problem] = []
    verdicts = []
    for index, one in enumerate(decoded):
        place = f"/{index}" if batched else ""
        verdicts.append(_judge(bound, one, place, rejected))
    if rejected:
        raise Invalid.of(rejected)
    return verdicts


def _judge(bound: Sequence[SchemaBinding], decoded: Decoded, place: str, rejected: list[Problem]) -> Verdict:
    found: dict[SchemaMode, list[Problem]] = {mode: [] for mode in SchemaMode}
    judges = [one for one in bound if allowed(one.schema.event_types, decoded.event.type)]
    for binding in judges:
        instance, pointer = _target(binding.schema.target, decoded)
        if binding.compiled.is_valid(instance):
            continue
        found[binding.schema.mode] += [
            problem.below(place + pointer) for problem in binding.compiled.problems(instance)
        ]
    rejected += found[SchemaMode.REJECT]
    revision = ",".join(one.revision for one in judges)
    return Verdict(tuple(found[SchemaMode.QUARANTINE]), revision, tuple(found[SchemaMode.FLAG]))


def _target(target: SchemaTarget, decoded: Decoded) -> tuple[Json, str]:
    """What a schema looks at. Absent data is judged as null: a schema that demands an object refuses it."""
    if target is SchemaTarget.EVENT:
        return _whole(decoded), ""
    payload = decoded.payload
    return (None if not isinstance(payload, (bool, int, float, str, list, dict)) else payload), "/data"


def _whole(decoded: Decoded) -> Json:
    """The event as an object (CloudEvents JSON format, 3), with numbers as payloads have them."""
    event, payload = decoded.event, decoded.payload
    whole: dict[str, Json] = {**event.attributes}
    match event.form:
        case DataForm.JSON:
            whole["data"] = None if isinstance(payload, Missing) else payload
        case DataForm.TEXT:
            whole["data"] = (event.data or b"").decode()
        case DataForm.BINARY:
            whole["data_base64"] = b64encode(event.data or b"").decode()
    return whole


@lru_cache(maxsize=4096)
def _compiled(document: bytes) -> CompiledSchema:
    return CompiledSchema.compile(json.loads(document))
