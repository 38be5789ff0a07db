"""One event in binary mode (CloudEvents HTTP Protocol Binding 1.0.2, 3.1): headers and body.

The binding has no types, so every attribute is a string here. What it leaves open is decided so: a `%`
that begins no escape stands for itself, raw UTF-8 in a value is taken, other raw bytes are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from gateway.domain.attributes import pointer, violations
from gateway.domain.errors import Malformed, Problem
from gateway.domain.event import DataForm, Event
from gateway.domain.syntax import is_json_type, is_text_type
from gateway.spi.cloudevents.json_text import check_value

Headers = Sequence[tuple[bytes, bytes]]

_is_bare = re.compile(rb"[ !#$&-~]*+").fullmatch
_quoted_string = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL).fullmatch
_escapes = re.compile(rb"\\(.)", re.DOTALL)


def decode(headers: Headers, body: bytes) -> Event:
    """Read one event from raw header bytes and the body; an empty body is absent data.

    Raises Malformed with every problem found; they have no pointer, since headers are not in the body.
    """
    attributes, problems = _attributes(headers)
    try:
        form = _form(attributes.get("datacontenttype"), body)
    except Malformed as refusal:
        raise Malformed.of([*problems, *map(_in_body, refusal.problems)]) from None
    if problems:
        raise Malformed.of(problems)
    return Event(attributes, None if form is DataForm.NONE else body, form)


def has_attributes(headers: Headers) -> bool:
    """Whether any header is one of an event in binary mode."""
    return any(name[:3].lower() == b"ce-" for name, _ in headers)


def _attributes(headers: Headers) -> tuple[dict[str, str], list[Problem]]:
    """All attributes as strings, and everything that is wrong with them or with their headers."""
    raw, problems = _raw_values(headers)
    if not problems and raw.keys() <= {"datacontenttype"}:
        raise _missing()
    content = raw.pop("datacontenttype", None)
    attributes = _bare_values(raw)
    bare = attributes is not None
    if attributes is None:
        attributes, unreadable = _encoded_values(raw)
        problems += unreadable
    if content is not None:
        attributes["datacontenttype"] = content.decode("latin-1")
    broken = violations(attributes, plain=bare)
    told = {problem.pointer for problem in problems}
    problems += [problem for problem in broken if problem.pointer not in told]
    return attributes, [_in_header(problem) for problem in problems]


def _raw_values(headers: Headers) -> tuple[dict[str, bytes], list[Problem]]:
    """The values as sent, by attribute, and what is wrong with the headers, by the attribute's pointer."""
    found: dict[str, bytes] = {}
    problems: list[Problem] = []
    for header, value in headers:
        if header[:3].lower() == b"ce-":
            name = header[3:].lower().decode("latin-1")
            if name in found or name == "datacontenttype":
                problems.append(_unwelcome(name))
            else:
                found[name] = value
        elif len(header) == 12 and header.lower() == b"content-type":
            if "datacontenttype" in found:
                problems.append(_repeated("datacontenttype"))
            found["datacontenttype"] = value.strip(b" \t")
    return found, problems


def _bare_values(raw: dict[str, bytes]) -> dict[str, str] | None:
    """All values at once, if none holds a space, a quote, a percent sign or more than printable ASCII."""
    text = b" ".join(raw.values())
    if not _is_bare(text):
        return None
    values = text.decode().split(" ")
    return dict(zip(raw, values, strict=True)) if len(values) == len(raw) else None


def _encoded_values(raw: dict[str, bytes]) -> tuple[dict[str, str], list[Problem]]:
    attributes: dict[str, str] = {}
    problems: list[Problem] = []
    for name, value in raw.items():
        try:
            attributes[name] = _value(value)
        except UnicodeDecodeError:
            attributes[name] = ""
            problems.append(_not_utf8(name))
    return attributes, problems


def _value(value: bytes) -> str:
    """A header value decoded (3.1.3.2): quotes and backslashes off, one round of percent-decoding, UTF-8."""
    value = value.strip(b" \t")
    if value.startswith(b'"') and (quoted := _quoted_string(value)):
        value = _escapes.sub(rb"\1", quoted[1])
    if b"%" in value:
        value = unquote_to_bytes(value)
    return value.decode()


def _form(content: str | None, body: bytes) -> DataForm:
    """What the body is, by its content type; none means bytes, for only the JSON format implies JSON."""
    if not body:
        return DataForm.NONE
    if content is None:
        return DataForm.BINARY
    if is_json_type(content):
        check_value(body)
        return DataForm.JSON
    return DataForm.TEXT if is_text_type(content) and _is_utf8(body) else DataForm.BINARY


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _missing() -> Malformed:
    return Malformed(
        "cloudevent_missing",
        "this is not a CloudEvent: it has no ce- headers, and not the Content-Type of an event",
        expected="ce-specversion, ce-id, ce-source, ce-type; or Content-Type: application/cloudevents+json",
    )


def _unwelcome(name: str) -> Problem:
    if name != "datacontenttype":
        return _repeated(name)
    expected = "Content-Type in its place (HTTP binding, 3.1.1)"
    return Problem("datacontenttype_header", "this header must not be there", pointer(name), expected)


def _repeated(name: str) -> Problem:
    return Problem("header_repeated", "it occurs more than once", pointer(name), "every header once")


def _not_utf8(name: str) -> Problem:
    return Problem("header_not_utf8", "it does not decode to UTF-8", pointer(name), "percent-encoded UTF-8")


def _in_header(problem: Problem) -> Problem:
    name = problem.pointer.removeprefix("/")
    header = f"ce-{name}"
    if name == "datacontenttype" and problem.code != "datacontenttype_header":
        header = "Content-Type"
    return Problem(problem.code, f"header {header}: {problem.detail}", "", problem.expected)


def _in_body(problem: Problem) -> Problem:
    return Problem(problem.code, f"body, JSON by Content-Type: {problem.detail}", "", problem.expected)
