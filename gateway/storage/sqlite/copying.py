"""Copies of a store: taken while it is in use, put back while it is not."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from gateway.storage.sqlite import opening
from gateway.storage.sqlite.faults import unusable

PAGES_AT_ONCE = 4096

Progress = Callable[[float], None]
"""Episode the share that is done, 0 to 1, again and again."""


def back_up(database: Path, target: Path, progress: Progress) -> int:
    """Copy a store, as of one moment, into a new file that only this user may read; return its bytes.

    Raises ConfigurationError, one line.
    """
    if not opening.inspect(database):
        raise unusable(database, "there is no store to copy")
    if target.exists():
        raise unusable(target, "there is a file already; name another one")
    part = target.with_name(target.name + ".part")
    _copy(database, part, progress)
    part.replace(target)
    return target.stat().st_size


def restore(backup: Path, database: Path, progress: Progress) -> Path | None:
    """Put a copy in a store's place; return where the store that was there is now, if there was one.

    Raises ConfigurationError when the copy is no sound store, or the store is in use.
    """
    opening.require_folder(database)
    lock = opening.FileLock(database)
    try:
        if not backup.exists() or not opening.inspect(backup):
            raise unusable(backup, "this is no copy of a store")
        fresh = database.with_name(database.name + ".restoring")
        _copy(backup, fresh, progress)
        aside = _set_aside(database)
        fresh.replace(database)
        return aside
    finally:
        lock.release()


def _copy(source: Path, target: Path, progress: Progress) -> None:
    target.unlink(missing_ok=True)
    opening.create(target)
    try:
        with closing(sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True)) as reading:
            # One read transaction for all of it: what is written meanwhile neither shows nor starts it anew.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with closing(sqlite3.connect(target)) as writing:
                reading.backup(writing, pages=PAGES_AT_ONCE, progress=_told(progress))
                found = writing.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise unusable(target, f"the copy is damaged ({found})")
        _make_durable(target)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise unusable(target, f"the copy cannot be made ({error})") from error


def _told(progress: Progress) -> Callable[[int, int, int], None]:
    return lambda _status, remaining, total: progress(1.0 if not total else 1 - remaining / total)


def _make_durable(path: Path) -> None:
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _set_aside(database: Path) -> Path | None:
    """Move a store away, its log with it."""
    if not database.exists():
        return None
    aside = database.with_name(f"{database.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    for end in ("-wal", "-shm", ""):
        path = database.with_name(database.name + end)
        if path.exists():
            path.replace(aside.with_name(aside.name + end))
    return aside
