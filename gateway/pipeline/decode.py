"""Third station: bytes become events, each with its meaning, in the format of the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat

from gateway.domain.attributes import violations
from gateway.domain.errors import Forbidden, Malformed, NotFound, Problem, Refused, TooLarge
from gateway.domain.event import Event
from gateway.domain.ids import new_id
from gateway.domain.source import Source
from gateway.pipeline.mask import masked, masked_events
from gateway.pipeline.receive import Envelope
from gateway.spi import foreign
from gateway.spi.cloudevents.decode import decode as decode_cloudevents
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode as decode_structured
from gateway.spi.discovery import source_formats
from gateway.spi.source_format import Decoded, SourceFormat

CLOUDEVENTS, PING, SLACK = "cloudevents", "ping", "slack"
"""The format that is none of `adapters/sources`, and those that every capability URL takes beside it."""

SAME = ("idempotency-key", "webhook-id")
"""Headers by which a sender says that two requests are one."""


def decode(envelope: Envelope, source: Source, *, max_events: int) -> tuple[Sequence[Decoded], bool]:
    """Read the CloudEvents of a request; the flag tells whether it was a batch.

    Raises Malformed, TooLarge and UnsupportedMedia with every problem found, Forbidden for events that
    this source may not send, Invalid for data that it cannot mask. All events of a batch are taken or none.
    """
    events, batched = decode_cloudevents(envelope.headers, envelope.body, max_events=max_events)
    if source.mask:
        events = masked_events(events, source, batched=batched)
    decoded = [_plain(event) for event in events]
    permit(decoded, source, batched=batched)
    return decoded, batched


def decode_native(envelope: Envelope, name: str, source: Source | None) -> Sequence[Decoded]:
    """Read a product's own payload by the format called `name`.

    Without a source the payload itself has to name it. Raises Malformed, Invalid, and NotFound for a
    format that is not installed.
    """
    source_format = source_formats().get(name)
    if source_format is None:
        raise NotFound("unknown_format", f"the source format {name!r} is not installed")
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in envelope.headers}
    receipt = envelope.receipt or next((headers[one] for one in SAME if one in headers), "") or new_id()
    headers |= {
        foreign.METHOD: envelope.method,
        foreign.PATH: envelope.tail,
        foreign.QUERY: envelope.query,
        foreign.RECEIPT: receipt,
    }
    decoded = [_sound(one) for one in source_format.parse(envelope.body, headers, source)]
    if source is None or not source.mask:
        return decoded
    return [masked(one, source, lambda event: _again(name, event, source, headers)) for one in decoded]


def masked_notifications(name: str, decoded: Sequence[Decoded], source: Source) -> Sequence[Decoded]:
    """Events that were read by the format called `name` before it was known whose they are, as that source
    lets them be seen. Raises Invalid."""
    if not source.mask:
        return decoded
    return [masked(one, source, lambda event: _again(name, event, source, {})) for one in decoded]


def read_again(event: Event, source: Source) -> Decoded | None:
    """A stored event by its data, which may have been changed, as the source's format reads it; None where it
    cannot be."""
    return _again(source.format, event, source, {})


def _again(name: str, event: Event, source: Source, headers: Mapping[str, str]) -> Decoded | None:
    source_format = source_formats().get(name)
    if source_format is None:
        return _plain(event)
    body, again = source_format.request_of(event, headers)
    try:
        (one,) = source_format.parse(body, again, source)
        return _plain(event) if not isinstance(one, Decoded) else _sound(one)
    except (Refused, ValueError):
        return None


def decode_for(envelope: Envelope, source: Source, *, max_events: int) -> tuple[Sequence[Decoded], bool]:
    """Read a request to a source's own route or capability URL; the flag tells whether it was a batch.

    Raises what `decode` and `decode_native` raise.
    """
    name = format_for(source, envelope)
    if name == CLOUDEVENTS:
        return decode(envelope, source, max_events=max_events)
    decoded = decode_native(envelope, name, source)
    if len(decoded) > max_events:
        raise TooLarge(
            "batch_too_large", f"the request holds {len(decoded)} events", expected=f"at most {max_events}"
        )
    batched = len(decoded) != 1
    permit(decoded, source, batched=batched)
    return decoded, batched


def format_for(source: Source, envelope: Envelope) -> str:
    """What follows a capability URL, and a method without a body, tell more than the source's own format."""
    if envelope.tail == SLACK:
        return SLACK
    return PING if envelope.tail or envelope.method != "POST" else source.format


def _sound(one: Decoded | BaseCloudEvent) -> Decoded:
    """What a format made, as an event that keeps the laws. Raises Malformed where it does not."""
    if not isinstance(one, Decoded):
        return _plain(decode_structured(to_structured_event(one, JSONFormat()).body))
    if problems := violations(one.event.attributes):
        raise Malformed.of(problems)
    return refine(one)


def _plain(event: Event) -> Decoded:
    parsed = payload(event)
    return refine(Decoded(event, meaning(event, parsed), parsed))


def refine(decoded: Decoded) -> Decoded:
    """Let the format that knows this type of event say more of it."""
    event_type = decoded.event.type
    for prefix, source_format in _refining():
        if event_type.startswith(prefix):
            return Decoded(decoded.event, source_format.refine(decoded), decoded.payload)
    return decoded


@cache
def _refining() -> Sequence[tuple[str, SourceFormat]]:
    return [(prefix, one) for one in source_formats().values() for prefix in one.refines]


def permit(decoded: Sequence[Decoded], source: Source, *, batched: bool) -> None:
    """Refuse events whose type or `source` URI this source was not registered for."""
    if not source.allowed_types and not source.allowed_sources:
        return
    problems = []
    for index, one in enumerate(decoded):
        place = f"/{index}" if batched else ""
        if not allowed(source.allowed_types, one.event.type):
            problems.append(_not_allowed(f"{place}/type", one.event.type, source.allowed_types))
        if not allowed(source.allowed_sources, one.event.source):
            problems.append(_not_allowed(f"{place}/source", one.event.source, source.allowed_sources))
    if problems:
        raise Forbidden.of(problems)


def allowed(patterns: Sequence[str], text: str) -> bool:
    """Whether a text is in a list of exact texts and prefixes (ending in `*`); an empty list allows all."""
    return not patterns or any(
        text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern for pattern in patterns
    )


def _not_allowed(pointer: str, value: str, patterns: Sequence[str]) -> Problem:
    return Problem(
        "not_allowed",
        f"this source may not send {value[:200]!r}",
        pointer,
        "one of " + ", ".join(patterns)[:500],
    )
