"""`tocsin template`: how messages look."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter
from rich.text import Text

from gateway.cli.client import segment
from gateway.cli.json_file import read_json_object
from gateway.cli.lookup import PREDEFINED, id_of, path_of
from gateway.cli.nouns.common import (
    USUAL,
    Common,
    Description,
    Name,
    Named,
    NewName,
    add_usual_verbs,
    given,
    noun_app,
)
from gateway.cli.screen import console, safe, show_one, show_rows
from gateway.domain.errors import ConfigurationError

PLURAL = "templates"

app = noun_app("template", "How messages look, in the dialect of docs/templates.md.")


def _shown(row: dict[str, Any], output: str) -> None:
    """A template, its body as it was written and not in base64."""
    if output == "json":
        show_one(row, output)
        return
    params = dict(row["params"])
    body = base64.b64decode(params.pop("body", "")).decode("utf-8", "replace")
    show_one({**row, "params": params}, output)
    console().print(Text(f"\n{safe(body)}"), soft_wrap=True)


add_usual_verbs(app, PLURAL, ("name", "id", "type", "subscription_count"), _shown)

Type: TypeAlias = Annotated[
    str | None, Parameter(help="Kind of destination and purpose: slack.notification.")
]
PresetName: TypeAlias = Annotated[
    str | None, Parameter(help="Begin with one that `tocsin template presets` lists.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Texts:
    """The parts of a template."""

    file: Annotated[Path | None, Parameter(help="The body.")] = None
    subject: Annotated[str | None, Parameter(help="Mail: the subject.")] = None
    text_file: Annotated[Path | None, Parameter(help="Mail: plain text beside an HTML body.")] = None
    title: Annotated[str | None, Parameter(help="Chats: the title.")] = None
    format: Annotated[
        Literal["text", "html", "json", "slack", "telegram", "markdown"] | None,
        Parameter(help="What the body writes; told by its look, unless said."),
    ] = None


NO_TEXTS = Texts()


@app.command(sort_key=3)
def create(
    *,
    name: Name,
    type: Type = None,
    preset: PresetName = None,
    texts: Texts = NO_TEXTS,
    description: Description = None,
    common: Common = USUAL,
) -> None:
    """Create a template, of a file or of a preset."""
    client = common.client
    begun = client.get(f"{PREDEFINED}/{segment(preset)}") if preset else {}
    params = _params(texts, begun.get("params", {}))
    body = given(name=name, type=type or begun.get("type"), params=params, description=description)
    _shown(client.post(PLURAL, body), common.output)


@app.command(sort_key=4)
def update(
    template: Named,
    /,
    *,
    name: NewName = None,
    texts: Texts = NO_TEXTS,
    description: Description = None,
    common: Common = USUAL,
) -> None:
    """Change a template; what is not given stays."""
    client = common.client
    path = path_of(client, PLURAL, template)
    params = _params(texts, client.get(path)["params"]) if texts != NO_TEXTS else None
    body = given(name=name, description=description, params=params)
    _shown(client.call("PUT", path, body=body), common.output)


@app.command(sort_key=5)
def preview(
    template: Annotated[str | None, Parameter(help="Its name, or its id.")] = None,
    /,
    *,
    preset: PresetName = None,
    type: Type = None,
    texts: Texts = NO_TEXTS,
    event: Annotated[str | None, Parameter(help="The id of an event that was received.")] = None,
    event_file: Annotated[Path | None, Parameter(help="A CloudEvent in JSON.")] = None,
    common: Common = USUAL,
) -> None:
    """Show what a template makes of an event, a sample unless one is named; nothing is sent."""
    client = common.client
    body = given(
        template_id=id_of(client, PLURAL, template) if template else None,
        preset=preset,
        type=type,
        params=_params(texts, {}) if texts != NO_TEXTS else None,
        event_id=event,
        event=read_json_object(event_file, "--event-file") if event_file else None,
    )
    made = client.post(f"{PLURAL}/preview", body)
    if common.output == "json":
        show_one(made, common.output)
    else:
        _show_parts(made["parts"])


@app.command(sort_key=7)
def presets(*, common: Common = USUAL) -> None:
    """List the templates that ship with Tocsin."""
    rows = common.client.get(PREDEFINED, limit=100)["templates"]
    show_rows(rows, ("id", "type", "description"), common.output)


def _show_parts(parts: dict[str, str]) -> None:
    for name, text in parts.items():
        shown = f"{name}: {text}" if name in {"subject", "title"} else text
        console().print(Text(safe(shown)), soft_wrap=True)


def _params(texts: Texts, known: dict[str, Any]) -> dict[str, Any]:
    body = base64.b64encode(_read("--file", texts.file).encode()).decode() if texts.file else None
    plain = _read("--text-file", texts.text_file) if texts.text_file else None
    return {
        **known,
        **given(body=body, subject=texts.subject, text=plain, title=texts.title, format=texts.format),
    }


def _read(option: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{option}: {path} cannot be read: {error}") from None
