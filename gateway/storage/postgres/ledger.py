"""The ledger on PostgreSQL: appends and settles in groups of their own, each group one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from asyncpg import Record

from gateway.domain.delivery import Attempt, Claim, Delivery, LastResult, LateReceipt, Settlement, State
from gateway.domain.ids import DeliveryId, DestinationId, EventId, InstanceId, SourceId
from gateway.domain.source import Heard
from gateway.ports import (
    MAX_RECEIPTS,
    MOST_HEARD,
    Appended,
    DeliveryFilter,
    Entry,
    EventFilter,
    LastHeard,
    LedgerCounts,
    Page,
    StoredEvent,
)
from gateway.storage import rows
from gateway.storage.group import Group, GroupCommit, GroupLimits, Outcomes, busy
from gateway.storage.incoming import Append, Settle
from gateway.storage.leases import LeaseReturns
from gateway.storage.postgres import claiming, reading, retention
from gateway.storage.postgres.appending import write_appends
from gateway.storage.postgres.connections import POOL_SIZE, Connections, Work
from gateway.storage.postgres.faults import OWN
from gateway.storage.postgres.news import News, Topic
from gateway.storage.postgres.node import Node
from gateway.storage.postgres.settling import write_settles
from gateway.storage.postgres.statements import Connection, columns, fetch, fetch_row, fetch_value

Result = TypeVar("Result")

PENDING = State.PENDING.value
SEARCHES = POOL_SIZE // 2
"""Connections that listings and look-ups may use at once."""


class PostgresLedger:
    """Implements `gateway.ports.Ledger`."""

    def __init__(self, connections: Connections, node: Node, news: News, *, timeout: float) -> None:
        self._connections = connections
        self._node = node
        self._news = news
        self._returns = LeaseReturns(self._submit, node.clock)
        self._timeout = timeout
        self._searches = asyncio.Semaphore(SEARCHES)
        limits = GroupLimits(timeout=timeout)
        self._appends: GroupCommit[Append, Sequence[Appended]] = GroupCommit(
            self._commit_appends, forsaken=self._returns.forsaken, limits=limits
        )
        self._settles: GroupCommit[Settle, bool] = GroupCommit(
            self._commit_settles, forsaken=lambda _work, _answer: None, limits=limits
        )

    @property
    def owner(self) -> str:
        """The incarnation that leases are held by; another one after others took it for dead."""
        return self._node.owner

    def holds(self, claim: Claim) -> bool:
        """Whether nobody else can have this delivery, as far as its lease goes."""
        return self._node.holds(claim.owner)

    async def append(self, entries: Sequence[Entry], *, routed_with: int) -> Sequence[Appended]:
        """Write events with their deliveries; see `Ledger.append`."""
        append = Append(entries, routed_with, owner=self._node.incarnation, now=self._node.clock.now())
        appending = self._appends.submit(append, rows=append.rows, size=append.size)
        try:
            return await appending
        except asyncio.CancelledError:
            # Cancelled in the very moment between the answer and waking up to it.
            if appending.done() and not appending.cancelled() and appending.exception() is None:
                self._returns.forsaken(append, appending.result())
            raise

    async def settle(self, settlement: Settlement) -> bool:
        """Write how a held delivery goes on; see `Ledger.settle`. Written even if the caller is cancelled."""
        settle = Settle(settlement, self._node.clock.now())
        return await self._submit(settle)

    async def claim(
        self, room: Mapping[DestinationId, int], *, default_room: int, limit: int
    ) -> Sequence[Claim]:
        """Lease due deliveries; see `Ledger.claim`. Destinations take turns when `limit` is short."""
        work = partial(
            claiming.lease_due,
            room=dict(room),
            default_room=default_room,
            limit=limit,
            now=self._node.clock.now(),
            incarnation=self._node.incarnation,
        )
        owner = self._node.owner
        return self._claims(await self._lease(work), owner)

    async def claim_suspect(self) -> Claim | None:
        """Lease one delivery to be sent alone; see `Ledger.claim_suspect`."""
        owner = self._node.owner
        work = partial(claiming.lease_suspect, now=self._node.clock.now(), incarnation=self._node.incarnation)
        claims = self._claims(await self._lease(work), owner)
        return claims[0] if claims else None

    async def next_due(self) -> float | None:
        """When the earliest pending delivery is due."""
        due: float | None = await self._connections.run(
            lambda connection: fetch_value(connection, "earliest_due")
        )
        return due

    async def replay(self, instance_id: InstanceId, delivery_id: DeliveryId) -> bool:
        """Reopen a terminal delivery; False also when it was folded or when its event is gone."""
        return await self._connections.run(
            lambda connection: self._replay(connection, instance_id, delivery_id)
        )

    async def end_quarantine(
        self,
        instance_id: InstanceId,
        event_id: EventId,
        *,
        discarded: str | None = None,
        replaced_by: EventId | None = None,
    ) -> bool:
        """Say why a quarantined event is one no more; see `Ledger.end_quarantine`."""
        found = await self._connections.run(
            lambda connection: fetch(
                connection,
                "end_quarantine",
                id=event_id,
                instance_id=instance_id,
                discarded=discarded,
                replaced_by=replaced_by,
            )
        )
        return bool(found)

    async def event(self, instance_id: InstanceId, event_id: EventId) -> StoredEvent | None:
        """One event of this instance."""
        return await self._search(lambda connection: reading.event(connection, instance_id, event_id))

    async def events(
        self, instance_id: InstanceId, wanted: EventFilter, *, cursor: str = "", limit: int = 50
    ) -> Page[StoredEvent]:
        """Events of this instance, newest first; raises Malformed for a cursor that is none."""
        return await self._search(
            lambda connection: reading.events(connection, instance_id, wanted, cursor, limit)
        )

    async def delivery(self, instance_id: InstanceId, delivery_id: DeliveryId) -> Delivery | None:
        """One delivery of this instance."""
        return await self._search(lambda connection: reading.delivery(connection, instance_id, delivery_id))

    async def deliveries(
        self, instance_id: InstanceId, wanted: DeliveryFilter, *, cursor: str = "", limit: int = 50
    ) -> Page[Delivery]:
        """Deliveries of this instance, newest first; raises Malformed for a cursor that is none."""
        return await self._search(
            lambda connection: reading.deliveries(connection, instance_id, wanted, cursor, limit)
        )

    async def attempts(self, delivery_id: DeliveryId) -> Sequence[Attempt]:
        """Every try of a delivery, oldest first."""
        return await self._search(lambda connection: reading.attempts(connection, delivery_id))

    async def note_results(self, results: Sequence[LastResult]) -> None:
        """Keep how the last try at each destination ended; see `Ledger.note_results`."""
        given = columns(LastResult._fields, results)
        await self._connections.run(lambda connection: fetch(connection, "note_results", **given))

    async def last_results(self, instance_id: InstanceId) -> Mapping[DestinationId, LastResult]:
        """How the last try at each destination of this instance ended."""
        return await self._search(lambda connection: reading.last_results(connection, instance_id))

    async def note_heard(self, rows: Sequence[Heard]) -> None:
        """Remember the last events of each source; see `Ledger.note_heard`."""
        await self._connections.run(lambda connection: _note_heard(connection, rows))

    async def last_heard(self, instance_id: InstanceId, source_id: SourceId) -> LastHeard:
        """What is remembered of this source."""
        return await self._search(lambda connection: reading.last_heard(connection, instance_id, source_id))

    async def add_receipt(
        self, destination_id: DestinationId, delivery_id: DeliveryId, receipt: LateReceipt
    ) -> bool:
        """Keep what a channel said later of a delivery; see `Ledger.add_receipt`."""
        return await self._search(
            lambda connection: _add_receipt(connection, destination_id, delivery_id, receipt)
        )

    async def receipts(self, delivery_id: DeliveryId) -> Sequence[LateReceipt]:
        """What was said later of a delivery, oldest first."""
        return await self._search(lambda connection: reading.receipts(connection, delivery_id))

    async def counts(self) -> LedgerCounts:
        """How many deliveries stand where."""
        by_state, due = await self._connections.run(_count)
        return LedgerCounts(by_state, 0.0 if due is None else max(self._node.clock.now() - due, 0.0))

    async def prune(
        self, *, events_before: float, deliveries_before: float, keys_before: float, limit: int
    ) -> int:
        """Delete what is old; an event stays while a dead letter of it does, so that it can be replayed."""
        ages = retention.Ages(events_before, deliveries_before, keys_before, self._node.clock.now())
        return await self._connections.run(
            lambda connection: retention.delete_old(connection, ages, limit, self._node.incarnation)
        )

    async def finish(self) -> None:
        """Take nothing more and write what is queued."""
        await self._appends.close()
        await self._settles.close()

    def _submit(self, settle: Settle) -> asyncio.Future[bool]:
        return self._settles.submit(settle, size=settle.size, lasting=True)

    def _commit_appends(
        self, group: Group[Append, Sequence[Appended]]
    ) -> asyncio.Future[Outcomes[Sequence[Appended]]]:
        async def write(connection: Connection) -> Outcomes[Sequence[Appended]]:
            outcomes = await write_appends(
                connection, group.works, incarnation=self._node.incarnation, now=self._node.clock.now()
            )
            if any(PENDING in entry.states for append in group.works for entry in append.entries):
                self._news.soon(Topic.DUE)
            return outcomes

        return self._connections.own(self._in_doubt(self._connections.start(write)))

    def _commit_settles(self, group: Group[Settle, bool]) -> asyncio.Future[Outcomes[bool]]:
        async def write(connection: Connection) -> Outcomes[bool]:
            settled = await write_settles(
                connection,
                group.works,
                incarnation=self._node.incarnation,
                now=self._node.clock.now(),
            )
            if settled.freed:
                self._news.soon(Topic.DUE)
            return settled.held

        return self._connections.start(write)

    async def _search(self, work: Work[Result]) -> Result:
        """Work for somebody outside: of the connections, some are always left for the path of an event."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._searches.acquire()
        except TimeoutError:
            raise busy() from None
        searching = self._connections.start(work)
        searching.add_done_callback(lambda _: self._searches.release())
        return await asyncio.shield(searching)

    async def _lease(self, work: Callable[[Connection], Awaitable[Sequence[Record]]]) -> Sequence[Record]:
        leasing = self._connections.own(self._in_doubt(self._connections.start(work)))
        try:
            return await asyncio.shield(leasing)
        except asyncio.CancelledError:
            leasing.add_done_callback(self._return_rows)
            raise

    async def _in_doubt(self, work: asyncio.Task[Result]) -> Result:
        """Work that leases. If nobody knows what became of it, what it may have leased has to lapse."""
        try:
            return await work
        except OWN:
            raise
        except BaseException:
            self._node.doubt()
            raise

    def _claims(self, leased: Sequence[Record], owner: str) -> Sequence[Claim]:
        try:
            return [rows.claim(row[claiming.ORDER :], owner) for row in leased]
        except Exception:
            # A row that this release cannot read, of a newer one: another node may.
            self._node.doubt()
            raise

    def _return_rows(self, leasing: asyncio.Task[Sequence[Record]]) -> None:
        if not leasing.cancelled() and leasing.exception() is None:
            for row in leasing.result():
                self._returns.give_back(*claiming.lease_of(row))

    async def _replay(self, connection: Connection, instance_id: InstanceId, delivery_id: DeliveryId) -> bool:
        place = {"id": delivery_id, "instance_id": instance_id}
        async with connection.transaction():
            if not await fetch(connection, "keep_event", **place):
                return False
            await fetch(connection, "keep_success", id=delivery_id)
            reopened = await fetch_row(
                connection,
                "reopen",
                **place,
                now=self._node.clock.now(),
                incarnation=self._node.incarnation,
            )
        return reopened is not None


async def _count(connection: Connection) -> tuple[Mapping[State, int], float | None]:
    tallies = await fetch(connection, "tallies")
    due: float | None = await fetch_value(connection, "earliest_due")
    return {State(state): deliveries for state, deliveries in tallies}, due


async def _add_receipt(
    connection: Connection, destination_id: DestinationId, delivery_id: DeliveryId, receipt: LateReceipt
) -> bool:
    if not reading.possible(delivery_id):
        return False
    async with connection.transaction():
        number = await fetch_value(
            connection, "delivery_number", id=delivery_id, destination_id=destination_id
        )
        if number is None:
            return False
        await fetch(connection, "add_receipt", **receipt._asdict(), delivery=number, most=MAX_RECEIPTS)
    return True


async def _note_heard(connection: Connection, rows: Sequence[Heard]) -> None:
    await fetch(connection, "note_heard", **columns(Heard._fields, rows))
    for instance_id, source_id in sorted({row[:2] for row in rows}):
        place = {"instance_id": instance_id, "source_id": source_id}
        await fetch(connection, "trim_heard", **place, kept=MOST_HEARD - 1)
