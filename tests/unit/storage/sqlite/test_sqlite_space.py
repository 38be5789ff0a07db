"""Room on the disk: when new events are refused, and that they are taken again."""

from __future__ import annotations

import os
import sqlite3
from types import SimpleNamespace

import pytest

from gateway.domain.delivery import State
from gateway.domain.errors import OutOfSpace
from gateway.storage.sqlite.space import CAUTION, MIB, Space
from tests.contracts.ledger_values import (
    INSTANCE,
    append,
    append_leased,
    delivered,
    entry,
    planned,
    require_true_counts,
    states,
)


class Disk:
    """What the kernel says of a disk of 20 GiB."""

    total = 20 * 1024 * MIB
    free = 10 * 1024 * MIB

    def statvfs(self, folder):
        return SimpleNamespace(f_frsize=4096, f_blocks=self.total // 4096, f_bavail=self.free // 4096)


@pytest.fixture
def disk(monkeypatch):
    made = Disk()
    monkeypatch.setattr(os, "statvfs", made.statvfs)
    return made


@pytest.fixture
def connection(path):
    opened = sqlite3.connect(path, isolation_level=None)
    yield opened
    opened.close()


def taken(space, connection, clock):
    clock.advance(CAUTION)
    try:
        space.demand(connection)
    except OutOfSpace as error:
        assert (error.code, error.retry_after) == ("store_full", 60)
        assert "MiB" in error.detail
        return False
    return True


@pytest.mark.parametrize(
    ("total", "floor"), [(1024, 64), (2048, 102), (10_240, 512), (20_480, 1024), (1_000_000, 1024)]
)
def test_the_floor_is_a_share_of_the_disk_within_bounds(disk, path, clock, connection, total, floor):
    disk.total = total * MIB
    space = Space(path, clock, floor=None, reserve=0)
    space.prepare()
    disk.free = (floor + 1) * MIB
    assert taken(space, connection, clock)
    disk.free = (floor - 1) * MIB
    assert not taken(space, connection, clock)


def test_events_are_refused_below_the_floor_and_taken_again_above_it(disk, path, clock, connection):
    space = Space(path, clock, floor=100 * MIB, reserve=4096)
    space.prepare()
    for free, expected in ((200, True), (99, False), (101, True)):
        disk.free = free * MIB
        assert taken(space, connection, clock) is expected


def test_after_a_full_disk_events_are_refused_for_a_moment_whatever_it_says(disk, path, clock, connection):
    space = Space(path, clock, floor=0, reserve=4096)
    space.prepare()
    space.release()
    clock.advance(CAUTION * 0.9)
    with pytest.raises(OutOfSpace):
        space.demand(connection)
    clock.advance(CAUTION * 0.2)
    space.demand(connection)


def test_room_inside_the_file_counts_while_the_log_has_room_on_the_disk(disk, path, clock, connection):
    connection.execute("CREATE TABLE a (b)")
    connection.execute("INSERT INTO a VALUES (zeroblob(2000000))")
    connection.execute("DELETE FROM a")
    space = Space(path, clock, floor=2 * MIB, reserve=4096)
    space.prepare()
    disk.free = MIB
    assert taken(space, connection, clock)
    disk.free = MIB // 4
    assert not taken(space, connection, clock)


def test_the_reserve_is_given_up_once_and_taken_back_when_there_is_room_for_it(disk, path, clock, connection):
    reserve = path.with_name(path.name + ".reserve")
    space = Space(path, clock, floor=10 * MIB, reserve=MIB)
    space.prepare()
    assert reserve.stat().st_size == reserve.stat().st_blocks * 512 == MIB
    assert space.release()
    assert not reserve.exists()
    assert not space.release()
    disk.free = 10 * MIB
    assert not taken(space, connection, clock)
    assert not reserve.exists()
    disk.free = 11 * MIB
    assert taken(space, connection, clock)
    assert reserve.stat().st_size == MIB


def test_no_reserve_is_made_where_it_would_fill_the_disk(disk, path, clock):
    disk.free = MIB
    Space(path, clock, floor=0, reserve=2 * MIB).prepare()
    assert not path.with_name(path.name + ".reserve").exists()


async def test_below_the_floor_results_are_written_and_lists_are_read(open_store, clock, disk):
    store = await open_store(free_space_floor=100 * MIB)
    first, second = await append_leased(store, 2)
    disk.free = 99 * MIB
    for work in (append(store, entry("1")), store.check()):
        with pytest.raises(OutOfSpace):
            await work
    assert await store.ledger.settle(delivered(first))
    assert (await states(store))[first] is State.DELIVERED
    disk.free = 101 * MIB
    await store.check()
    await append(store, entry("1"))
    assert await store.ledger.settle(delivered(second))
    await store.close()


async def limit_pages(store, more):
    """Let the file grow by so many pages and no further, as a full disk does; None: as it likes."""

    def limit(connection):
        pages = connection.execute("PRAGMA page_count").fetchone()[0] + more if more is not None else 1 << 30
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await store._writer.run(limit)


async def test_a_disk_that_fills_all_the_same_costs_the_reserve_and_nothing_that_was_accepted(
    open_store, clock, path
):
    store = await open_store()
    leased = await append_leased(store, 20)
    await limit_pages(store, 10)
    accepted = []
    with pytest.raises(OutOfSpace):
        for number in range(1000):
            one = entry(f"fill-{number}", planned(), data=b'"' + b"x" * 5000 + b'"')
            await append(store, one)
            accepted.append(one)
    assert not path.with_name(path.name + ".reserve").exists()
    for one in accepted:
        assert await store.ledger.event(INSTANCE, one.accepted.id) is not None
    await limit_pages(store, None)
    clock.advance(CAUTION)
    await store.check()
    assert path.with_name(path.name + ".reserve").exists()
    await append(store, entry("after"))
    assert all([await store.ledger.settle(delivered(one)) for one in leased])
    await require_true_counts(store)
    await store.close()
