"""The laws that the context attributes of an event have to keep (CloudEvents 1.0, Context Attributes).

One function judges a whole set: a lawful set costs about a microsecond, an unlawful one is told every
law it breaks. Which characters and names are legal is in `gateway.domain.event`, the grammars of URIs,
timestamps and media types in `gateway.domain.syntax`, the wire forms in `gateway.spi.cloudevents`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from gateway.domain.errors import Problem, pointer_token
from gateway.domain.event import (
    INTEGER_MAX,
    INTEGER_MIN,
    NON_EMPTY,
    REQUIRED,
    forbidden_character,
    is_attribute_name,
)
from gateway.domain.syntax import is_absolute_uri, is_media_type, is_timestamp, is_uri_reference

SPECVERSION = "1.0"
MAX_PROBLEMS = 32
"""How many problems of one event are told: a hostile event must not turn into a large answer."""

_STRINGS = NON_EMPTY | {"time"}
_name_characters = re.compile(r"[a-z0-9]++").fullmatch
_GRAMMARS: dict[str, tuple[Callable[[str], bool], str, str, str]] = {
    "specversion": (
        lambda text: text == SPECVERSION,
        "specversion_unsupported",
        "is not a version that is understood here",
        f'"{SPECVERSION}"',
    ),
    "source": (
        is_uri_reference,
        "uri_reference_invalid",
        "is not a URI-reference",
        "a URI-reference of RFC 3986, other characters percent-encoded",
    ),
    "dataschema": (
        is_absolute_uri,
        "uri_invalid",
        "is not an absolute URI",
        "an absolute URI of RFC 3986, 4.3: with a scheme, without a fragment",
    ),
    "time": (
        is_timestamp,
        "timestamp_invalid",
        "is not a timestamp of RFC 3339",
        "a date-time with seconds and offset, as 2026-07-28T10:11:12Z",
    ),
    "datacontenttype": (
        is_media_type,
        "media_type_invalid",
        "is not a media type",
        "type/subtype with optional parameters, as application/json",
    ),
}
_KINDS = {dict: "an object", list: "an array", float: "a number with fraction or exponent", bool: "a boolean"}


def violations(attributes: Mapping[str, object], *, plain: bool = False) -> list[Problem]:
    """Every law that these attributes break, at most MAX_PROBLEMS; [] means they are lawful.

    Values are what a format decodes to, of any Python type; null ones have to be left out before.
    With `plain` the caller vouches that every value is a string of printable ASCII, a boolean or an
    integer in range. Each problem's pointer names the attribute as a member of the event's object.
    """
    if _are_lawful(attributes, plain):
        return []
    return list(islice(_every_violation(attributes), MAX_PROBLEMS))


def pointer(name: str) -> str:
    """The JSON pointer (RFC 6901) to a top-level member; a name beyond 64 characters is cut short."""
    return "/" + pointer_token(_shown(name))


def _are_lawful(attributes: Mapping[str, Any], plain: bool) -> bool:
    """Whether all laws hold, judged over all names and values at once: the hot path of the gateway."""
    return (
        _name_characters("".join(attributes)) is not None
        and "" not in attributes
        and "data" not in attributes
        and (plain or _values_hold(attributes))
        and _core_attributes_hold(attributes.get)
    )


def _values_hold(attributes: Mapping[str, Any]) -> bool:
    try:
        text = "".join(attributes.values())
    except TypeError:
        if not all(map(_is_scalar, attributes.values())):
            return False
        text = "".join([value for value in attributes.values() if type(value) is str])
    return forbidden_character(text) is None


def _core_attributes_hold(get: Callable[[str], Any]) -> bool:
    """The laws of single attributes, once every value is known to be a scalar of legal characters."""
    identity, source, kind, subject = get("id"), get("source"), get("type"), get("subject")
    time, schema, content = get("time"), get("dataschema"), get("datacontenttype")
    return bool(
        get("specversion") == SPECVERSION
        and identity
        and type(identity) is str
        and kind
        and type(kind) is str
        and source
        and type(source) is str
        and is_uri_reference(source)
        and (subject is None or (type(subject) is str and subject))
        and (time is None or (type(time) is str and is_timestamp(time)))
        and (schema is None or (type(schema) is str and is_absolute_uri(schema)))
        and (
            content is None
            or content == "application/json"
            or (type(content) is str and is_media_type(content))
        )
    )


def _is_scalar(value: object) -> bool:
    """A value of one of the types of CloudEvents 1.0, Type System, as Python holds them here."""
    if type(value) is int:
        return INTEGER_MIN <= value <= INTEGER_MAX
    return type(value) is str or type(value) is bool


def _every_violation(attributes: Mapping[str, object]) -> Iterator[Problem]:
    for name in REQUIRED:
        if name not in attributes:
            yield Problem(
                "attribute_missing",
                f"the required attribute `{name}` is missing",
                pointer(name),
                "a non-empty string",
            )
    for name, value in attributes.items():
        problem = _name_violation(name) or _value_violation(name, value)
        if problem:
            yield problem


def _name_violation(name: str) -> Problem | None:
    if is_attribute_name(name):
        return None
    return Problem(
        "attribute_name_invalid",
        f"`{_shown(name)}` is not the name of an attribute",
        pointer(name),
        "lower-case ASCII letters and digits, and not `data`",
    )


def _value_violation(name: str, value: object) -> Problem | None:
    if isinstance(value, str):
        return _text_violation(name, value)
    if name in _STRINGS:
        return _type_violation(name, value, "a string")
    return None if _is_scalar(value) else _type_violation(name, value, "a string, a boolean or an integer")


def _text_violation(name: str, value: str) -> Problem | None:
    if value == "" and name in NON_EMPTY:
        return Problem("attribute_empty", f"`{name}` is empty", pointer(name), "a non-empty string")
    character = forbidden_character(value)
    if character is None:
        return _grammar_violation(name, value)
    return Problem(
        "character_forbidden",
        f"`{name}` holds U+{ord(character):04X} at character {value.index(character)}",
        pointer(name),
        "no control characters, noncharacters or unpaired surrogates",
    )


def _type_violation(name: str, value: object, expected: str) -> Problem:
    if type(value) is int and not INTEGER_MIN <= value <= INTEGER_MAX:
        return Problem(
            "integer_out_of_range",
            f"`{name}` is beyond 32 bits",
            pointer(name),
            f"an integer from {INTEGER_MIN} to {INTEGER_MAX}; a larger one as a string",
        )
    kind = _KINDS.get(type(value), "a number" if isinstance(value, int) else "of another type")
    return Problem("attribute_type_invalid", f"`{name}` is {kind}", pointer(name), expected)


def _grammar_violation(name: str, value: str) -> Problem | None:
    if name not in _GRAMMARS:
        return None
    holds, code, detail, expected = _GRAMMARS[name]
    return None if holds(value) else Problem(code, f"`{name}` {detail}", pointer(name), expected)


def _shown(name: str) -> str:
    """A name from outside, bounded, for people to read."""
    return name if len(name) <= 64 else name[:64] + "…"
