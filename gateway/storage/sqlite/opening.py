"""Opening a database file: what is refused before a byte of it changes, and how connections are set up."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from gateway.storage.sqlite.faults import unusable

APPLICATION_ID = 0x746F6373
"""'tocs': what the first migration writes into the file's header (https://sqlite.org/fileformat.html)."""

OLDEST_SQLITE = (3, 33, 0)
"""The first with UPDATE ... FROM."""

CHECK_SECONDS = 2.0
"""How long the check of an existing file may take; 0.4 s were measured for 700 MiB in the page cache."""

BACKSTOP_PAGES = 16_384
"""SQLite checkpoints by itself at this many pages (64 MiB) of log, should the writer's own count fail."""

PROGRESS_STEPS = 1_000_000
"""Virtual machine steps between two looks at whether anybody still waits: some 50 ms of work."""


class FileLock:
    """A lock on `<file>.lock` that ends with the process: one process opens a store, at a time.

    SQLite's own locks do not serve: a second process that writes starves the first for seconds.
    """

    def __init__(self, database: Path) -> None:
        """Take the lock. Raises ConfigurationError when another process holds it."""
        path = database.with_name(database.name + ".lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unusable(path, f"the lock file cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise unusable(
                database, "another process has this store open; stop it, or give this one another data folder"
            ) from error

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._file)


def require_folder(database: Path) -> None:
    """Raise ConfigurationError unless the file's folder is there and may be written."""
    folder = database.parent
    if not folder.is_dir():
        raise unusable(folder, "there is no such folder; make it, or name another in TOCSIN_DATABASE")
    if not _writable(folder):
        raise unusable(folder, "the folder is read-only; the store must be able to write there")


def inspect(database: Path) -> bool:
    """Whether there is a store to continue. Raises ConfigurationError when the file is not one.

    Nothing is written: a file that cannot be used is left exactly as it is.
    """
    if not database.exists():
        return False
    if not database.is_file():
        raise unusable(database, "this is not a file")
    if not _writable(database):
        raise unusable(database, "the file is read-only; the store must be able to write it")
    if database.stat().st_size == 0:
        return False
    _require_header(database)
    _require_sound(database)
    return True


def create(database: Path) -> None:
    """Make an empty file that only this user may read."""
    os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))


def connect_writer(database: Path) -> sqlite3.Connection:
    """The one connection that writes, and the one that checkpoints (WAL-reset bug, fixed in 3.51.3)."""
    connection = _connect(database, "rw", timeout=5.0)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        connection.close()
        raise unusable(database, "this disk cannot hold a write-ahead log; put the file on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {BACKSTOP_PAGES}")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA cache_size = -2048")
    connection.execute("PRAGMA secure_delete = FAST")
    return connection


def connect_reader(database: Path) -> sqlite3.Connection:
    """A connection that only reads and never checkpoints."""
    connection = _connect(database, "rw", timeout=5.0)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -1024")
    return connection


def stop_when(connection: sqlite3.Connection, abandoned: Callable[[], bool]) -> None:
    """Interrupt a statement of this connection once nobody waits for it."""
    connection.set_progress_handler(abandoned, PROGRESS_STEPS)


def require_version() -> None:
    """Raise ConfigurationError when the SQLite library lacks what the statements use."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(str(part) for part in OLDEST_SQLITE)
        raise unusable("SQLite", f"version {sqlite3.sqlite_version} is too old; at least {needed} is needed")
    try:
        with closing(sqlite3.connect(":memory:")) as probe:
            probe.execute("SELECT json_array()")
    except sqlite3.OperationalError as error:
        raise unusable("SQLite", f"its JSON functions are needed and were left out ({error})") from error


def _connect(database: Path, mode: str, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(database))}?mode={mode}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        cached_statements=512,
    )
    connection.execute("PRAGMA mmap_size = 0")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _writable(path: Path) -> bool:
    # The bits count for root too: who takes them away means it.
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o222) and os.access(path, os.R_OK | os.W_OK)


def _require_header(database: Path) -> None:
    """The first 100 bytes: https://sqlite.org/fileformat.html#the_database_header."""
    with database.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\x00"):
        raise unusable(database, "this is not a database; move it away or name another file")
    page = int.from_bytes(header[16:18], "big")
    expected = int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page)
    log = database.with_name(database.name + "-wal")
    if database.stat().st_size < expected and not (log.exists() and log.stat().st_size):
        raise unusable(database, "the file is damaged: its end is missing; restore a backup")


def _require_sound(database: Path) -> None:
    try:
        found, ours = _examine(database)
    except sqlite3.Error as error:
        raise unusable(database, f"the file cannot be read ({error}); restore a backup") from error
    if found != "ok":
        raise unusable(database, f"the file is damaged ({found}); restore a backup")
    if not ours:
        raise unusable(database, "this is another program's database; name another file")


def _examine(database: Path) -> tuple[str, bool]:
    """What is wrong with the file, or 'ok', and whether it is a store."""
    try:
        return _examine_as(database, "ro")
    except sqlite3.OperationalError as error:
        # A transaction that a crash cut short has to be rolled back before anything can be read.
        if not error.sqlite_errorname.startswith("SQLITE_READONLY"):
            raise
        return _examine_as(database, "rw")


def _examine_as(database: Path, mode: str) -> tuple[str, bool]:
    connection = _connect(database, mode, timeout=1.0)
    try:
        return _quick_check(connection), _ours(connection)
    finally:
        connection.close()


def _ours(connection: sqlite3.Connection) -> bool:
    """Whether it is a store, or one whose making was interrupted before its first migration."""
    if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
        return True
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")} <= {"migrations"}


def _quick_check(connection: sqlite3.Connection) -> str:
    """What SQLite finds wrong within the time there is, or 'ok'."""
    until = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > until, 100_000)
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_INTERRUPT":
            return "ok"
        raise
