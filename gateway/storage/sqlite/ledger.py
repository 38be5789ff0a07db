"""The ledger on SQLite: appends and settles share transactions, claims and the rest have their own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from gateway.domain.clock import Clock
from gateway.domain.delivery import Attempt, Claim, Delivery, LastResult, LateReceipt, Settlement, State
from gateway.domain.errors import OutOfSpace
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
from gateway.storage.group import Group, GroupCommit, GroupLimits, Outcomes, again
from gateway.storage.incoming import Append, Settle
from gateway.storage.leases import LeaseReturns
from gateway.storage.sqlite import claiming, reading, retention, tally
from gateway.storage.sqlite.appending import write_appends
from gateway.storage.sqlite.settling import write_settles
from gateway.storage.sqlite.space import Space
from gateway.storage.sqlite.statements import SQL, execute_rows
from gateway.storage.sqlite.tally import Tally
from gateway.storage.sqlite.workers import Workers
from gateway.storage.sqlite.writer import Writer

Written = Append | Settle
Answer = Sequence[Appended] | bool


class SqliteLedger:
    """Implements `gateway.ports.Ledger`. `freed` is told when a result may have made another delivery due."""

    def __init__(
        self,
        writer: Writer,
        readers: Workers,
        space: Space,
        clock: Clock,
        *,
        owner: str,
        incarnation: int,
        next_number: Callable[[], int],
        timeout: float,
    ) -> None:
        self.owner = owner
        self._writer = writer
        self._readers = readers
        self._space = space
        self._clock = clock
        self._incarnation = incarnation
        self._next_number = next_number
        self.freed: Callable[[], None] = lambda: None
        self._commits: GroupCommit[Written, Answer] = GroupCommit(
            self._commit, forsaken=self._forsaken, limits=GroupLimits(timeout=timeout)
        )
        self._returns = LeaseReturns(self._submit, clock)

    def holds(self, claim: Claim) -> bool:
        """True: while this process has the file, no other one can."""
        return claim.owner == self.owner

    async def append(self, entries: Sequence[Entry], *, routed_with: int) -> Sequence[Appended]:
        """Write events with their deliveries; see `Ledger.append`."""
        append = Append(entries, routed_with, owner=self._incarnation, now=self._clock.now())
        appending = self._commits.submit(append, rows=append.rows, size=append.size)
        try:
            return cast("Sequence[Appended]", await appending)
        except asyncio.CancelledError:
            # Cancelled in the very moment between the answer and waking up to it.
            if appending.done() and not appending.cancelled() and appending.exception() is None:
                self._forsaken(append, appending.result())
            raise

    async def settle(self, settlement: Settlement) -> bool:
        """Write how a held delivery goes on; see `Ledger.settle`. Written even if the caller is cancelled."""
        settle = Settle(settlement, self._clock.now())
        settled = cast("bool", await self._submit(settle))
        if settled and settlement.state is State.DEAD:
            self.freed()  # One that it had suppressed may have come forward.
        return settled

    async def claim(
        self, room: Mapping[DestinationId, int], *, default_room: int, limit: int
    ) -> Sequence[Claim]:
        """Lease due deliveries; see `Ledger.claim`. Destinations take turns when `limit` is short."""
        work = partial(
            claiming.lease_due,
            room=dict(room),
            default_room=default_room,
            limit=limit,
            now=self._clock.now(),
            owner=self._incarnation,
        )
        leased = await self._writer.run(work, forsaken=self._return_rows)
        return [rows.claim(row, self.owner) for row in leased]

    async def claim_suspect(self) -> Claim | None:
        """Lease one delivery to be sent alone; see `Ledger.claim_suspect`."""
        work = partial(claiming.lease_suspect, now=self._clock.now(), owner=self._incarnation)
        leased = await self._writer.run(work, forsaken=self._return_rows)
        return rows.claim(leased[0], self.owner) if leased else None

    async def next_due(self) -> float | None:
        """When the earliest pending delivery is due. Asked of the writer: readers may be deep in searches."""
        return await self._writer.run(_earliest_due)

    async def replay(self, instance_id: InstanceId, delivery_id: DeliveryId) -> bool:
        """Reopen a terminal delivery; False also when it was folded or when its event is gone."""
        return await self._writer.run(partial(_replay, instance_id, delivery_id, self._clock.now()))

    async def end_quarantine(
        self,
        instance_id: InstanceId,
        event_id: EventId,
        *,
        discarded: str | None = None,
        replaced_by: EventId | None = None,
    ) -> bool:
        """Say why a quarantined event is one no more; see `Ledger.end_quarantine`."""
        given = {
            "id": event_id, "instance_id": instance_id, "discarded": discarded, "replaced_by": replaced_by
        }  # fmt: skip
        return await self._writer.run(
            lambda connection: connection.execute(SQL["end_quarantine"], given).rowcount == 1
        )

    async def event(self, instance_id: InstanceId, event_id: EventId) -> StoredEvent | None:
        """One event of this instance."""
        return await self._readers.run(lambda connection: reading.event(connection, instance_id, event_id))

    async def events(
        self, instance_id: InstanceId, wanted: EventFilter, *, cursor: str = "", limit: int = 50
    ) -> Page[StoredEvent]:
        """Events of this instance, newest first; raises Malformed for a cursor that is none."""
        return await self._readers.run(
            lambda connection: reading.events(connection, instance_id, wanted, cursor, limit)
        )

    async def delivery(self, instance_id: InstanceId, delivery_id: DeliveryId) -> Delivery | None:
        """One delivery of this instance."""
        return await self._readers.run(
            lambda connection: reading.delivery(connection, instance_id, delivery_id)
        )

    async def deliveries(
        self, instance_id: InstanceId, wanted: DeliveryFilter, *, cursor: str = "", limit: int = 50
    ) -> Page[Delivery]:
        """Deliveries of this instance, newest first; raises Malformed for a cursor that is none."""
        return await self._readers.run(
            lambda connection: reading.deliveries(connection, instance_id, wanted, cursor, limit)
        )

    async def attempts(self, delivery_id: DeliveryId) -> Sequence[Attempt]:
        """Every try of a delivery, oldest first."""
        return await self._readers.run(lambda connection: reading.attempts(connection, delivery_id))

    async def note_results(self, results: Sequence[LastResult]) -> None:
        """Keep how the last try at each destination ended; see `Ledger.note_results`."""
        await self._writer.run(lambda connection: execute_rows(connection, "note_results", results))

    async def last_results(self, instance_id: InstanceId) -> Mapping[DestinationId, LastResult]:
        """How the last try at each destination of this instance ended."""
        return await self._readers.run(lambda connection: reading.last_results(connection, instance_id))

    async def note_heard(self, rows: Sequence[Heard]) -> None:
        """Remember the last events of each source; see `Ledger.note_heard`."""
        await self._writer.run(partial(_note_heard, rows))

    async def last_heard(self, instance_id: InstanceId, source_id: SourceId) -> LastHeard:
        """What is remembered of this source."""
        return await self._readers.run(
            lambda connection: reading.last_heard(connection, instance_id, source_id)
        )

    async def add_receipt(
        self, destination_id: DestinationId, delivery_id: DeliveryId, receipt: LateReceipt
    ) -> bool:
        """Keep what a channel said later of a delivery; see `Ledger.add_receipt`."""
        return await self._writer.run(partial(_add_receipt, destination_id, delivery_id, receipt))

    async def receipts(self, delivery_id: DeliveryId) -> Sequence[LateReceipt]:
        """What was said later of a delivery, oldest first."""
        return await self._readers.run(lambda connection: reading.receipts(connection, delivery_id))

    async def counts(self) -> LedgerCounts:
        """How many deliveries stand where."""
        by_state, due = await self._readers.run(_count)
        return LedgerCounts(by_state, 0.0 if due is None else max(self._clock.now() - due, 0.0))

    async def prune(
        self, *, events_before: float, deliveries_before: float, keys_before: float, limit: int
    ) -> int:
        """Delete what is old; an event stays while a dead letter of it does, so that it can be replayed."""
        ages = retention.Ages(events_before, deliveries_before, keys_before, self._clock.now())
        old = await self._readers.run(partial(retention.find_old, ages=ages, limit=limit))
        return await self._writer.run(partial(retention.delete_old, old=old, ages=ages))

    async def finish(self) -> None:
        """Take nothing more, write what is queued, and give the leases of this incarnation back."""
        await self._commits.close()
        await self._writer.run(partial(_finish, self._incarnation, self._clock.now()))

    def _submit(self, settle: Settle) -> asyncio.Future[Answer]:
        return self._commits.submit(settle, size=settle.size, lasting=True)

    def _commit(self, group: Group[Written, Answer]) -> asyncio.Future[Outcomes[Answer]]:
        write = partial(self._write, works=group.works)
        return self._writer.submit(write, abandoned=lambda: group.abandoned, size=group.size)

    def _write(self, connection: sqlite3.Connection, works: Sequence[Written]) -> Outcomes[Answer]:
        """In the writing thread, within a transaction: settles first, because they may start it anew."""
        moves = Tally()
        settles = [work for work in works if isinstance(work, Settle)]
        appends = [work for work in works if isinstance(work, Append)]
        settled = _settle_all(connection, settles, self._clock.now(), moves)
        appended = self._append_all(connection, appends, moves)
        moves.write(connection)
        answers: dict[Written, Answer | Exception] = dict(zip(settles, settled, strict=True))
        answers.update(zip(appends, appended, strict=True))
        return [answers[work] for work in works]

    def _append_all(
        self, connection: sqlite3.Connection, appends: Sequence[Append], moves: Tally
    ) -> Sequence[Sequence[Appended] | Exception]:
        if not appends:
            return ()
        try:
            self._space.demand(connection)
        except OutOfSpace as refusal:
            return [again(refusal) for _ in appends]
        return write_appends(connection, appends, self._next_number, moves, self._clock.now())

    def _forsaken(self, work: Written, answer: Answer) -> None:
        if isinstance(work, Append) and not isinstance(answer, bool):
            self._returns.forsaken(work, answer)

    def _return_rows(self, leased: Sequence[claiming.Row]) -> None:
        for row in leased:
            self._returns.give_back(DeliveryId(row[0]), row[1])


def _settle_all(
    connection: sqlite3.Connection, settles: Sequence[Settle], now: float, moves: Tally
) -> Sequence[bool]:
    if not settles:
        return ()
    if write_settles(connection, settles, now, moves):
        return [True] * len(settles)
    connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    return [write_settles(connection, (settle,), now, moves) for settle in settles]


def _count(connection: sqlite3.Connection) -> tuple[Mapping[State, int], float | None]:
    return tally.read(connection), _earliest_due(connection)


def _earliest_due(connection: sqlite3.Connection) -> float | None:
    due: float | None = connection.execute(SQL["earliest_due"]).fetchone()[0]
    return due


def _replay(
    instance_id: InstanceId, delivery_id: DeliveryId, now: float, connection: sqlite3.Connection
) -> bool:
    found: Any = connection.execute(SQL["state_of"], (delivery_id, instance_id)).fetchone()
    if found is None:
        return False
    connection.execute(SQL["keep_success"], (delivery_id,))
    connection.execute(SQL["end_hold_of"], (delivery_id,))
    reopened = connection.execute(SQL["reopen"], (now, delivery_id)).rowcount == 1
    if reopened:
        moves = Tally()
        moves.move(found[0], State.PENDING.value, 1)
        moves.write(connection)
    return reopened


def _add_receipt(
    destination_id: DestinationId,
    delivery_id: DeliveryId,
    receipt: LateReceipt,
    connection: sqlite3.Connection,
) -> bool:
    place = {"id": delivery_id, "destination_id": destination_id}
    found = connection.execute(SQL["delivery_number"], place).fetchone()
    if found is None:
        return False
    connection.execute(SQL["add_receipt"], {**receipt._asdict(), "delivery": found[0], "most": MAX_RECEIPTS})
    return True


def _finish(incarnation: int, now: float, connection: sqlite3.Connection) -> None:
    returned = connection.execute(SQL["give_leases_back"], (now, incarnation)).rowcount
    moves = Tally()
    moves.move(State.LEASED.value, State.PENDING.value, returned)
    moves.write(connection)
    connection.execute(SQL["close_incarnation"], (now, incarnation))


def _note_heard(rows: Sequence[Heard], connection: sqlite3.Connection) -> None:
    execute_rows(connection, "note_heard", rows)
    for instance_id, source_id in dict.fromkeys(row[:2] for row in rows):
        place = {"instance_id": instance_id, "source_id": source_id}
        connection.execute(SQL["trim_heard"], {**place, "kept": MOST_HEARD - 1})
