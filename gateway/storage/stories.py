"""Incidents of a group of events on their way into a store: decided one after the other, written together.

A store locks and reads the newest incident of each key, hands its entries over in order, and writes what came
of it. Also here: rows of incidents read back, and which deliveries may be added to an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.domain.delivery import Planned
from gateway.domain.ids import EventId, IncidentId, SubscriptionId
from gateway.domain.incident import Chapter, Incident, Sign, Thread, met
from gateway.ports import Episode
from gateway.storage import rows
from gateway.storage.incoming import PreparedEntry

Place = tuple[str, str]
"""An instance and a key."""
Row = Sequence[Any]


def kept_key(one: Sign | Incident) -> str:
    """What tells incidents apart in a store: the thing, and what is done with it."""
    return f"{one.key}|{one.about}" if one.about else one.key


def places(entries: Iterable[PreparedEntry]) -> list[Place]:
    """Whose incidents these entries may change, in one order."""
    return sorted({(one.about[0], kept_key(one.told)) for one in entries if isinstance(one.told, Sign)})


class Stories:
    """The incidents of a group. `known` are the newest of their keys."""

    def __init__(self, known: Iterable[Incident] = ()) -> None:
        self._newest: dict[Place, Incident] = {(one.instance_id, kept_key(one)): one for one in known}
        self._changed: dict[IncidentId, Incident] = {}
        self.events: list[tuple[EventId, IncidentId, str]] = []

    def take(self, entry: PreparedEntry) -> Chapter | None:
        """What an entry that is no repeat is in which incident."""
        said = entry.told
        chapter = self._met(said, entry) if isinstance(said, Sign) else said
        if chapter is not None:
            self.events.append((entry.about[1], chapter.incident.id, rows.to_text(chapter)))
        return chapter

    def _met(self, sign: Sign, entry: PreparedEntry) -> Chapter | None:
        instance_id, event_id, at = entry.about
        place = instance_id, kept_key(sign)
        known = self._newest.get(place)
        chapter = met(known, sign, instance_id=instance_id, event_id=event_id, at=at)
        if chapter is not None and chapter.incident is not known:
            self._newest[place] = self._changed[chapter.incident.id] = chapter.incident
        return chapter

    @property
    def incidents(self) -> list[tuple[Any, ...]]:
        """The rows of those that were opened or changed, in the order in which they were opened."""
        return [row(one) for one in self._changed.values()]


def row(incident: Incident) -> tuple[Any, ...]:
    """The columns of an incident, its number apart."""
    return (
        incident.id,
        incident.instance_id,
        kept_key(incident),
        incident.revision,
        incident.state.value,
        incident.last_at,
        incident.wake_at,
        rows.to_text(incident),
    )


def saved(incident: Incident) -> dict[str, Any]:
    """The parameters of writing one over the revision before."""
    names = ("id", "instance_id", "key", "revision", "state", "last_at", "wake_at", "body")
    return {**dict(zip(names, row(incident), strict=True)), "before": incident.revision - 1}


def episode(found: Row) -> Episode:
    """Read an event of an incident."""
    event_id, received_at, body = found
    return Episode(EventId(event_id), received_at, rows.chapter(body))


def thread(found: Row) -> Thread:
    """Read a first message."""
    incident_id, subscription_id, recipient, delivery_id, answer, at = found
    return Thread(
        IncidentId(incident_id), SubscriptionId(subscription_id), recipient, delivery_id, answer, at
    )


def missing(planned: Sequence[Planned], present: Sequence[Row], *, again: bool) -> list[Planned]:
    """Those of a plan that an event has no delivery for: by id and, unless `again`, by whom they reach.

    `present` are rows of id, subscription and recipient.
    """
    ids = {id for id, _, _ in present}
    reached = set[tuple[str, str]]() if again else {(one, recipient) for _, one, recipient in present}
    new = []
    for one in planned:
        place = one.subscription_id, one.recipient
        if one.id not in ids and place not in reached:
            new.append(one)
            ids.add(one.id)
            if not again:
                reached.add(place)
    return new
