"""`tocsin schema`: what events must look like. A JSON Schema bound to event types."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from gateway.cli.lookup import id_of, path_of
from gateway.cli.nouns.common import USUAL, Common, Name, Named, NewName, add_usual_verbs, given, noun_app
from gateway.cli.screen import show_one
from gateway.domain.errors import ConfigurationError

PLURAL = "schemas"

app = noun_app("schema", "What events must look like: JSON Schemas bound to event types.")
add_usual_verbs(app, PLURAL, ("name", "id", "event_types", "source_id", "target", "mode"))

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
        Literal["reject", "quarantine"] | None,
        Parameter(help="Events that do not fit are refused with 422, unless said, or stored apart."),
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
        schema=_document(file),
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
    document = _document(file) if file else None
    body = given(name=name, event_types=types, schema=document, **vars(judgement))
    show_one(client.call("PATCH", path_of(client, PLURAL, schema), body=body), common.output)


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"--file: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"--file: {path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"--file: {path} must hold a JSON object")
    return found
