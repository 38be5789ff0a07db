"""Events, deliveries and results as rows on their way into a store: made ready on the event loop.

Rows are made ready where the caller is, so that whoever writes them only hands over whole lists. How a
group of them is written belongs to each store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.domain.delivery import TERMINAL, TRANSITIONS, Planned, Settlement, State
from gateway.domain.ids import EventId, IncidentId, InstanceId
from gateway.domain.incident import FLAPPING
from gateway.domain.monitor import Observation
from gateway.ports import Entry
from gateway.storage import rows

PLACES = 20
"""Bits of a delivery's number that say its place within its event."""

ENTRY_SIZE, SETTLE_SIZE = 600, 500
"""Bytes that a new row takes beside its texts and its data, and that a settled row rewrites, roughly."""

MOST_SENT = 16 << 10
"""Bytes that are kept of what was sent."""

_STATE, _REASON, _OWNER, _SETTLED = 7, 8, 10, 13
"""Columns of a delivery's row."""

# Bytes are bound as bytearrays: sqlite3 looks for an adapter of bytes each time, 0.2 us (measured).


class Noise(NamedTuple):
    """What policies say of a delivery: key and end of its duplicate window, stream, end and rank of its hold;
    None where they say nothing."""

    window_key: bytearray | None
    window_end: float | None
    stream: str | None
    until: float | None
    rank: int | None


SILENT = Noise(None, None, None, None, None)


class PreparedEntry:
    """One event as rows, lacking only its number."""

    __slots__ = (
        "about",
        "deliveries",
        "event",
        "event_id",
        "key",
        "key_row",
        "leased",
        "noise",
        "noisy",
        "observations",
        "quarantined",
        "states",
        "told",
    )

    def __init__(self, entry: Entry, owner: int, now: float) -> None:
        if len(entry.planned) >> PLACES:
            raise ValueError(f"an event has at most {1 << PLACES} deliveries")
        accepted = entry.accepted
        self.key = entry.dedup_key
        self.event_id = accepted.id
        self.quarantined = bool(entry.problems)
        self.key_row = (bytearray(self.key), accepted.id, now, self.quarantined)
        self.event = _event_row(entry)
        self.deliveries = [
            delivery_row(planned, accepted.instance_id, accepted.id, owner, now) for planned in entry.planned
        ]
        self.states = [planned.state.value for planned in entry.planned]
        self.leased = [planned.id for planned in entry.planned if planned.state is State.LEASED]
        self.noise = [_noise(planned) for planned in entry.planned]
        self.noisy = any(self.noise)
        self.observations = [_observation_row(entry, one) for one in entry.observations]
        self.told = entry.sign or entry.chapter
        self.about = (accepted.instance_id, accepted.id, accepted.received_at)

    def suppress(self, incident_id: IncidentId, now: float) -> None:
        """Have nobody told: its incident is damped. What had ended already stays as it is."""
        self.deliveries = [_untold(row, f"{FLAPPING}{incident_id}", now) for row in self.deliveries]
        self.states = [row[_STATE] for row in self.deliveries]
        self.noise = [None] * len(self.deliveries)
        self.noisy = False


class Append:
    """One call of `Ledger.append`: all of its entries are written or none."""

    __slots__ = ("entries", "routed_with", "rows", "size")

    def __init__(self, entries: Sequence[Entry], routed_with: int, *, owner: int, now: float) -> None:
        self.entries = [PreparedEntry(entry, owner, now) for entry in entries]
        self.routed_with = routed_with
        self.rows = sum(1 + len(entry.planned) for entry in entries)
        self.size = self.rows * ENTRY_SIZE + sum(entry.accepted.event.size for entry in entries)


