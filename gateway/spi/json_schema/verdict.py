"""The verdict on one value: valid or not by jsonschema-rs, and why not by `refusal`."""

from __future__ import annotations

from typing import Any, NoReturn

import jsonschema_rs

from gateway.domain.errors import Invalid, Problem
from gateway.spi.json_schema.document import Document
from gateway.spi.json_schema.linear import PATTERNS
from gateway.spi.json_schema.linked import linked
from gateway.spi.json_schema.refusal import Refusal


class CompiledSchema:
    """A schema ready to judge values.

    Give it schemas that `check_schema` has passed, or that ship: what a value may cost is bounded there.
    Values are what a strict JSON decoder makes, at most 64 levels deep.
    """

    __slots__ = ("_document", "_engine", "_refusal")

    def __init__(self, document: Document, engine: jsonschema_rs.Validator) -> None:
        self._document = document
        self._engine = engine
        self._refusal: Refusal | None = None

    @classmethod
    def compile(cls, schema: dict[str, Any]) -> CompiledSchema:
        """Compile for the draft that `$schema` names (2020-12 by default).

        Raises Invalid (`schema_invalid`) where the engine cannot compile it; a checked schema never does.
        """
        document = Document(schema)
        try:
            return cls(document, _engine(document))
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
            raise Invalid("schema_invalid", "the schema cannot be compiled") from problem

    def is_valid(self, instance: Any) -> bool:
        """The verdict, about a microsecond."""
        try:
            return self._engine.is_valid(instance)
        except ValueError:  # an unpaired surrogate, or no JSON value at all
            return False

    def problems(self, instance: Any, limit: int = 10, at: str = "") -> tuple[Problem, ...]:
        """What is wrong with a value, at most `limit` problems, none exactly when it is valid.

        Pointers begin with `at`, the place of the value in the request. Bounded in time and size: where a
        full explanation would be too long, it ends early or names only the value as a whole.
        """
        if self.is_valid(instance):
            return ()
        if self._refusal is None:
            self._refusal = Refusal(self._document.dialect, linked(self._document))
        return self._refusal.problems(instance, limit, at)


def _engine(document: Document) -> jsonschema_rs.Validator:
    root = {name: value for name, value in document.root.items() if name not in {"$schema", "$id"}}
    registry = jsonschema_rs.Registry(list(document.shipped.items()), retriever=_never)
    return document.dialect.engine(
        root, validate_formats=True, retriever=_never, registry=registry, pattern_options=PATTERNS
    )


def _never(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not fetched")
