"""The data of an event as a value, for rules, schemas and templates: parsed when needed, once."""

from __future__ import annotations

import json
import math
import sys
from typing import cast

import orjson

from gateway.domain.errors import Malformed
from gateway.domain.event import DataForm, Event
from gateway.domain.syntax import is_json_type
from gateway.domain.view import MISSING, Json, Missing
from gateway.spi.cloudevents.json_text import check_value

_LONGEST_INTEGER = len("-9223372036854775808")


def payload(event: Event) -> Json | Missing:
    """The parsed data, or MISSING where it is absent or not JSON; an explicit JSON null is None.

    Binary data counts as JSON where the event says so and it is. Integers beyond 64 bits become floats,
    numbers beyond a float's range its largest value; of repeated members of an object the last counts.
    """
    if event.data is None:
        return MISSING
    if event.form is DataForm.JSON:
        return parsed(event.data)
    if event.form is DataForm.BINARY and is_json_type(event.text("datacontenttype") or ""):
        return parsed(event.data) if _is_json(event.data) else MISSING
    return MISSING


def _is_json(data: bytes) -> bool:
    try:
        check_value(data)
    except Malformed:
        return False
    return True


def parsed(data: bytes) -> Json:
    """The value of well-formed JSON text."""
    try:
        return cast(Json, orjson.loads(data))
    except orjson.JSONDecodeError:  # well-formed, so a number is out of range
        return cast(Json, json.loads(data, parse_float=_bounded, parse_int=_bounded_integer))


def _bounded(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else math.copysign(sys.float_info.max, value)


def _bounded_integer(text: str) -> int | float:
    value = int(text) if len(text) <= _LONGEST_INTEGER else _bounded(text)
    return value if -(2**63) <= value < 2**64 else float(value)
