"""JSON Schemas and tables as data, and the one function that reads them.

What ships: `cloudevents/` (the envelope), `events/` (events by type, those of a product below its format),
`sources/` (foreign request bodies by format), `reasons/` (tables of failure reasons), `templates/` (of
messages), `presets/` (topics, subscriptions and monitors for a product; their shape is `preset`). A schema's
`$id` is ID_PREFIX and its name, so that a schema may `$ref` another by `$id`; nothing is ever fetched.
Checking schemas, and checking by them, live in `gateway.spi.json_schema`, not here.

Beside them stand schemas that are generated from code (`make schemas`) for people and editors: `openapi.json`
and `*.schema.json`. Nothing in the gateway reads those, so they have no names here.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

ID_PREFIX = "urn:tocsin:schemas/"

_SUFFIX = ".json"
_GENERATED = ("openapi.json", ".schema.json")


@cache
def names() -> tuple[str, ...]:
    """The names of everything that ships, sorted, such as `cloudevents/cloudevents`."""
    return tuple(sorted(_names_below(files(__name__), "")))


@cache
def load(name: str) -> dict[str, Any]:
    """One document by its name. It is shared, so callers leave it as it is.

    Raises LookupError for a name that is not in `names()`, whatever files there may be.
    """
    if name not in names():
        raise LookupError(f"no schema or table named {name!r} ships with Tocsin")
    document: dict[str, Any] = json.loads(files(__name__).joinpath(name + _SUFFIX).read_bytes())
    return document


def is_generated(file_name: str) -> bool:
    """Whether a file of that name is made from code."""
    return file_name.endswith(_GENERATED)


def _names_below(folder: Traversable, prefix: str) -> list[str]:
    found: list[str] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _names_below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX) and not is_generated(entry.name):
            found.append(prefix + entry.name.removesuffix(_SUFFIX))
    return found
