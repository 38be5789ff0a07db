"""Types of members that can be spelled in two ways: durations, and policies that are switched or set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from gateway.domain.duration import EXPECTED, PATTERN, seconds_of


@dataclass(frozen=True, slots=True)
class Seconds:
    """Annotates a float: a number of seconds within bounds, or text such as `5m`."""

    least: float
    most: float

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        number = core_schema.float_schema(ge=self.least, le=self.most, allow_inf_nan=False, strict=True)
        return core_schema.no_info_before_validator_function(_read, number)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "number", "minimum": self.least, "maximum": self.most},
                {"type": "string", "pattern": PATTERN, "maxLength": 60},
            ]
        }


def _read(value: object) -> object:
    if not isinstance(value, str):
        return value
    seconds = seconds_of(value) if len(value) <= 60 else None
    if seconds is None:
        raise ValueError(f"a number of seconds, or {EXPECTED}")
    return seconds


@dataclass(frozen=True, slots=True)
class Switched:
    """Annotates `Model | bool | None`: off, on if there are defaults, unsaid, or as the model says."""

    model: type[BaseModel]
    has_defaults: bool = True

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        inner = handler.generate_schema(self.model)
        return core_schema.no_info_wrap_validator_function(self._read, inner)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        switch: JsonSchemaValue = {"type": "boolean"} if self.has_defaults else {"const": False}
        return {"anyOf": [switch, handler(schema), {"type": "null"}]}

    def _read(self, value: object, inner: Callable[[object], BaseModel]) -> object:
        if value is None or value is False or (value is True and self.has_defaults):
            return value
        if value is True:
            raise ValueError("false, null or an object: there are no defaults to switch on")
        return inner(value)
