"""A quarantined event as people corrected it: the same event by its identity, read anew.

What it is told apart by, `source` and `id`, stays, so that the corrected event takes the place of the one in
quarantine, and a repeat of the sender's is a repeat of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.domain.attributes import violations
from gateway.domain.delivery import AcceptedEvent
from gateway.domain.errors import Malformed, Problem
from gateway.domain.event import AttributeValue, DataForm, Event
from gateway.domain.source import Source
from gateway.pipeline.decode import CLOUDEVENTS, read_again, refine
from gateway.pipeline.mask import is_unmasked, masked_event, unreadable
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.source_format import Decoded

FIXED = ("specversion", "id", "source")
"""Attributes that make the event what it is."""

JSON_TYPE = "application/json"


class Correction(NamedTuple):
    """What is to be different: JSON data in place of the event's, None for its own; attributes by name, None
    for those that go."""

    data: bytes | None = None
    attributes: Mapping[str, AttributeValue | None] = {}


def corrected(accepted: AcceptedEvent, source: Source, correction: Correction) -> Decoded:
    """The event with its correction, read as its source's format reads it, or as a plain CloudEvent.

    Raises Malformed for attributes that are none or that may not change.
    """
    _refuse_fixed(accepted.event, correction)
    before, words = accepted.event, accepted.vocabulary
    known: Mapping[str, AttributeValue] = before.attributes
    native = source.format != CLOUDEVENTS
    event = _changed(before, source, correction)
    if event is not before:
        read = read_again(event, source) if native else None
        if read is not None:
            told = {name: value for name, value in read.event.attributes.items() if name not in FIXED}
            known, words = {**known, **told}, read.vocabulary
        elif native and is_unmasked(before, source):
            raise unreadable()
        if correction.data is not None:
            known = {**known, "datacontenttype": event.attributes["datacontenttype"]}
    changed = {**known, **correction.attributes}
    attributes = {name: value for name, value in changed.items() if value is not None}
    if problems := violations(attributes):
        raise Malformed.of([one.below("/attributes") for one in problems])
    event = Event(attributes, event.data, event.form)
    parsed = payload(event)
    if native:
        return Decoded(event, words, parsed)
    return refine(Decoded(event, meaning(event, parsed), parsed))


def _refuse_fixed(event: Event, correction: Correction) -> None:
    problems = [
        Problem("attribute_fixed", f"{name} cannot be corrected", f"/attributes/{name}", str(before))
        for name, before in ((name, event.attributes[name]) for name in FIXED)
        if correction.attributes.get(name, before) != before
    ]
    if problems:
        raise Malformed.of(problems)


def _changed(event: Event, source: Source, correction: Correction) -> Event:
    """The event with its data corrected and masked; the same one where neither changes it."""
    if correction.data is not None:
        kept = (
            event.attributes.get("datacontenttype", JSON_TYPE) if event.form is DataForm.JSON else JSON_TYPE
        )
        event = Event({**event.attributes, "datacontenttype": kept}, correction.data, DataForm.JSON)
    return masked_event(event, source) if source.mask else event
