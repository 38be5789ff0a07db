"""Third station: bytes become events, each with its meaning, in the format of the source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from gateway.domain.errors import Forbidden, NotFound, Problem
from gateway.domain.source import Source
from gateway.pipeline.receive import Envelope
from gateway.spi.cloudevents.decode import decode as decode_cloudevents
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.discovery import source_formats
from gateway.spi.source_format import Decoded, SourceFormat


def decode(envelope: Envelope, source: Source, *, max_events: int) -> tuple[Sequence[Decoded], bool]:
    """Read the CloudEvents of a request; the flag tells whether it was a batch.

    Raises Malformed, TooLarge and UnsupportedMedia with every problem found, Forbidden for events that
    this source may not send. All events of a batch are taken or none.
    """
    events, batched = decode_cloudevents(envelope.headers, envelope.body, max_events=max_events)
    decoded = []
    for event in events:
        parsed = payload(event)
        decoded.append(refine(Decoded(event, meaning(event, parsed), parsed)))
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
    return [refine(one) for one in source_format.parse(envelope.body, headers, source)]


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
