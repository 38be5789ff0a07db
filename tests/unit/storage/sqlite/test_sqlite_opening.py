"""Which files are opened, and which are refused with one line and left as they are."""

from __future__ import annotations

import os
import sqlite3
import stat

import pytest

from gateway.domain.errors import ConfigurationError, Unavailable
from gateway.ports import EventFilter
from gateway.storage import migrate
from gateway.storage.sqlite import opening, schema
from tests.contracts.ledger_values import INSTANCE, append, entry


async def fill(open_store, events=300):
    """A closed store with some events in it."""
    store = await open_store()
    await append(store, *(entry(str(one), data=b'"' + b"x" * 500 + b'"') for one in range(events)))
    await store.close()


async def require_refusal(open_store, path, says):
    """The store is refused in one line, and its bytes stay what they were; so after a second try."""
    before = path.read_bytes() if path.is_file() else None
    for _ in range(2):
        with pytest.raises(ConfigurationError) as caught:
            await open_store()
        text = str(caught.value)
        assert "\n" not in text
        assert str(path.parent) in text
        assert says in text
    if before is not None:
        assert path.read_bytes() == before


async def test_a_new_file_is_for_its_owner_only(store, path):
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_an_empty_file_becomes_a_store(path, open_store):
    path.touch()
    await fill(open_store, 1)
    assert path.stat().st_size > 0


async def test_a_path_with_marks_that_mean_something_in_a_uri(tmp_path, clock):
    folder = tmp_path / "a?mode=memory&b#c %41"
    folder.mkdir()
    store = await opening_of(folder / "tocsin.db", clock)
    await append(store, entry("1"))
    await store.close()
    assert (folder / "tocsin.db").stat().st_size > 0


async def opening_of(path, clock):
    from gateway.storage.sqlite.store import SqliteStore

    return await SqliteStore.open(path, clock=clock, free_space_floor=0, reserve=4096)


async def test_two_cannot_open_one_file(store, path, open_store):
    with pytest.raises(ConfigurationError, match="another process has this store open"):
        await open_store()
    await append(store, entry("1"))
    await store.close()
    reopened = await open_store()
    assert len((await reopened.ledger.events(INSTANCE, EventFilter())).rows) == 1
    await reopened.close()


async def test_a_refused_file_is_free_again_afterwards(path, open_store):
    path.write_bytes(b"not a database" * 100)
    await require_refusal(open_store, path, "not a database")
    path.unlink()
    store = await open_store()
    await store.close()


async def test_a_missing_folder_is_not_made(tmp_path, clock):
    with pytest.raises(ConfigurationError, match="no such folder"):
        await opening_of(tmp_path / "missing" / "tocsin.db", clock)
    assert not (tmp_path / "missing").exists()


async def test_a_folder_in_place_of_the_file_is_refused(path, open_store):
    path.mkdir()
    await require_refusal(open_store, path, "not a file")


async def test_a_read_only_file_is_refused(path, open_store):
    await fill(open_store)
    path.chmod(0o444)
    await require_refusal(open_store, path, "read-only")


async def test_a_read_only_folder_is_refused(path, open_store):
    await fill(open_store)
    path.parent.chmod(0o555)
    try:
        await require_refusal(open_store, path, "read-only")
    finally:
        path.parent.chmod(0o755)


@pytest.mark.parametrize("content", [b"x", b"hello world\n" * 50, b"SQLite format 3\x00", os.urandom(8192)])
async def test_what_is_not_a_database_is_refused(path, open_store, content):
    path.write_bytes(content)
    await require_refusal(open_store, path, "not a database")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
async def test_a_file_whose_end_is_missing_is_refused(path, open_store, part):
    await fill(open_store)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    await require_refusal(open_store, path, "damaged")


async def test_a_file_with_a_damaged_page_is_refused(path, open_store):
    await fill(open_store)
    content = bytearray(path.read_bytes())
    page = len(content) // 2 // 4096 * 4096
    content[page : page + 16] = b"\xff" * 16
    path.write_bytes(content)
    await require_refusal(open_store, path, "damaged")


