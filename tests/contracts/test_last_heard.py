"""The last events of each source, on every store: remembered few, found without looking at all the others."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from gateway.domain.errors import Unavailable
from gateway.domain.source import SELF, Heard, Source
from gateway.pipeline.recent import Recent
from gateway.ports import MOST_HEARD, Put, Remove
from gateway.storage.postgres import schema as postgres_schema
from gateway.storage.sqlite import schema as sqlite_schema
from tests.contracts.conftest import House
from tests.contracts.ledger_values import INSTANCE, NOW, OTHER_INSTANCE, SOURCE, append, entry

HERE = Source(SOURCE, INSTANCE, "s", NOW, NOW)


async def heard(store, *ids, source=SOURCE, instance=INSTANCE, at=NOW):
    """Store events of these ids, a second apart; return their rows."""
    entries = [
        entry(f"{source}-{one}", source=source, instance=instance, received_at=at + place)
        for place, one in enumerate(ids)
    ]
    await append(store, *entries)
    return [Heard(instance, source, at + place, one.accepted.id) for place, one in enumerate(entries)]


async def ids(store, source=SOURCE, instance=INSTANCE):
    return [one.accepted.id for one in (await store.ledger.last_heard(instance, source)).events]


async def test_a_source_is_remembered_by_its_last_events_newest_first(store):
    assert await store.ledger.last_heard(INSTANCE, SOURCE) == (None, [])
    rows = await heard(store, "a", "b", "c")
    await store.ledger.note_heard([rows[1], rows[0]])
    await store.ledger.note_heard([rows[2], rows[1]])
    found = await store.ledger.last_heard(INSTANCE, SOURCE)
    assert found.at == NOW + 2
    assert [one.accepted.id for one in found.events] == [one.event_id for one in reversed(rows)]
    assert found.events[0].accepted.vocabulary.title == f"Backup {SOURCE}-c failed"


async def test_only_so_many_are_remembered_of_each(store):
    many = await heard(store, *map(str, range(MOST_HEARD + 30)))
    (other,) = await heard(store, "x", source="quiet", at=NOW - 1000)
    await store.ledger.note_heard([other, *many[:60]])
    await store.ledger.note_heard(many[60:])
    assert await ids(store) == [one.event_id for one in reversed(many[-MOST_HEARD:])]
    assert await ids(store, "quiet") == [other.event_id], "a busy source pushes out nobody else's"


async def test_sources_of_two_instances_are_told_apart(store):
    (here,) = await heard(store, "1", source=SELF)
    (there,) = await heard(store, "2", source=SELF, instance=OTHER_INSTANCE)
    await store.ledger.note_heard([here, there])
    assert await ids(store, SELF) == [here.event_id]
    assert await ids(store, SELF, OTHER_INSTANCE) == [there.event_id]


async def test_when_a_source_was_heard_outlives_its_events(store, clock):
    rows = await heard(store, "a", "b")
    await store.ledger.note_heard(rows)
    await store.ledger.prune(events_before=NOW + 1, deliveries_before=0.0, keys_before=0.0, limit=100)
    found = await store.ledger.last_heard(INSTANCE, SOURCE)
    assert (found.at, len(found.events)) == (NOW + 1, 1)


async def test_a_removed_source_is_forgotten(store):
    rows, mine = await heard(store, "a", source="other"), await heard(store, "a")
    await store.ledger.note_heard([*rows, *mine])
    version = await store.registry.apply([Put(HERE)], expected=0)
    await store.registry.apply([Remove(HERE)], expected=version)
    assert await store.ledger.last_heard(INSTANCE, SOURCE) == (None, [])
    assert await ids(store, "other") == [rows[0].event_id]


async def test_what_was_written_outlives_the_process(house):
    store = await house.open()
    rows = await heard(store, "a")
    await store.ledger.note_heard(rows)
    await house.crash(store)
    again = await house.open()
    assert await ids(again) == [rows[0].event_id]


async def test_what_the_store_cannot_take_is_written_the_next_time(store, monkeypatch):
    recent, rows = Recent(store.ledger), await heard(store, "a", "b")

    async def refuses(_rows):
        recent.note(HERE, rows[1].event_id, NOW + 1)
        raise Unavailable("store_busy", "not now")

    with monkeypatch.context() as patched:
        patched.setattr(store.ledger, "note_heard", refuses)
        recent.note(HERE, rows[0].event_id, NOW)
        await recent.write()
    assert await ids(store) == []
    await recent.write()
    assert await ids(store) == [rows[1].event_id, rows[0].event_id]


@pytest.mark.parametrize("known", [{SOURCE}, {SELF}])
async def test_what_is_noted_of_a_source_that_is_gone_is_not_written(store, known):
    recent, rows = Recent(store.ledger), await heard(store, "a")
    recent.note(HERE, rows[0].event_id, NOW)
    recent.forget(known)
    await recent.write()
    assert await ids(store) == ([rows[0].event_id] if SOURCE in known else [])


async def test_what_came_before_there_was_such_a_memory_is_in_it_by_the_last_of_each_source(house: House):
    store = await house.open()
    rows = [*await heard(store, "a", "b"), *await heard(store, "c", source="other")]
    await store.close()
    await made_anew(house)
    store = await house.open()
    assert await ids(store) == [rows[1].event_id] and await ids(store, "other") == [rows[2].event_id]
    assert (await store.ledger.last_heard(INSTANCE, SOURCE)).at == NOW + 1


async def made_anew(house: House) -> None:
    """Run the migration that makes the table on what is stored."""
    if hasattr(house, "_path"):
        (sql,) = [one.sql for one in sqlite_schema.MIGRATIONS if one.name == "last_seen"]
        with contextlib.closing(sqlite3.connect(house._path)) as connection:
            connection.executescript(f"DROP TABLE last_seen; {sql}")
    else:
        (sql,) = [one.sql for one in postgres_schema.MIGRATIONS if one.name == "last_seen"]
        await house._execute(f"SET search_path = {house._schema}; DROP TABLE last_seen; {sql}")
