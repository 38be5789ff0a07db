"""Schemas ready for explaining: copies that print short, in which every reference is a place in one table.

Linked in this way, `jsonschema` has nothing to resolve and nothing to fetch, and no `$schema` inside a
document can make it go on with a validator class other than the bounded one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urljoin

from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

from gateway.spi.json_schema.document import Dialect, Document, Schema, places
from gateway.spi.json_schema.excerpt import short

Table = dict[str, Schema]
"""Schemas by place."""

_DYNAMIC = frozenset({"$dynamicRef", "$recursiveRef"})
"""In a meta-schema these lead back to the meta-schema."""


def linked(document: Document) -> Table:
    """A document and the shipped schemas that it refers to; the document itself is at `#`."""
    return _linked({"": document.root, **document.shipped}, document.target)


@cache
def linked_meta_schema(dialect: Dialect) -> Table:
    """The meta-schema of a draft with its vocabularies; itself at `#`."""
    root = dialect.uri.removesuffix("#")
    own = {
        uri: REGISTRY[uri].contents for uri in REGISTRY if uri == root or uri.startswith(_vocabularies(root))
    }

    def target(ref: str, place: str) -> str:
        uri, _, fragment = urljoin(place.partition("#")[0], ref).partition("#")
        return f"{uri}#{fragment}"

    table = _linked(own, target)
    for schema in table.values():
        if isinstance(schema, dict) and not _DYNAMIC.isdisjoint(schema):
            schema["$ref"] = f"{root}#"
            for keyword in _DYNAMIC:
                schema.pop(keyword, None)
    return table | {"#": table[f"{root}#"]}


def _vocabularies(root: str) -> str:
    return f"{root.removesuffix('/schema')}/meta/"


def _linked(roots: Mapping[str, Any], target: Callable[[str, str], str | None]) -> Table:
    table: Table = {}
    for uri, root in roots.items():
        for place, schema in places(short(root), f"{uri}#"):
            table[place] = schema
            if isinstance(schema, dict):
                schema.pop("$id", None)
                schema.pop("$schema", None)
                if isinstance(ref := schema.get("$ref"), str):
                    schema["$ref"] = target(ref, place)
    return table
