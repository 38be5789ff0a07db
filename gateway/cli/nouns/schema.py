"""`tocsin schema`: what events must look like. A JSON Schema bound to event types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

import schemas
from gateway.cli.json_file import read_json, read_json_object
from gateway.cli.lookup import id_of, path_of
from gateway.cli.nouns.common import USUAL, Common, Name, Named, NewName, add_usual_verbs, given, noun_app
from gateway.cli.screen import Format, console, show_json, show_one, show_rows
from gateway.domain.errors import Problem
from gateway.spi.json_schema import CompiledSchema, check_schema

PLURAL = "schemas"

app = noun_app("schema", "What events must look like: JSON Schemas bound to event types.")
add_usual_verbs(app, PLURAL, ("name", "id", "event_types", "source_id", "target", "mode", "revision"))

TYPE = Parameter(name="--type", help="An event type, `x.*` is a prefix; repeatable.", negative=())
FILE = Parameter(name="--file", help="The JSON Schema.")
ONE_SOURCE = Parameter(help="Only events of this source, by name or id.")
SourceName: TypeAlias = Annotated[str | None, ONE_SOURCE]


@Parameter(name="*")
@dataclass(frozen=True)
class Judgement:
    """What is judged, and what then happens."""

    target: Annotated[
        Literal["data", "event"] | None,
        Parameter(help="What it describes: the data, unless said, or the whole event."),
    ] = None
    mode: Annotated[
        Literal["reject", "quarantine", "flag"] | None,
        Parameter(help="Events that do not fit are refused with 422, unless said, stored apart, or shown."),
    ] = None


UNSAID = Judgement()


@app.command(sort_key=3)
def create(
    *,
    name: Name,
    types: Annotated[list[str], TYPE],
    file: Annotated[Path, FILE],
    source: SourceName = None,
    judgement: Judgement = UNSAID,
    common: Common = USUAL,
) -> None:
    """Bind a schema to event types."""
    client = common.client
    body = given(
        name=name,
        event_types=types,
        schema=read_json_object(file, "--file"),
        source_id=id_of(client, "sources", source) if source else None,
        **vars(judgement),
    )
    show_one(client.post(PLURAL, body), common.output)


@app.command(sort_key=4)
def update(
    schema: Named,
    /,
    *,
    name: NewName = None,
    types: Annotated[list[str] | None, TYPE] = None,
    file: Annotated[Path | None, FILE] = None,
    judgement: Judgement = UNSAID,
    common: Common = USUAL,
) -> None:
    """Change a schema; what is not given stays."""
    client = common.client
    document = read_json_object(file, "--file") if file else None
    body = given(name=name, event_types=types, schema=document, **vars(judgement))
    show_one(client.call("PATCH", path_of(client, PLURAL, schema), body=body), common.output)


@app.command(sort_key=5)
def check(
    schema: Annotated[str, Parameter(help="A file, or the name of one that ships: sources/kymaros.")],
    event: Annotated[Path, Parameter(help="A file of JSON, an event or its data; - is standard input.")],
    /,
    *,
    target: Annotated[
        Literal["data", "event"] | None,
        Parameter(help="Judge the data of a CloudEvent, unless said, or the whole of it."),
    ] = None,
    output: Format = "table",
) -> None:
    """Judge an event by a schema, here and now: no gateway is asked. Exits with 1 if it does not fit."""
    document = _schema(schema)
    check_schema(document)
    judged, at = _judged(read_json(event, "EVENT"), target)
    problems = CompiledSchema.compile(document).problems(judged, at=at)
    told = [_told(one) for one in problems]
    if output == "json":
        show_json({"fits": not told, "problems": told})
    elif told:
        show_rows(told, ("pointer", "detail", "expected"), output)
    else:
        console().print("It fits.")
    if problems:
        raise SystemExit(1)


def _schema(named: str) -> dict[str, Any]:
    if named in schemas.names() and not Path(named).exists():
        return schemas.load(named)
    return read_json_object(Path(named), "SCHEMA")


def _judged(event: object, target: str | None) -> tuple[object, str]:
    """What is judged, and where it stands. What is no CloudEvent is data by itself."""
    if target == "event" or not (isinstance(event, dict) and "specversion" in event):
        return event, ""
    return event.get("data"), "/data"


def _told(problem: Problem) -> dict[str, str]:
    return {"pointer": problem.pointer, "detail": problem.detail, "expected": problem.expected}
