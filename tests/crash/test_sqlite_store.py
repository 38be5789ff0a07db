"""kill -9, copies of a running store, and real full disks: the SQLite store alone."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.clock import SystemClock
from gateway.domain.delivery import State
from gateway.domain.errors import ConfigurationError, OutOfSpace, Refused
from gateway.domain.ids import new_id
from gateway.ports import EventFilter
from gateway.storage.sqlite import schema, writer
from gateway.storage.sqlite.store import SqliteStore
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    append,
    append_leased,
    delivered,
    entry,
    require_true_counts,
)
from tests.crash.sqlite_child import LONG_MIGRATION
from tests.fakes.disk import Disk
from tests.waiting import until

MIB = 1 << 20


class Child:
    """The process of `sqlite_child`, and what it has said."""

    def __init__(self, command: str, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.sqlite_child", command, str(path)],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said = b""

    def lines(self) -> list[list[str]]:
        """The finished lines so far, as words."""
        self._said += self._process.stdout.read() or b""
        return [line.decode().split() for line in self._said.split(b"\n")[:-1]]

    def said(self, word: str) -> list[list[str]]:
        return [line for line in self.lines() if line[0] == word]

    def signal(self, number: int) -> None:
        os.killpg(self._process.pid, number)

    def kill(self) -> list[list[str]]:
        """kill -9; return every line it finished."""
        self.signal(signal.SIGKILL)
        self._process.wait(10)
        lines = self.lines()
        self._process.stdout.close()
        return lines


@pytest.fixture
def child():
    """Starts children; what still runs at the end is killed."""
    started = []

    def start(command, path):
        started.append(Child(command, path))
        return started[-1]

    yield start
    for one in started:
        if one._process.poll() is None:
            one.kill()


async def reopen(path, **options):
    return await SqliteStore.open(
        path, clock=SystemClock(), **({"free_space_floor": 0, "reserve": 4096} | options)
    )


def sound(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()


async def require_kept(path, lines):
    """Everything the child was answered is in the file, and whatever it had not settled is due."""
    store = await reopen(path)
    settled = {line[1] for line in lines if line[0] == "delivered"}
    for _, event_id, delivery_id in (line for line in lines if line[0] == "accepted"):
        assert await store.ledger.event(INSTANCE, event_id) is not None
        row = await store.ledger.delivery(INSTANCE, delivery_id)
        if delivery_id in settled:
            assert row.state is State.DELIVERED
        else:
            assert row.state in {State.DELIVERED, State.PENDING}
    counts = (await store.ledger.counts()).by_state
    assert counts[State.LEASED] == 0
    await require_true_counts(store)
    await store.close()
    assert sound(path) == "ok"


async def test_nothing_that_was_answered_is_lost_by_kill_9(child, tmp_path):
    path = tmp_path / "tocsin.db"
    lines = []
    for _ in range(5):
        process = child("append", path)
        enough = random.randrange(1, 600)
        await until(lambda process=process, enough=enough: len(process.said("accepted")) >= enough, 20)
        lines += process.kill()
    assert len(lines) > 5
    await require_kept(path, lines)


async def test_a_copy_taken_at_any_moment_holds_what_was_answered_before(child, tmp_path):
    path = tmp_path / "tocsin.db"
    process = child("append", path)
    for number in range(8):
        seen = len(process.lines())
        await until(lambda seen=seen: len(process.lines()) > seen + 50, 20)
        process.signal(signal.SIGSTOP)
        lines = process.lines()
        folder = tmp_path / f"copy-{number}"
        folder.mkdir()
        for name in ("tocsin.db", "tocsin.db-wal"):
            shutil.copy(tmp_path / name, folder / name)
        process.signal(signal.SIGCONT)
        await require_kept(folder / "tocsin.db", lines)


async def test_a_process_killed_while_it_makes_the_store_leaves_a_file_that_opens(child, tmp_path):
    for number in range(6):
        path = tmp_path / f"{number}.db"
        process = child("append", path)
        await until(path.exists, 20)
        for _ in range(number * 40):
            await asyncio.sleep(0)
        lines = process.kill()
        await require_kept(path, lines)


async def test_a_second_process_is_refused_and_disturbs_nothing(child, tmp_path):
    path = tmp_path / "tocsin.db"
    process = child("append", path)
    await until(lambda: process.said("accepted"), 20)
    with pytest.raises(ConfigurationError, match="another process"):
        await reopen(path)
    seen = len(process.lines())
    await until(lambda: len(process.lines()) > seen, 20)
    await require_kept(path, process.kill())


async def test_a_killed_migration_is_undone_and_the_next_start_goes_on(child, tmp_path):
    path = tmp_path / "tocsin.db"
    process = child("migrate", path)
    log = path.with_name("tocsin.db-wal")
    await until(lambda: log.exists() and log.stat().st_size > 4 * MIB, 30)
    assert process.kill() == [["opened"]]
    connection = sqlite3.connect(path, isolation_level=None)
    before = [(migration.number,) for migration in schema.MIGRATIONS]
    assert connection.execute("SELECT number FROM migrations").fetchall() == before
    assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchone() is None
    schema.update(connection, path, 0.0, (*schema.MIGRATIONS, LONG_MIGRATION))
    assert connection.execute("SELECT number FROM migrations").fetchall() == [
        *before,
        (LONG_MIGRATION.number,),
    ]
    assert connection.execute("SELECT count(*) FROM half").fetchone() == (400_000,)
    connection.close()
    assert sound(path) == "ok"


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = Disk(folder)
    yield made
    made.unmount()


async def fill_up(store, most=5000):
    """Append until events are refused for want of room; return the entries that were taken.

    The first refusal makes the store give back the room of its log, so the second in a row counts.
    """
    accepted = []
    refused = 0
    while refused < 2:
        one = entry(f"fill-{new_id()}", data=b'"' + b"x" * 8000 + b'"')
        try:
            await append(store, one)
        except OutOfSpace:
            refused += 1
        else:
            refused = 0
            accepted.append(one)
        assert len(accepted) < most
    return accepted


async def works_again(store):
    """Room was made: within two seconds, without a restart, events are taken again."""

    async def try_it():
        while True:
            try:
                return await append(store, entry("after"))
            except Refused:
                await asyncio.sleep(0.02)

    await asyncio.wait_for(try_it(), 2)


async def require_all(store, entries):
    for one in entries:
        assert await store.ledger.event(INSTANCE, one.accepted.id) is not None


async def test_events_are_refused_before_the_disk_is_full_and_taken_again_once_it_has_grown(disk):
    disk.mount("size=40m")
    path = disk.folder / "tocsin.db"
    store = await reopen(path, free_space_floor=12 * MIB, reserve=2 * MIB)
    leased = await append_leased(store, 50)
    accepted = await fill_up(store)
    usage = shutil.disk_usage(disk.folder)
    assert 6 * MIB < usage.free < 12 * MIB
    with pytest.raises(OutOfSpace):
        await store.check()
    for one in leased:
        assert await store.ledger.settle(delivered(one))
    await require_all(store, accepted)
    disk.remount("size=90m")
    await works_again(store)
    await require_all(store, accepted)
    await require_true_counts(store)
    await store.close()
    assert sound(path) == "ok"


@pytest.mark.parametrize("log_stays", [False, True])
async def test_retention_makes_room_on_a_disk_that_does_not_grow(disk, monkeypatch, log_stays):
    disk.mount("size=40m")
    if log_stays:  # as when a reader keeps the log from being moved until all is full
        monkeypatch.setattr(writer, "PRESSING_SIZE", 64 * MIB)
        monkeypatch.setattr(writer, "CHECKPOINT_SIZE", 64 * MIB)
    path = disk.folder / "tocsin.db"
    store = await reopen(path, free_space_floor=16 * MIB, reserve=2 * MIB)
    accepted = await fill_up(store)
    monkeypatch.undo()
    deleted = 0
    while rows := await store.ledger.prune(
        events_before=NOW + 1, deliveries_before=0, keys_before=0, limit=100
    ):
        deleted += rows
    assert deleted == len(accepted) > 100
    await works_again(store)
    assert len(await fill_up(store)) > 50
    await store.close()
    assert sound(path) == "ok"


async def test_a_disk_that_another_program_fills_stops_events_and_nothing_else(disk):
    disk.mount("size=16m")
    path = disk.folder / "tocsin.db"
    store = await reopen(path, free_space_floor=0, reserve=4 * MIB)
    leased = await append_leased(store, 50)
    filler = disk.fill()
    accepted = await fill_up(store)
    for one in leased:
        assert await store.ledger.settle(delivered(one, sent=b"x" * 2000))
    assert (await store.ledger.counts()).by_state[State.DELIVERED] == 50
    await require_all(store, accepted)
    assert len((await store.ledger.events(INSTANCE, EventFilter(), limit=1000)).rows) >= 50
    filler.unlink()
    await works_again(store)
    await require_all(store, accepted)
    await require_true_counts(store)
    await store.close()
    assert sound(path) == "ok"


async def test_a_store_on_a_full_disk_opens_and_can_be_read(disk):
    disk.mount("size=16m")
    path = disk.folder / "tocsin.db"
    store = await reopen(path, free_space_floor=0, reserve=4 * MIB)
    await append(store, entry("1"))
    await store.close()
    filler = disk.fill()
    store = await reopen(path, free_space_floor=0, reserve=4 * MIB)
    assert len((await store.ledger.events(INSTANCE, EventFilter())).rows) == 1
    filler.unlink()
    await works_again(store)
    await store.close()


async def test_a_store_on_a_read_only_disk_is_refused(disk):
    disk.mount("size=16m")
    path = disk.folder / "tocsin.db"
    store = await reopen(path)
    await append(store, entry("1"))
    await store.close()
    before = path.read_bytes()
    disk.remount("ro")
    with pytest.raises(ConfigurationError, match="read-only") as caught:
        await reopen(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
