"""How domain values are kept in rows: entities, events and problems as JSON text, for every store alike.

Bytes are kept as they are; what a rule or a template reads is never derived from these texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from gateway.domain.delivery import AcceptedEvent, Claim, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Problem, Unavailable
from gateway.domain.event import AttributeValue, DataForm, Event
from gateway.domain.ids import (
    DeliveryId,
    DestinationId,
    EventId,
    InstanceId,
    SourceId,
    SubscriptionId,
    TopicId,
)
from gateway.domain.incident import Chapter, Incident
from gateway.domain.monitor import Monitor, Standing
from gateway.domain.polling import Poll
from gateway.domain.schema import Schema
from gateway.domain.silence import Silence
from gateway.domain.source import Instance, Key, Source
from gateway.domain.template import Template
from gateway.domain.topic import Topic
from gateway.domain.vocabulary import Vocabulary
from gateway.ports import Entity, Entry, HeldDelivery

KINDS: Final[Mapping[str, type[Entity]]] = {
    "instance": Instance,
    "source": Source,
    "key": Key,
    "topic": Topic,
    "destination": Destination,
    "subscription": Subscription,
    "schema": Schema,
    "template": Template,
    "monitor": Monitor,
    "silence": Silence,
}
"""The kinds of entities by the name that rows use. A name, once used, is never given to another kind."""

_KIND_OF = {kind: name for name, kind in KINDS.items()}
_FORMS = {form.value: form for form in DataForm}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be kept in a row")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_entities: dict[str, msgspec.json.Decoder[Entity]] = {
    name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()
}
_attributes = msgspec.json.Decoder(dict[str, AttributeValue])
_vocabulary = msgspec.json.Decoder(Vocabulary)
_problems = msgspec.json.Decoder(tuple[Problem, ...])
_standing = msgspec.json.Decoder(Standing)
_incident = msgspec.json.Decoder(Incident)
_chapter = msgspec.json.Decoder(Chapter)
_poll = msgspec.json.Decoder(Poll)


def to_text(value: object) -> str:
    """A domain value, or a mapping or sequence of such, as JSON text."""
    return _encoder.encode(value).decode()


def kind_of(entity: Entity) -> str:
    """The name of an entity's kind."""
    return _KIND_OF[type(entity)]


def instance_of(entity: Entity) -> InstanceId:
    """The instance an entity belongs to; an instance belongs to itself."""
    return entity.id if isinstance(entity, Instance) else entity.instance_id


def entity(kind: str, body: str | bytes) -> Entity:
    """Read an entity that `to_text` wrote; members it lacks take their defaults."""
    return _entities[kind].decode(body)


def entities(found: Iterable[Iterable[Any]]) -> tuple[Entity, ...]:
    """Read rows of kind and text. Raises Unavailable for what only a newer release can read."""
    try:
        return tuple(entity(kind, body) for kind, body in found)
    except (KeyError, msgspec.DecodeError) as error:
        raise Unavailable(
            "configuration_unreadable",
            "a newer release made this configuration; this node cannot read it",
            retry_after=5,
        ) from error


def problems(text: str | bytes | None) -> tuple[Problem, ...]:
    """Read problems; NULL is none."""
    return () if text is None else _problems.decode(text)


def claim(row: Sequence[Any], owner: str) -> Claim:
    """Read a leased delivery with its event from the columns that every store yields of them."""
    delivery_id, epoch, topic_id, subscription_id, destination_id, recipient, *rest = row
    attempts, rescues, repeats, *event, told = rest
    return Claim(
        DeliveryId(delivery_id),
        epoch,
        accepted_event(*event),
        TopicId(topic_id),
        SubscriptionId(subscription_id),
        DestinationId(destination_id),
        recipient,
        attempts,
        rescues,
        owner,
        repeats,
        None if told is None else chapter(told),
    )


def held(row: Sequence[Any]) -> HeldDelivery:
    """Read a held delivery with its event."""
    number, delivery_id, until, *event = row
    return HeldDelivery(number, DeliveryId(delivery_id), accepted_event(*event), until)


def require_foldable(entry: Entry) -> None:
    """Raise ValueError unless deliveries can be folded into what an entry plans."""
    if not entry.planned or any(planned.state is State.LEASED for planned in entry.planned):
        raise ValueError("what deliveries are folded into is planned, and not as leased")


def accepted_event(  # noqa: PLR0913, PLR0917  one for each column
    id: str,
    instance_id: str,
    source_id: str,
    received_at: float,
    registry_version: int,
    form: str,
    attributes: str | bytes,
    vocabulary: str | bytes,
    data: bytes | None,
) -> AcceptedEvent:
    """Read an event from the columns that every store keeps of it."""
    return AcceptedEvent(
        EventId(id),
        InstanceId(instance_id),
        SourceId(source_id),
        Event(_attributes.decode(attributes), data, _FORMS[form]),
        _vocabulary.decode(vocabulary),
        received_at,
        registry_version,
    )


def standing(text: str | bytes) -> Standing:
    """Read what a monitor remembers of a key."""
    return _standing.decode(text)


def incident(text: str | bytes) -> Incident:
    """Read an incident."""
    return _incident.decode(text)


def chapter(text: str | bytes) -> Chapter:
    """Read what an event is in an incident."""
    return _chapter.decode(text)


def poll(revision: int, body: str | bytes) -> Poll:
    """Read what is remembered of a polled source."""
    return replace(_poll.decode(body), revision=revision)
