"""`tocsin schemas`: the schemas that are made from code, written beside those that are written by hand.

What is made: `openapi.json`, the settings file (`settings.schema.json`), and of each kind of destination what
its settings and its subscriptions take (`destinations/<kind>.schema.json`). They are kept in the repository
for people and editors; the gateway reads none of them. For those who change the gateway, so `--help` does not
list it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic.json_schema import models_json_schema

import schemas
from gateway.api.resources.description import DescriptionHandlers
from gateway.api.routes import endpoints
from gateway.app import open_gateway
from gateway.cli.screen import say
from gateway.settings import Settings
from gateway.spi.destination import AnyDestination
from gateway.spi.discovery import destinations
from gateway.telemetry.logging import configure

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(schemas.__file__).parent


def write(*, check: bool = False) -> int:
    """Write the generated schemas; with `--check` only say which are not up to date, and exit with 1 then."""
    configure("error", "text")
    made = generated()
    stale = [name for name, text in made.items() if _text_of(FOLDER / name) != text]
    stale += [name for name in _written() if name not in made]
    if check:
        for name in stale:
            say(f"schemas/{name} is not up to date: run `make schemas`")
        return 1 if stale else 0
    for name in stale:
        _replace(FOLDER / name, made.get(name))
        say(f"schemas/{name}")
    return 0


def generated() -> dict[str, str]:
    """Every generated file: its text by its path below `schemas/`."""
    documents: dict[str, Mapping[str, Any]] = {
        "openapi.json": asyncio.run(_openapi()),
        "settings.schema.json": _settings(),
        **{f"destinations/{name}.schema.json": _destination(kind) for name, kind in destinations().items()},
    }
    return {name: json.dumps(made, indent=2, ensure_ascii=False) + "\n" for name, made in documents.items()}


async def _openapi() -> dict[str, Any]:
    """The description that a gateway serves which does not know its public URL."""
    with TemporaryDirectory() as folder:
        gateway = await open_gateway(Settings(data_dir=Path(folder), database=""))
        try:
            described: dict[str, Any] = json.loads(DescriptionHandlers(endpoints(gateway.services), "").text)
        finally:
            await gateway.stop()
    return described


def _settings() -> dict[str, Any]:
    head = _head("settings", "Settings of Tocsin", "The TOML file that TOCSIN_CONFIG names.")
    made = Settings.model_json_schema()
    return head | {key: value for key, value in made.items() if key not in head}


def _destination(kind: type[AnyDestination]) -> dict[str, Any]:
    models, definitions = models_json_schema([(kind.Config, "validation"), (kind.Address, "validation")])
    return _head(f"destinations/{kind.kind}", kind.title, kind.summary) | {
        "type": "object",
        "properties": {
            "params": models[kind.Config, "validation"],
            "attributes": models[kind.Address, "validation"],
        },
        **definitions,
    }


def _head(name: str, title: str, description: str) -> dict[str, Any]:
    id = f"{schemas.ID_PREFIX}{name}.schema"
    return {"$schema": DIALECT, "$id": id, "title": title, "description": description}


def _written() -> Iterator[str]:
    """The generated files that are there, of kinds that are gone too."""
    for path in sorted(FOLDER.rglob("*.json")):
        if schemas.is_generated(path.name):
            yield path.relative_to(FOLDER).as_posix()


def _text_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _replace(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
