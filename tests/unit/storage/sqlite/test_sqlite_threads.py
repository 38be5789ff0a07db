"""The threads behind a store: bounded waits, work that nobody waits for, and their end."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from gateway.domain.delivery import State
from gateway.domain.errors import ConfigurationError, Unavailable
from gateway.ports import EventFilter
from gateway.storage.sqlite import faults
from gateway.storage.sqlite import store as store_module
from tests.contracts.ledger_values import INSTANCE, append, entry, planned, states
from tests.waiting import until, until_async

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
async def hasty(open_store):
    """A store that waits a tenth of a second at most."""
    opened = await open_store(timeout=0.1)
    yield opened
    await opened.close()


@pytest.fixture
def gate():
    """Holds the writing thread until it is opened."""
    made = threading.Event()
    yield made
    made.set()


def hold(store, gate):
    return store._writer.submit(lambda connection: gate.wait(10), abandoned=lambda: False)


async def test_a_writer_that_hangs_makes_every_call_unavailable_in_time(hasty, gate):
    held = hold(hasty, gate)
    calls = (
        append(hasty, entry("1", planned(state=State.LEASED))),
        hasty.check(),
        hasty.ledger.claim({}, default_room=1, limit=1),
        hasty.registry.apply([], [], expected=0),
    )
    answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
    assert [one.code for one in answers] == ["store_timeout"] * 4
    gate.set()
    await held
    await until_async(lambda: works(hasty))
    assert await events(hasty) == ()
    assert await states(hasty) == {}


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("sqlite-")]


async def works(store):
    try:
        await store.check()
    except Unavailable:
        return False
    return True


async def events(store):
    return (await store.ledger.events(INSTANCE, EventFilter())).rows


async def test_reading_goes_on_while_the_writer_hangs(hasty, gate):
    await append(hasty, entry("1"))
    held = hold(hasty, gate)
    assert len(await events(hasty)) == 1
    gate.set()
    await held


async def test_a_query_that_takes_too_long_is_interrupted(hasty):
    for _ in range(5):
        with pytest.raises(Unavailable) as caught:
            await hasty._readers.run(lambda connection: connection.execute(ENDLESS).fetchone())
        assert caught.value.code == "store_timeout"
    await until(lambda: hasty._readers._waiting == 0)
    assert await events(hasty) == ()


async def test_what_the_writer_does_for_nobody_is_undone(hasty):
    def slow(connection):
        connection.execute("UPDATE registry SET version = 99")
        connection.execute(ENDLESS).fetchone()

    with pytest.raises(Unavailable):
        await hasty._writer.run(slow)
    await until_async(lambda: works(hasty))
    assert await hasty.registry.version() == 0


async def test_what_was_about_to_be_committed_for_nobody_is_undone(hasty, gate):
    def slow(connection):
        connection.execute("UPDATE registry SET version = 99")
        gate.wait(10)

    with pytest.raises(Unavailable):
        await hasty._writer.run(slow)
    gate.set()
    await until_async(lambda: works(hasty))
    assert await hasty.registry.version() == 0


async def test_a_group_that_was_about_to_be_committed_for_nobody_is_undone(hasty, gate, monkeypatch):
    demand = hasty._space.demand
    monkeypatch.setattr(hasty._space, "demand", lambda connection: gate.wait(10) and demand(connection))
    with pytest.raises(Unavailable):
        await append(hasty, entry("1", planned(state=State.LEASED)))
    gate.set()
    await until_async(lambda: works(hasty))
    assert await events(hasty) == ()


async def test_leases_return_when_a_caller_is_cancelled_between_the_answer_and_waking_up(store, monkeypatch):
    plan = planned(state=State.LEASED)
    calls = []
    answer = store.ledger._commits._answer

    def answer_and_cancel(*answered):
        answer(*answered)
        for call in calls:
            call.cancel()

    monkeypatch.setattr(store.ledger._commits, "_answer", answer_and_cancel)
    calls.append(asyncio.ensure_future(append(store, entry("1", plan))))
    with pytest.raises(asyncio.CancelledError):
        await calls[0]

    async def it_is_pending():
        return (await states(store)) == {plan.id: State.PENDING}

    await until_async(it_is_pending)


async def test_claims_return_when_a_caller_is_cancelled_between_the_answer_and_waking_up(store, monkeypatch):
    plan = planned()
    await append(store, entry("1", plan))
    calls = []
    answer = store._writer._answer

    def answer_and_cancel(*answered):
        answer(*answered)
        for call in calls:
            call.cancel()

    monkeypatch.setattr(store._writer, "_answer", answer_and_cancel)
    calls.append(asyncio.ensure_future(store.ledger.claim({}, default_room=9, limit=9)))
    with pytest.raises(asyncio.CancelledError):
        await calls[0]
    calls.clear()

    async def it_can_be_claimed():
        return len(await store.ledger.claim({}, default_room=9, limit=9)) == 1

    await until_async(it_can_be_claimed)


async def test_the_queue_of_a_thread_is_bounded(store, gate):
    held = hold(store, gate)
    waiting = [asyncio.ensure_future(store.check()) for _ in range(300)]
    done, _ = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert {one.exception().code for one in done} == {"store_busy"}
    gate.set()
    await held
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert 200 < answers.count(None) < 300


async def test_threads_end_with_the_store(open_store):
    before = threads()
    store = await open_store()
    assert len(threads()) == len(before) + 3
    await store.close()
    assert threads() == before
    await store.close()


async def test_a_store_whose_thread_hangs_keeps_its_lock(open_store, gate):
    before = threads()
    store = await open_store(timeout=0.1)
    held = hold(store, gate)
    with pytest.raises(Unavailable):
        await store.close()
    with pytest.raises(ConfigurationError, match="another process"):
        await open_store()
    gate.set()
    await held
    await until(lambda: threads() == before)
    store._lock.release()


async def test_threads_end_when_opening_fails_late(open_store, monkeypatch):
    def fail(*_):
        raise sqlite3.OperationalError("no such luck")

    monkeypatch.setattr(store_module, "_begin", fail)
    before = threads()
    with pytest.raises(ConfigurationError, match="no such luck"):
        await open_store()
    assert threads() == before
    monkeypatch.undo()
    await (await open_store()).close()


async def test_the_log_stays_bounded_under_writing(store, path):
    log = path.with_name(path.name + "-wal")
    sizes = []
    for part in range(30):
        await append(store, *(entry(f"{part}-{one}", data=b'"' + b"x" * 4000 + b'"') for one in range(200)))
        sizes.append(log.stat().st_size)
    assert max(sizes) < 20 << 20
    assert path.stat().st_size > 20 << 20


def failing(name):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SQLITE_FULL", "store_full"),
        ("SQLITE_IOERR_SHMSIZE", "store_full"),
        ("SQLITE_BUSY", "store_unavailable"),
        ("SQLITE_IOERR_FSYNC", "store_unavailable"),
        ("SQLITE_READONLY_DBMOVED", "store_unavailable"),
        ("SQLITE_CORRUPT", "store_unavailable"),
        ("SQLITE_INTERRUPT", "store_unavailable"),
    ],
)
def test_faults_of_the_disk_are_nobodys_fault(name, code):
    assert faults.translate(failing(name)).code == code


def test_faults_of_a_statement_stay_what_they_are():
    for error in (failing("SQLITE_CONSTRAINT_UNIQUE"), failing("SQLITE_ERROR"), ValueError("x")):
        assert faults.translate(error) is error
