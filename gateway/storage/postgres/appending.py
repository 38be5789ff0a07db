"""Writing the events and deliveries of a group: one statement, unless the group holds a key twice.

Keys are not looked up first: the statement takes those that are free, and says which they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.delivery import DUPLICATE_OF
from gateway.domain.errors import Unavailable
from gateway.domain.ids import DeliveryId, EventId
from gateway.domain.incident import Chapter
from gateway.ports import Appended, StaleRoutingError
from gateway.storage.incoming import SILENT, Append, Noise, PreparedEntry
from gateway.storage.postgres import incidents
from gateway.storage.postgres.statements import Connection, columns, fetch, fetch_row
from gateway.storage.postgres.tally import Tally

EVENT_COLUMNS = (
    "keys", "ids", "instance_ids", "source_ids", "received_ats", "registry_versions", "forms",
    "schema_revisions", "problems", "attributes", "vocabularies", "data", "flags",
)  # fmt: skip
DELIVERY_COLUMNS = (
    "places", "places_in_event", "delivery_ids", "delivery_instance_ids", "event_ids", "topic_ids",
    "subscription_ids", "destination_ids", "recipients", "states", "reasons", "epochs", "owners",
    "due_ats", "created_ats", "settled_ats",
)  # fmt: skip

OBSERVATION_COLUMNS = ("monitor_ids", "places", "failures", "numbers", "event_ids", "ats")

Outcome = Sequence[Appended] | Exception


class Batch:
    """The entries of a group that one version routed, in rounds: within a round no key occurs twice.

    A later entry of a key is a repeat of the first, unless it corrects a quarantined one.
    """

    def __init__(self, routed_with: int) -> None:
        self.routed_with = routed_with
        self.rounds: list[list[PreparedEntry]] = []
        self._newest: dict[bytes, tuple[int, PreparedEntry]] = {}
        self._repeats: dict[int, PreparedEntry] = {}
        self._written: dict[int, EventId] = {}
        self._suppressed: dict[str, DeliveryId] = {}
        self._before: dict[str, int] = {}
        self._chapters: dict[int, Chapter] = {}

    @property
    def simple(self) -> bool:
        """Whether one statement writes it."""
        return len(self.rounds) <= 1 and not any(one.observations for all_ in self.rounds for one in all_)

    def take(self, entry: PreparedEntry) -> None:
        """Add an entry."""
        known = self._newest.get(entry.key)
        if known is not None and (entry.quarantined or not known[1].quarantined):
            self._repeats[id(entry)] = known[1]
            return
        number = 0 if known is None else known[0] + 1
        if number == len(self.rounds):
            self.rounds.append([])
        self.rounds[number].append(entry)
        self._newest[entry.key] = number, entry

    async def write(
        self, connection: Connection, *, incarnation: int, now: float, tally: Tally | None
    ) -> bool:
        """Write it; False when its routing is stale.

        With a `tally`, in a transaction of the caller's, who writes that as its end.
        """
        for entries in self.rounds or ([],):
            noisy = any(entry.noisy for entry in entries)
            row = await fetch_row(
                connection,
                "append_noisy" if noisy else "append",
                **columns(EVENT_COLUMNS, [(entry.key, *entry.event) for entry in entries]),
                **columns(DELIVERY_COLUMNS, _delivery_rows(entries)),
                **(columns(Noise._fields, _noise_rows(entries)) if noisy else {}),
                duplicate_of=DUPLICATE_OF,
                counting=tally is None,
                routed_with=self.routed_with,
                incarnation=incarnation,
                now=now,
            )
            if row is None or not row[0]:
                return False
            if tally is not None:
                tally.add(row["uncounted"])
            if noisy:
                self._suppressed.update(zip(row["suppressed"], row["firsts"], strict=True))
                self._before.update(zip(row["openers"], row["befores"], strict=True))
            await self._note(connection, entries, {bytes(key) for key in row[1]})
            await self._observe(connection, entries)
        return True

    @property
    def told(self) -> list[PreparedEntry]:
        """Those that were written and may belong to incidents."""
        return [
            one
            for all_ in self.rounds
            for one in all_
            if one.told is not None and id(one) not in self._written
        ]

    def heard(self, chapters: Mapping[int, Chapter]) -> None:
        """Learn what entries are in their incidents, by their `id()`."""
        self._chapters.update(chapters)

    def answer(self, append: Append) -> Sequence[Appended]:
        """What became of each entry of a call."""
        return [self._answer(entry) for entry in append.entries]

    async def _note(
        self, connection: Connection, entries: Sequence[PreparedEntry], written: set[bytes]
    ) -> None:
        repeated = [entry.key for entry in entries if entry.key not in written]
        found = await fetch(connection, "known_keys", keys=repeated) if repeated else ()
        first = {bytes(key): EventId(event_id) for key, event_id in found}
        for entry in entries:
            if entry.key not in written:
                if entry.key not in first:
                    # Its key was deleted for its age in this very moment.
                    raise Unavailable("store_busy", "The event's key is just being deleted.", retry_after=1)
                self._written[id(entry)] = first[entry.key]

    async def _observe(self, connection: Connection, entries: Sequence[PreparedEntry]) -> None:
        """What monitors saw in those that are no repeats. Few events are watched: a statement apart."""
        rows = [row for entry in entries if id(entry) not in self._written for row in entry.observations]
        if rows:
            await fetch(connection, "add_observations", **columns(OBSERVATION_COLUMNS, rows))

    def _answer(self, entry: PreparedEntry) -> Appended:
        first = self._repeats.get(id(entry), entry)
        known = self._written.get(id(first))
        if known is not None:
            return Appended(known, duplicate=True)
        if first is not entry:
            return Appended(first.event_id, duplicate=True)
        chapter = self._chapters.get(id(entry))
        if not entry.noisy:
            return Appended(first.event_id, chapter=chapter)
        ids: list[DeliveryId] = [row[0] for row in entry.deliveries]
        return Appended(
            first.event_id,
            suppressed={id: self._suppressed[id] for id in ids if id in self._suppressed},
            repeats={id: self._before[id] for id in ids if id in self._before},
            chapter=chapter,
        )


async def write_appends(
    connection: Connection,
    appends: Sequence[Append],
    *,
    incarnation: int,
    now: float,
    tally: Tally | None = None,
) -> Sequence[Outcome]:
    """Write a group's appends; one that was routed with another version than the newest gets its error.

    With a `tally`, in a transaction of the caller's, who writes that as its end.
    """
    batches: dict[int, Batch] = {}
    for append in appends:
        batch = batches.setdefault(append.routed_with, Batch(append.routed_with))
        for entry in append.entries:
            batch.take(entry)
    signed = [entry for append in appends for entry in append.entries if entry.told]
    told = bool(signed) and await incidents.matter(connection, signed)
    simple = not told and len(batches) == 1 and all(one.simple for one in batches.values())
    if simple or tally is not None:
        fresh = await _write(connection, batches, incarnation, now, tally)
    else:
        async with connection.transaction():
            tally = Tally()
            fresh = await _write(connection, batches, incarnation, now, tally)
            if told:
                written = [one for one in batches.values() if fresh[one.routed_with]]
                await _tell(connection, written, now, tally)
            await tally.write(connection, incarnation)
    return [
        batches[append.routed_with].answer(append) if fresh[append.routed_with] else _stale(append)
        for append in appends
    ]


async def _write(
    connection: Connection, batches: Mapping[int, Batch], incarnation: int, now: float, tally: Tally | None
) -> Mapping[int, bool]:
    """Which batches were not stale."""
    return {
        version: await batch.write(connection, incarnation=incarnation, now=now, tally=tally)
        for version, batch in batches.items()
    }


async def _tell(connection: Connection, batches: Sequence[Batch], now: float, tally: Tally) -> None:
    """Incidents come last, all together: whoever waits for one holds nothing that its holder may want."""
    told = [entry for batch in batches for entry in batch.told]
    if told:
        chapters = await incidents.tell(connection, told, tally, now=now)
        for batch in batches:
            batch.heard(chapters)


def _delivery_rows(entries: Sequence[PreparedEntry]) -> list[tuple[object, ...]]:
    return [
        (place, place_in_event, *row)
        for place, entry in enumerate(entries, 1)
        for place_in_event, row in enumerate(entry.deliveries)
    ]


def _noise_rows(entries: Sequence[PreparedEntry]) -> list[Noise]:
    return [noise or SILENT for entry in entries for noise in entry.noise]


def _stale(append: Append) -> StaleRoutingError:
    return StaleRoutingError(f"the registry is not at version {append.routed_with} any more")
