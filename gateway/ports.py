"""What a store must do: two small protocols, free of SQL, that every store implements alike.

The contract suites in `tests/contracts` hold each implementation to the words below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from gateway.domain.clock import Clock
from gateway.domain.counting import Count
from gateway.domain.delivery import (
    AcceptedEvent,
    Attempt,
    Claim,
    Delivery,
    LastResult,
    LateReceipt,
    Planned,
    Settlement,
    State,
)
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Problem
from gateway.domain.ids import (
    DeliveryId,
    DestinationId,
    EventId,
    IncidentId,
    InstanceId,
    MonitorId,
    SourceId,
    SubscriptionId,
    TopicId,
)
from gateway.domain.incident import Chapter, Incident, IncidentState, Sign, Thread
from gateway.domain.monitor import Monitor, Notice, Observation, Seen, Standing
from gateway.domain.polling import Poll
from gateway.domain.schedule import Outage
from gateway.domain.schema import Schema
from gateway.domain.silence import Silence
from gateway.domain.source import Heard, Instance, Key, Source
from gateway.domain.template import Template
from gateway.domain.topic import Topic

Row = TypeVar("Row")

Entity = Instance | Source | Key | Topic | Destination | Subscription | Schema | Template | Monitor | Silence
"""Everything that is configured. Each change of one makes a new registry version."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that is configured, at one registry version; rows in no particular order."""

    version: int
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Put:
    """Create or replace one entity. `unique`: texts that no other of its kind and instance may hold."""

    entity: Entity
    unique: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete one entity; removing what is not there is a conflict."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Cancel:
    """End what is not terminal of a destination, as state cancelled with this reason.

    With a `subscription_id`, only what is of that subscription; with `recipients`, only what is for those.
    """

    reason: str
    destination_id: DestinationId
    subscription_id: SubscriptionId | None = None
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Move pending deliveries of a destination to held with this reason."""

    destination_id: DestinationId
    reason: str


@dataclass(frozen=True, slots=True)
class Unhold:
    """Move deliveries that a Hold of this reason holds back to pending, due at once."""

    destination_id: DestinationId
    reason: str


Change = Put | Remove
Effect = Cancel | Hold | Unhold


class RegistryConflictError(Exception):
    """The registry is at another version than the change was made for; load again and decide anew."""


class NameTakenError(Exception):
    """Another entity of the kind holds a text that must be unique; `args[0]` is that text."""


class Registry(Protocol):
    """Configuration, kept as numbered revisions: what an entity was at any version stays readable."""

    async def load(self, version: int | None = None) -> Configuration:
        """Everything as of `version`, by default the newest."""

    async def version(self) -> int:
        """The newest registry version; 0 for a new store."""

    async def apply(self, changes: Sequence[Change], effects: Sequence[Effect] = (), *, expected: int) -> int:
        """Make changes and their effects on deliveries in one transaction; return the new version.

        An effect on a long backlog begins in that transaction and is carried on in short ones, after a crash
        too; what a cancellation or a hold has still to reach is not claimed meanwhile. It reaches what was
        appended before it, never what came after.

        Raises RegistryConflictError when the newest version is not `expected`, NameTakenError on a unique
        text that another entity holds. After it returns, no event is appended that an older version routed.
        """

    async def everywhere(self, version: int) -> None:
        """Wait, for a bounded time, until every other node that shares the store has `version` in force."""

    async def in_force(self, version: int) -> None:
        """Tell the other nodes that this one routes with `version` from now on."""


class Entry(NamedTuple):
    """An event on its way into the ledger, with the deliveries decided for it.

    `dedup_key` stands for (instance, registered source, `source`, `id`), in at most 64 bytes. `problems`
    is not empty for a quarantined event, which has no deliveries; `flags` are problems that kept it from
    nothing. `schema_revision` names what judged it, or ''. `observations` are what monitors saw in it. `sign`
    is what it means to an incident, decided as it is written; `chapter` is said of it already.
    """

    accepted: AcceptedEvent
    dedup_key: bytes
    planned: tuple[Planned, ...] = ()
    problems: tuple[Problem, ...] = ()
    schema_revision: str = ""
    observations: tuple[Observation, ...] = ()
    flags: tuple[Problem, ...] = ()
    sign: Sign | None = None
    chapter: Chapter | None = None


class Appended(NamedTuple):
    """What became of one entry: its own id, or the id of the first event with this dedup key.

    `suppressed` names the deliveries that fell into an open window, each with the first one of it; `repeats`
    those that opened one, with how many were suppressed in the one before it, where there were any. `chapter`
    is the incident that the event belongs to; where it is not to be told, the deliveries are suppressed.
    """

    event_id: EventId
    duplicate: bool = False
    suppressed: Mapping[DeliveryId, DeliveryId] = {}
    repeats: Mapping[DeliveryId, int] = {}
    chapter: Chapter | None = None


class StaleRoutingError(Exception):
    """The registry moved on since the entries were routed; nothing was written: route again."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is listed. `problems` is not empty for one that was quarantined: it is so until another
    event has `replaced_by` it, or somebody `discarded` it for this reason. `flags` as of Entry."""

    accepted: AcceptedEvent
    problems: tuple[Problem, ...] = ()
    schema_revision: str = ""
    replaced_by: EventId | None = None
    flags: tuple[Problem, ...] = ()
    discarded: str | None = None

    @property
    def quarantined(self) -> bool:
        """Whether it still waits to be released, corrected or discarded."""
        return bool(self.problems) and self.replaced_by is None and self.discarded is None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; None leaves a member open. `search` is looked for in id, type and title."""

    source_id: SourceId | None = None
    type: str | None = None
    quarantined: bool | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list; None leaves a member open."""

    event_id: EventId | None = None
    subscription_id: SubscriptionId | None = None
    destination_id: DestinationId | None = None
    state: State | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first. `cursor` continues after the last one, stable under inserts; '' at the end."""

    rows: tuple[Row, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """How many deliveries stand where, and the age in seconds of the oldest one that is due."""

    by_state: Mapping[State, int] = field(default_factory=dict)
    oldest_due_age: float = 0.0


MAX_RECEIPTS = 32
"""Receipts that are kept of one delivery."""


MOST_HEARD = 50
"""Events of one source that are remembered as its last."""


class LastHeard(NamedTuple):
    """The last that was heard of a source: when, None for never, and those of its last events that are still
    stored, newest first."""

    at: float | None
    events: Sequence[StoredEvent]


class Ledger(Protocol):
    """Events and deliveries. What a call has returned from is durable: it survives kill -9 and power loss.

    Every call raises `gateway.domain.errors.Unavailable` when the store cannot answer in time and
    `OutOfSpace` when it cannot take more; then nothing of the call was written.
    """

    @property
    def owner(self) -> str:
        """The incarnation that leases are held by: a new one each time a store is opened, at least."""

    def holds(self, claim: Claim) -> bool:
        """Whether nobody else can have this delivery, as far as its owner goes: asked before each try."""

    async def append(self, entries: Sequence[Entry], *, routed_with: int) -> Sequence[Appended]:
        """Write events with their deliveries: all of `entries` or none, whoever else shares the commit.

        An entry whose dedup key is known writes nothing and yields the first event's id; so does the
        second of two equal ones in one call. A valid entry replaces a quarantined one of its key.
        Of deliveries with the same window the first opens it, also when several nodes append at once; when
        that becomes a dead letter, the latest that was suppressed takes its place and is pending; without
        one, the next opens the window anew.
        Deliveries planned as LEASED are leased to `owner` with epoch 1. Raises StaleRoutingError when the
        registry's version is no longer `routed_with`.
        """

    async def settle(self, settlement: Settlement) -> bool:
        """Write how a held delivery goes on; False, and nothing written, if the epoch is not its newest.

        A try that ended clears the delivery's rescues: it does not crash the process.
        """

    async def claim(
        self, room: Mapping[DestinationId, int], *, default_room: int, limit: int
    ) -> Sequence[Claim]:
        """Lease due deliveries to `owner`, oldest first, at most `limit`, each with a new epoch.

        At most `room[destination]` of a destination, `default_room` where it is not named: 0 claims
        none of it, so a backlog of one never hides the due rows of another. Nothing of a destination that
        an unfinished Cancel or Hold is at.
        """

    async def claim_suspect(self) -> Claim | None:
        """Lease the oldest due delivery whose lease was lost three or more times, to be sent alone.

        `claim` leaves those out. One that was lost once more after being claimed here is what crashes
        the process: it is dead with reason `crashed_while_sent` and never claimed by itself again.
        """

    async def next_due(self) -> float | None:
        """When the earliest pending delivery is due (epoch seconds), or None when there is none."""

    async def replay(self, instance_id: InstanceId, delivery_id: DeliveryId) -> bool:
        """Reopen a terminal delivery as pending, due at once; False when it is not terminal or not there.

        Attempts made so far stay listed; the count towards the schedule starts anew.
        """

    async def end_quarantine(
        self,
        instance_id: InstanceId,
        event_id: EventId,
        *,
        discarded: str | None = None,
        replaced_by: EventId | None = None,
    ) -> bool:
        """Say why a quarantined event is one no more: for which reason it is discarded, or what replaced it.

        False, and nothing written, if it is none any more or not there. The idempotency key stays as it is:
        a corrected repeat still replaces the event.
        """

    async def event(self, instance_id: InstanceId, event_id: EventId) -> StoredEvent | None:
        """One event of this instance."""

    async def events(
        self, instance_id: InstanceId, wanted: EventFilter, *, cursor: str = "", limit: int = 50
    ) -> Page[StoredEvent]:
        """Events of this instance, newest first."""

    async def delivery(self, instance_id: InstanceId, delivery_id: DeliveryId) -> Delivery | None:
        """One delivery of this instance."""

    async def deliveries(
        self, instance_id: InstanceId, wanted: DeliveryFilter, *, cursor: str = "", limit: int = 50
    ) -> Page[Delivery]:
        """Deliveries of this instance, newest first."""

    async def attempts(self, delivery_id: DeliveryId) -> Sequence[Attempt]:
        """Every try of a delivery, oldest first; a success on the first try is one of them."""

    async def note_results(self, results: Sequence[LastResult]) -> None:
        """Keep how the last try at each of these destinations ended; an older one never replaces a newer,
        and a success is remembered beside the failures after it."""

    async def last_results(self, instance_id: InstanceId) -> Mapping[DestinationId, LastResult]:
        """What `note_results` kept of this instance's destinations."""

    async def note_heard(self, rows: Sequence[Heard]) -> None:
        """Remember the last MOST_HEARD events of each source, these among them. Raises Unavailable."""

    async def last_heard(self, instance_id: InstanceId, source_id: SourceId) -> LastHeard:
        """What `note_heard` remembers of this source."""

    async def add_receipt(
        self, destination_id: DestinationId, delivery_id: DeliveryId, receipt: LateReceipt
    ) -> bool:
        """Keep what a channel said later of a delivery; False if this destination has no such delivery.

        The same said again (status, code and vendor's id) is kept once, of MAX_RECEIPTS different ones the
        first. No state changes by it.
        """

    async def receipts(self, delivery_id: DeliveryId) -> Sequence[LateReceipt]:
        """What was said later of a delivery, oldest first."""

    async def counts(self) -> LedgerCounts:
        """How many deliveries stand where, for metrics and readiness."""

    async def prune(
        self, *, events_before: float, deliveries_before: float, keys_before: float, limit: int
    ) -> int:
        """Delete at most `limit` rows that are older than the given times (epoch seconds); return how many.

        Never a delivery that is pending, leased or held, nor an event that one of those belongs to. What was
        tried and said of a delivery goes with it.
        """


class Counters(Protocol):
    """Counts by day, for people: written in lots, a little late, and not part of any guarantee."""

    async def add(self, counts: Sequence[Count]) -> None:
        """Add these to what is there. Raises Unavailable or OutOfSpace."""

    async def read(self, subjects: Sequence[str], since: int) -> Sequence[Count]:
        """The counts of these subjects from a day on."""

    async def forget(self, before: int) -> None:
        """Delete the counts of the days before this one."""


Place = tuple[MonitorId, str]
"""A monitor and one of its keys."""


class Monitors(Protocol):
    """What monitors remember. Observations are written by `Ledger.append`, with their event; nobody takes one
    twice, and what one changes is written in the transaction that takes it."""

    async def observations(self, limit: int) -> Sequence[Seen]:
        """Those that nobody took yet, oldest first."""

    async def standings(self, places: Sequence[Place]) -> Sequence[Standing]:
        """The memories of these, where there are any."""

    async def standings_of(
        self, monitor_id: MonitorId, *, after: str | None = None, limit: int = 500
    ) -> Sequence[Standing]:
        """The memories of a monitor by key, those after a key."""

    async def tally(self, monitor_ids: Sequence[MonitorId]) -> Mapping[MonitorId, Mapping[str, int]]:
        """How many keys of each of these stand how."""

    async def awake(self, now: float, limit: int) -> Sequence[Standing]:
        """The memories that time changes by now, the longest overdue first."""

    async def save(
        self,
        standings: Sequence[Standing],
        *,
        taken: Sequence[int] = (),
        notices: Sequence[Notice] = (),
        quiet: bool = False,
    ) -> bool:
        """Write memories (with their revision one higher), take observations, keep what there is to say: all
        of it, or nothing and False where another node was faster.

        `revision` is the one that was read, 0 where there was none. With `quiet`, an observation that waits
        for one of these keys is somebody faster too.
        """

    async def notices(self, limit: int) -> Sequence[Notice]:
        """What is still to be said, oldest first."""

    async def said(self, notice_ids: Sequence[str]) -> None:
        """Forget notices whose events are accepted."""

    async def forget(self, monitor_id: MonitorId) -> None:
        """Delete all that is kept of a monitor, what it has still to say apart."""

    async def alive(self, now: float, *, gap: float) -> int:
        """Note that this node takes events; raises as `Ledger` calls do where it takes none.

        If the last note of any node is longer ago than `gap` seconds, that time was an outage. Returns the
        number of the newest outage, 0 without any.
        """

    async def outages(self, since: float) -> Sequence[Outage]:
        """The outages that ended after this time, by time."""

    async def forget_outages(self, before: float) -> None:
        """Delete those that ended before this time."""


class Episode(NamedTuple):
    """An event of an incident, and what it is in it."""

    event_id: EventId
    received_at: float
    chapter: Chapter


class Incidents(Protocol):
    """What is told as one story. `Ledger.append` opens, continues and closes incidents in its transaction,
    also when several nodes append at once; `Ledger.settle` keeps the first message to each receiver."""

    async def incident(self, instance_id: InstanceId, incident_id: IncidentId) -> Incident | None:
        """One incident of this instance."""

    async def incidents(
        self,
        instance_id: InstanceId,
        states: Sequence[IncidentState] = (),
        *,
        cursor: str = "",
        limit: int = 50,
    ) -> Page[Incident]:
        """Incidents of this instance in any of these states, or in any, the newest first."""

    async def events(self, incident_id: IncidentId, *, limit: int = 50) -> Sequence[Episode]:
        """The newest events of an incident, oldest first."""

    async def chapter(self, event_id: EventId) -> Chapter | None:
        """The incident that an event belongs to, as of it."""

    async def awake(self, now: float, limit: int) -> Sequence[Incident]:
        """Those that time may change something of by now, the longest overdue first."""

    async def save(self, incident: Incident) -> bool:
        """Write an incident whose revision is one higher than the stored one; False, and nothing written,
        where somebody else wrote it since."""

    async def rouse(self, instance_ids: Sequence[InstanceId], now: float) -> None:
        """Look at the open incidents of these instances now: their policies changed."""

    async def thread(
        self, incident_id: IncidentId, subscription_id: SubscriptionId, recipient: str
    ) -> Thread | None:
        """The first message of an incident that reached this receiver."""

    async def threads(self, incident_id: IncidentId) -> Sequence[Thread]:
        """The first messages of an incident that reached anybody."""

    async def plan(self, event_id: EventId, planned: Sequence[Planned], *, again: bool = False) -> int:
        """Add deliveries to an event; return how many are new. Left out are those whose id is there already,
        and unless `again`, those whose subscription and recipient have a delivery of the event."""


class HeldStream(NamedTuple):
    """Deliveries that a policy holds back for one receiver; `wake_at` is when to look at them."""

    stream: str
    reason: str
    instance_id: InstanceId
    topic_id: TopicId
    subscription_id: SubscriptionId
    destination_id: DestinationId
    recipient: str
    wake_at: float


class HeldDelivery(NamedTuple):
    """One of a stream, with its event. Later ones have higher numbers."""

    number: int
    delivery_id: DeliveryId
    accepted: AcceptedEvent
    until: float


class Folding(NamedTuple):
    """What is folded into one entry's delivery: of a stream so many deliveries (`number`), due until `until`,
    up to a delivery's number; `memory` is what the next digest of the receiver wants to know of this one."""

    stream: str
    until: float
    up_to: int
    number: int
    memory: bytes | None = None


class Holds(Protocol):
    """What policies hold back. A hold is written with its delivery, by `append` or `settle`; each is released
    or folded once, whoever tries."""

    async def due(self, now: float, limit: int) -> Sequence[HeldStream]:
        """Streams that are to be looked at by now, the longest overdue first."""

    async def next_due(self) -> float | None:
        """When the next stream is to be looked at, None when nothing is held."""

    async def held(
        self, stream: str, *, until: float, after: int = 0, limit: int = 500
    ) -> Sequence[HeldDelivery]:
        """Deliveries of a stream whose hold ends by `until`, in the order of their numbers after `after`."""

    async def release(self, stream: str, *, until: float, limit: int, wake_at: float) -> int:
        """Make at most so many of a stream's deliveries, whose hold ends by `until`, pending and due at once,
        the highest rank first, then the oldest; return how many. What remains is looked at again at
        `wake_at`, or when the earliest of it is due, if that is later.
        """

    async def postpone(self, stream: str, wake_at: float) -> None:
        """Look at a stream again then, and not before."""

    async def rouse(self, subscription_ids: Sequence[SubscriptionId]) -> None:
        """Look at what is held for these subscriptions now: their policy changed."""

    async def fold(self, entry: Entry, folding: Folding, *, routed_with: int) -> bool:
        """Append an entry that tells of held deliveries, and fold those into its first delivery, in one
        transaction. False, and nothing written, if they are not exactly those any more, or if the entry's key
        is known. None of its deliveries is planned as LEASED: who asked may be gone when it is written.
        Raises as `Ledger.append` does.
        """

    async def memory(self, subscription_id: SubscriptionId, recipient: str) -> bytes | None:
        """What the last fold of this receiver that left a memory left."""


class RateAsk(NamedTuple):
    """A wish for `tokens` of a stream that gives at most `limit` in any `seconds`."""

    stream: str
    tokens: int
    limit: int
    seconds: float


class RateGrant(NamedTuple):
    """How many there are for who asked, and when (epoch seconds) the next is free, if they were too few."""

    tokens: int
    again_at: float = 0.0


class Rates(Protocol):
    """Limits that all nodes keep together: in no stretch of a limit's length more than it allows."""

    async def take(self, asks: Sequence[RateAsk]) -> Sequence[RateGrant]:
        """Take tokens now, no stream twice; what is not granted is not reserved. Durable: a restart forgets
        none that was given."""


class Polls(Protocol):
    """What is remembered of the sources that the gateway asks itself."""

    async def keep(self, latest: Mapping[SourceId, float], now: float) -> None:
        """Have a memory of each of these sources: a new one is due at once, an old one at the time given
        here at the latest."""

    async def claim(
        self, source_ids: Sequence[SourceId], *, now: float, until: float, limit: int
    ) -> Sequence[Poll]:
        """Those of these that are due by now, the longest overdue first: nobody else gets them before
        `until`, and each has a revision that is one higher."""

    async def save(self, poll: Poll, due_at: float) -> bool:
        """Write a memory, due again then, with a revision that is one higher; False, and nothing written,
        where its revision is not the newest any more."""

    async def of(self, source_id: SourceId) -> Poll | None:
        """The memory of a source, if there is one."""

    async def forget(self, source_ids: Sequence[SourceId]) -> None:
        """Delete memories."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """One process on the store: since when, when it last wrote, what it holds. Times in epoch seconds.

    `version` is the configuration that it routes with, None while it has none; `ended_at` None while it
    lives.
    """

    owner: str
    name: str
    opened_at: float
    seen_at: float
    leases: int
    version: int | None = None
    ended_at: float | None = None


class Store(Protocol):
    """One opened store: its registry and its ledger share transactions."""

    @property
    def registry(self) -> Registry:
        """Its configuration."""

    @property
    def clock(self) -> Clock:
        """The clock that all who share the store go by."""

    @property
    def ledger(self) -> Ledger:
        """Its events and deliveries."""

    @property
    def counters(self) -> Counters:
        """What it counts by day."""

    @property
    def monitors(self) -> Monitors:
        """What its monitors remember."""

    @property
    def holds(self) -> Holds:
        """What its policies hold back."""

    @property
    def rates(self) -> Rates:
        """Limits that all who share it keep together."""

    @property
    def incidents(self) -> Incidents:
        """What is told as one story."""

    @property
    def polls(self) -> Polls:
        """What it remembers of the sources that are asked."""

    def listen(self, configured: Callable[[], None], due: Callable[[], None]) -> None:
        """Be told of what other nodes do: a newer configuration was made, deliveries wait to be claimed."""

    async def check(self) -> None:
        """Prove that the store answers and takes writes; raises Unavailable or OutOfSpace with the reason."""

    async def nodes(self) -> Sequence[NodeState]:
        """The processes that share this store, and those that ended within the last hour."""

    async def close(self) -> None:
        """Finish what is queued, give leases back, close."""