class Settle:
    """One call of `Ledger.settle`, as rows."""

    __slots__ = ("also", "attempt", "hold", "result", "sent", "size", "state", "thread", "tried")

    def __init__(self, settlement: Settlement, now: float) -> None:
        """Raises ValueError when a leased delivery cannot go to that state, or not without an attempt."""
        if settlement.state not in TRANSITIONS[State.LEASED]:
            raise ValueError(f"a leased delivery does not become {settlement.state}")
        if settlement.state is State.DELIVERED and settlement.attempt is None:
            raise ValueError("a delivery is delivered by an attempt")
        if settlement.hold is not None and settlement.state is not State.HELD:
            raise ValueError("only what is held has a hold")
        self.state = settlement.state.value
        self.tried = settlement.attempt is not None
        self.result = _result_row(settlement, now)
        self.attempt = _attempt_row(settlement)
        hold = settlement.hold
        self.hold = hold and (settlement.delivery_id, settlement.epoch, hold.stream, hold.until, hold.rank)
        sent = settlement.sent[:MOST_SENT]
        self.sent = (settlement.delivery_id, settlement.epoch, bytearray(sent)) if sent else None
        self.size = SETTLE_SIZE + len(sent)
        self.thread = settlement.thread
        self.also = settlement.also


def _event_row(entry: Entry) -> tuple[Any, ...]:
    accepted, event = entry.accepted, entry.accepted.event
    return (
        accepted.id,
        accepted.instance_id,
        accepted.source_id,
        accepted.received_at,
        accepted.registry_version,
        event.form.value,
        entry.schema_revision,
        rows.to_text(entry.problems) if entry.problems else None,
        rows.to_text(event.attributes),
        rows.to_text(accepted.vocabulary),
        None if event.data is None else bytearray(event.data),
        rows.to_text(entry.flags) if entry.flags else None,
    )


def _observation_row(entry: Entry, seen: Observation) -> tuple[Any, ...]:
    accepted = entry.accepted
    return (seen.monitor_id, seen.key, seen.failed, seen.value, accepted.id, accepted.received_at)


def _noise(planned: Planned) -> Noise | None:
    """None where policies say nothing, and of what goes nowhere or is not held."""
    window = None if planned.state in TERMINAL else planned.window
    hold = planned.hold if planned.state is State.HELD else None
    if window is None and hold is None:
        return None
    return Noise(
        window and bytearray(window.key),
        window and window.until,
        hold and hold.stream,
        hold and hold.until,
        hold and hold.rank,
    )


def delivery_row(
    planned: Planned, instance_id: InstanceId, event_id: EventId, owner: int, now: float
) -> tuple[Any, ...]:
    """The columns of a delivery, its number apart."""
    state = planned.state
    leased = state is State.LEASED
    return (
        planned.id,
        instance_id,
        event_id,
        planned.topic_id,
        planned.subscription_id,
        planned.destination_id,
        planned.recipient,
        state.value,
        planned.reason,
        1 if leased else 0,
        owner if leased else None,
        planned.hold.until if planned.hold else now,
        now,
        now if state in TERMINAL else None,
    )


def _untold(row: tuple[Any, ...], reason: str, now: float) -> tuple[Any, ...]:
    if State(row[_STATE]) in TERMINAL:
        return row
    ended = (State.SUPPRESSED.value, reason, row[_REASON + 1], None)
    return (*row[:_STATE], *ended, *row[_OWNER + 1 : _SETTLED], now)


def _result_row(settlement: Settlement, now: float) -> tuple[Any, ...]:
    row = (
        settlement.delivery_id,
        settlement.epoch,
        settlement.state.value,
        settlement.reason,
        settlement.due_at,
        now if settlement.state in TERMINAL else None,
    )
    attempt = settlement.attempt
    if attempt is None:
        return row
    return (*row, attempt.started_at, attempt.duration, attempt.code, attempt.detail, attempt.excerpt)


def _attempt_row(settlement: Settlement) -> tuple[Any, ...] | None:
    """A row of its own for a failed try; a success is told by the delivery itself."""
    attempt = settlement.attempt
    if attempt is None or settlement.state is State.DELIVERED:
        return None
    return (
        settlement.delivery_id,
        settlement.epoch,
        attempt.number,
        attempt.started_at,
        attempt.duration,
        attempt.reason,
        attempt.code,
        attempt.detail,
        attempt.excerpt,
    )
