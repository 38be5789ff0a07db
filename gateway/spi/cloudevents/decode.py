"""The way in: which content mode a message is in, and the events it holds (HTTP Protocol Binding 1.0.2, 3).

The Content-Type alone decides. Codes of refusals, besides those of the attributes' laws:

    415  event_format_unsupported, charset_unsupported
    413  batch_too_large
    400  cloudevent_missing, header_repeated, header_not_utf8, datacontenttype_header,
         body_empty, byte_order_mark, not_utf8, json_malformed, json_too_deep, not_an_object, not_an_array,
         member_repeated, data_and_data_base64, data_base64_invalid, data_not_text
"""

from __future__ import annotations

from enum import StrEnum

from gateway.domain.errors import Malformed, UnsupportedMedia
from gateway.domain.event import Event
from gateway.domain.syntax import charset
from gateway.spi.cloudevents import batch, binary, structured
from gateway.spi.cloudevents.batch import MAX_EVENTS
from gateway.spi.cloudevents.binary import Headers

_CLOUDEVENTS = b"application/cloudevents"


class Mode(StrEnum):
    """The content modes of the HTTP binding."""

    STRUCTURED = "structured"
    BINARY = "binary"
    BATCHED = "batched"


def decode(headers: Headers, body: bytes, *, max_events: int = MAX_EVENTS) -> tuple[list[Event], bool]:
    """Read one HTTP message from its header fields, as raw bytes, and its whole body.

    Returns its events in their order, and whether it was a batch; if not, there is exactly one event.
    Raises Malformed (400), TooLarge (413, more than `max_events`) or UnsupportedMedia (415), with every
    problem found; nothing else, whatever the input.
    """
    match mode(headers):
        case Mode.STRUCTURED:
            return [structured.decode(body)], False
        case Mode.BATCHED:
            return batch.decode(body, max_events=max_events), True
        case Mode.BINARY:
            return [binary.decode(headers, body)], False


def mode(headers: Headers) -> Mode:
    """The content mode of a message. Raises UnsupportedMedia for an event format other than JSON.

    A message in such a format that also has ce- headers is taken as binary, as the binding allows.
    """
    content_type = _content_type(headers)
    if content_type == b"application/cloudevents+json":
        return Mode.STRUCTURED
    if not content_type.startswith(_CLOUDEVENTS):
        return Mode.BINARY
    essence, _, parameters = content_type.partition(b";")
    match essence.rstrip():
        case b"application/cloudevents+json":
            chosen = Mode.STRUCTURED
        case b"application/cloudevents-batch+json":
            chosen = Mode.BATCHED
        case _:
            if binary.has_attributes(headers):
                return Mode.BINARY
            raise UnsupportedMedia(
                "event_format_unsupported",
                "this event format is not understood here",
                expected="application/cloudevents+json or application/cloudevents-batch+json",
            )
    if parameters:
        _check_charset(content_type)
    return chosen


def _content_type(headers: Headers) -> bytes:
    found = b""
    for name, value in headers:
        if len(name) == 12 and name.lower() == b"content-type":
            if found:
                raise Malformed("header_repeated", "header Content-Type: it occurs more than once")
            found = value.strip(b" \t").lower()
    return found


def _check_charset(content_type: bytes) -> None:
    if charset(content_type.decode("latin-1")) not in ("", "utf-8", "us-ascii"):
        raise UnsupportedMedia("charset_unsupported", "JSON is always UTF-8", expected="charset=utf-8")