@pytest.mark.parametrize("offset", [16, 18, 21])
async def test_a_file_with_a_damaged_header_is_refused(path, open_store, offset):
    await fill(open_store)
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)
    await require_refusal(open_store, path, "")


async def test_another_programs_database_is_refused(path, open_store):
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE photos (id INTEGER)")
    foreign.close()
    await require_refusal(open_store, path, "another program's")


async def test_a_newer_schema_is_refused(path, open_store):
    await fill(open_store)
    change(path, "INSERT INTO migrations VALUES (99, 'future', 'x', 0)")
    await require_refusal(open_store, path, "version 99")


async def test_a_schema_that_was_changed_is_refused(path, open_store):
    await fill(open_store)
    change(path, "UPDATE migrations SET checksum = 'x'")
    await require_refusal(open_store, path, "migration 0001 (init)")


async def test_making_a_store_that_was_interrupted_goes_on(path, open_store):
    change(path, "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name, checksum, applied_at)")
    await fill(open_store, 1)


async def test_a_transaction_that_a_crash_cut_short_is_rolled_back_first(path, open_store, tmp_path):
    crashed = tmp_path / "crashed.db"
    connection = sqlite3.connect(crashed, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE migrations (number, name, checksum, applied_at, filler)")
    connection.execute("COMMIT")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO migrations (filler) VALUES (zeroblob(1000000))")
    path.write_bytes(crashed.read_bytes())
    journal = crashed.with_name("crashed.db-journal").read_bytes()
    path.with_name(path.name + "-journal").write_bytes(journal)
    connection.close()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        opening._examine_as(path, "ro")
    assert opening._examine(path) == ("ok", True)


async def test_an_old_sqlite_library_is_refused(path, open_store, monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 32, 3))
    with pytest.raises(ConfigurationError, match="at least 3"):
        await open_store()


async def test_the_check_of_a_large_file_ends_in_time(path, open_store, monkeypatch):
    await fill(open_store, 3000)
    monkeypatch.setattr(opening, "CHECK_SECONDS", 0.0)
    store = await open_store()
    await store.check()
    await store.close()


async def test_the_writer_syncs_every_commit_and_readers_cannot_write(store):
    def settings(connection):
        names = ("journal_mode", "synchronous", "mmap_size", "wal_autocheckpoint", "query_only")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    full = 2
    assert await store._writer.run(settings) == ["wal", full, 0, opening.BACKSTOP_PAGES, 0]
    assert await store._readers.run(settings) == ["wal", full, 0, 0, 1]
    with pytest.raises(Unavailable, match="readonly"):
        await store._readers.run(lambda connection: connection.execute("DELETE FROM events"))


async def test_the_log_is_taken_into_the_file_when_the_store_closes(path, open_store):
    await fill(open_store)
    assert {file.name for file in path.parent.iterdir()} == {
        "tocsin.db", "tocsin.db.lock", "tocsin.db.reserve",
    }  # fmt: skip


async def test_each_migration_is_applied_once_and_recorded(path, open_store):
    await fill(open_store)
    await fill_again(open_store)
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT number, name, checksum FROM migrations").fetchall()
    connection.close()
    assert rows == [(one.number, one.name, one.checksum) for one in schema.MIGRATIONS]


async def fill_again(open_store):
    store = await open_store()
    await append(store, entry("again"))
    await store.close()


def test_a_migration_that_fails_leaves_nothing_behind(path):
    connection = sqlite3.connect(path, isolation_level=None)
    broken = migrate.Migration(2, "broken", "CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);", "x")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        schema.update(connection, path, 0.0, (*schema.MIGRATIONS, broken))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "half" not in tables
    assert "deliveries" in tables
    schema.update(connection, path, 0.0, schema.MIGRATIONS)
    connection.close()


def change(path, statement):
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
