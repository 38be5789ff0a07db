"""Room on the disk: new events are refused while there is still room to settle, prune and checkpoint.

A full disk stops SQLite from deleting too, so a reserve file is kept that is given up when the disk
fills all the same (by another program, say), and taken back once there is room for it.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import structlog

from gateway.domain.clock import Clock
from gateway.storage.sqlite.faults import out_of_space

log = structlog.get_logger()

MIB = 1 << 20
RESERVE = 16 * MIB
LEAST_FLOOR, MOST_FLOOR, FLOOR_SHARE = 64 * MIB, 1024 * MIB, 0.05
LEAST_TO_OPEN = MIB
"""Bytes that must be free for SQLite to open a file at all: it makes its log first."""

CAUTION = 0.25
"""Seconds for which events are refused after the disk was found full, whatever it says of its room."""


class Space:
    """Watches the room on the disk of one database file. Used by the writing thread alone.

    The floor has to hold what the log still moves into the file, some 10 MiB.
    """

    def __init__(self, database: Path, clock: Clock, *, floor: int | None, reserve: int) -> None:
        """`floor` and `reserve` are in bytes; without a floor it is 5 % of the disk, 64 MiB to 1 GiB."""
        self._folder = database.parent
        self._path = database.with_name(database.name + ".reserve")
        self._clock = clock
        self._size = reserve
        self._floor = self._default_floor() if floor is None else floor
        self._reserved = self._path.exists()
        self._full_until: float | None = None
        self.short = False
        """Set whenever events are refused for want of room; whoever makes room clears it."""

    def make_way(self) -> None:
        """Before the file is opened: give up the reserve where SQLite has no room to open it."""
        if self._free() < LEAST_TO_OPEN:
            self.release()

    def prepare(self) -> None:
        """Once the file is open: make the reserve, if there is room for it."""
        if self._full_until is None and self._free() >= self._floor + self._size:
            self._restore()

    def demand(self, connection: sqlite3.Connection) -> None:
        """Raise OutOfSpace when new events would bring the disk below the floor."""
        refusal = self._look(connection)
        if refusal:
            self.short = True
            raise out_of_space(refusal)

    def release(self) -> bool:
        """Give up the reserve because the disk is full; False when that has happened already."""
        self._full_until = self._clock.monotonic() + CAUTION
        if not self._reserved:
            return False
        self._reserved = False
        self._path.unlink(missing_ok=True)
        log.error("store.reserve_released", folder=str(self._folder), bytes=self._size)
        return True

    def _look(self, connection: sqlite3.Connection) -> str:
        if self._full_until is not None and self._clock.monotonic() < self._full_until:
            return "The disk is full."
        free = self._free()
        if not self._reserved:
            if free < self._floor + self._size:
                return f"The disk was full and has {free // MIB} MiB free."
            self._restore()
        elif free < self._floor and not self._room_inside(connection, free):
            return f"The disk has {free // MIB} MiB free, {self._floor // MIB} MiB are to stay free."
        self._full_until = None
        return ""

    def _room_inside(self, connection: sqlite3.Connection, free: int) -> bool:
        """Whether what retention freed inside the file will do; the log still needs the disk."""
        return free >= self._floor // 4 and free + _unused(connection) >= self._floor

    def _restore(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, max(self._size, 1))
            self._reserved = True
        except OSError as error:
            log.warning("store.reserve_missing", folder=str(self._folder), error=error.strerror)
            self._path.unlink()
        finally:
            os.close(descriptor)

    def _free(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def _default_floor(self) -> int:
        disk = os.statvfs(self._folder)
        return min(max(int(disk.f_blocks * disk.f_frsize * FLOOR_SHARE), LEAST_FLOOR), MOST_FLOOR)


def _unused(connection: sqlite3.Connection) -> int:
    """Bytes inside the file that hold nothing."""
    pages: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return pages * size
