"""What readers of foreign payloads share: strict JSON, lawful attributes, stable ids, the severity of an
outcome.

A format reads its product's names and leaves the rest to this: whatever a payload holds, the event made of
it is lawful, its texts are bounded and printable, and its data is the payload as it came.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.domain.errors import Malformed
from gateway.domain.event import AttributeValue, DataForm, Event
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.syntax import is_timestamp
from gateway.domain.view import Json
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi.cloudevents.lenient import checked, repaired, spaced
from gateway.spi.cloudevents.meaning import MAX_NAME, block, line
from gateway.spi.cloudevents.payload import parsed
from gateway.spi.source_format import Decoded

Members = Mapping[str, Json]


class Body(NamedTuple):
    """A payload: its text as it came, and its members."""

    data: bytes
    members: dict[str, Json]


METHOD, PATH, QUERY, RECEIPT = ":method", ":path", ":query", ":receipt"
"""What `parse` finds among the headers beside those that were sent, as HTTP/2 has its pseudo-headers: the
method, what follows the source's URL (`/fail`), the query, and the receipt. The receipt is the same for
two requests that the sender says are one (`Idempotency-Key`, `webhook-id`), else new for every request."""

MAX_TYPE = 255
"""Characters of an event type and of a subject that is no resource."""

NEVER = "0001-01-01T00:00:00Z"
"""The zero time of Go, which its programs send for no time at all."""

_WHITESPACE = b" \t\r\n"
_LAST_SECOND = 253_402_300_799.0

SEVERITIES: Mapping[Outcome, Severity] = {
    Outcome.OK: Severity.INFO,
    Outcome.STARTED: Severity.INFO,
    Outcome.WARNING: Severity.WARNING,
    Outcome.PARTIAL: Severity.WARNING,
    Outcome.MISSED: Severity.ERROR,
    Outcome.FAILED: Severity.ERROR,
    Outcome.CORRUPT: Severity.CRITICAL,
}
"""How bad an outcome is where the sender does not say it (Ironcore's scale)."""


def read_object(body: bytes) -> Body:
    """A JSON object. Raw control characters in its strings get escaped, because the templates of products
    paste text unescaped. Raises Malformed."""
    text = repaired(body.strip(_WHITESPACE), checked)
    value = parsed(text)
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "this is not a JSON object", expected="a JSON object")
    return Body(text, value)


def event_of(
    vendor: str,
    source: Source | None,
    sent: Body,
    *,
    type: str,
    id: str,
    words: Vocabulary,
    time: str = "",
    subject: str | None = None,
) -> Decoded:
    """An event of JSON data. `vendor` becomes part of its `source`, since types stay the product's own."""
    attributes: dict[str, AttributeValue] = {
        "specversion": "1.0",
        "id": id,
        "source": f"/{vendor}/{source.id}" if source else f"/{vendor}",
        "type": type,
    }
    if subject:
        attributes["subject"] = subject
    if time:
        attributes["time"] = time
    attributes["datacontenttype"] = "application/json"
    return Decoded(Event(attributes, sent.data, DataForm.JSON), words, sent.members)


def unrecognised(product: str, expected: str) -> Malformed:
    """The refusal of a payload that is JSON, but not what the product sends."""
    return Malformed("payload_unrecognised", f"this is not what {product} sends", expected=expected)


def text(members: Members, *names: str) -> str | None:
    """The first of these members that is a text (or a whole number) and not empty, in one line."""
    for name in names:
        value = members.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value and (cleaned := attribute(value)):
            return cleaned
    return None


def prose(members: Members, *names: str) -> str | None:
    """The first of these members that is a text and not empty, with its lines."""
    for name in names:
        value = members.get(name)
        if isinstance(value, str) and (cleaned := block(value)):
            return cleaned
    return None


def attribute(value: str, limit: int = MAX_NAME) -> str:
    """A text as an attribute may hold it: one line, bounded, without forbidden characters."""
    return line(spaced(value[: 2 * limit]) if not value.isprintable() else value, limit)


def rows(value: Json) -> list[Members]:
    """The objects in a list; [] where it is none."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def inner(members: Members, name: str) -> Members:
    """A member that is an object; {} where it is none."""
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def folded(members: Members) -> Members:
    """The members by lower-case name: Go programs write them as their structs do, unless told otherwise."""
    return {name.lower(): value for name, value in members.items()}


def pointed(value: Json, pointer: str) -> Json:
    """The value that a JSON pointer leads to (RFC 6901); None where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 7:
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None
    return value


def moment(value: Json) -> str:
    """A time as RFC 3339 of it: a timestamp, or seconds since the epoch; '' for no time."""
    if isinstance(value, str):
        return value if is_timestamp(value) and not value.startswith(NEVER[:5]) else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if not math.isfinite(value) or not 0 < value <= _LAST_SECOND:
        return ""
    written = datetime.fromtimestamp(value, UTC).isoformat(
        timespec="milliseconds" if value % 1 else "seconds"
    )
    return written.replace("+00:00", "Z")


def fingerprint(*parts: Json) -> str:
    """An id that follows from these parts: the same ones give the same id, any other another."""
    written = "\0".join(f"{type(part).__name__}:{part}" for part in parts)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def digest(data: bytes, *parts: str) -> str:
    """An id that follows from a whole payload."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass") + b"\0" + data).hexdigest()[:32]
