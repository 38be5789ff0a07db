"""A process that opens a SQLite store for a test to kill. Says on its standard output what it has done.

python -m tests.crash.sqlite_child append PATH      appends events, printing the id of each accepted one
python -m tests.crash.sqlite_child migrate PATH     applies a long second migration
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from gateway.domain.clock import SystemClock
from gateway.domain.delivery import State
from gateway.domain.ids import new_id
from gateway.storage.migrate import Migration
from gateway.storage.sqlite import schema
from gateway.storage.sqlite.store import SqliteStore
from tests.contracts.ledger_values import delivered, entry, planned

SENDERS = 16
LONG_MIGRATION = Migration(
    len(schema.MIGRATIONS) + 1,
    "long",
    "CREATE TABLE half (i INTEGER, text TEXT);\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000)\n"
    "INSERT INTO half SELECT i, printf('%0100d', i) FROM n;",
    "the checksum of the long migration",
)


def say(line: str) -> None:
    """In one write, so that a kill cuts no line that was finished."""
    os.write(1, line.encode() + b"\n")


async def append(path: Path) -> None:
    """Append events for ever, settling every second delivery; print what was answered, after the answer."""
    store = await SqliteStore.open(path, clock=SystemClock(), free_space_floor=0, reserve=4096)
    say("opened")

    async def send(name: int) -> None:
        number = 0
        while True:
            plan = planned(state=State.LEASED)
            one = entry(new_id(), plan)
            await store.ledger.append((one,), routed_with=0)
            say(f"accepted {one.accepted.id} {plan.id}")
            if (number := number + 1) % 2:
                await store.ledger.settle(delivered(plan.id))
                say(f"delivered {plan.id}")

    await asyncio.gather(*(send(name) for name in range(SENDERS)))


def migrate(path: Path) -> None:
    """Apply the real migrations, then a long one."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA cache_size = -1024")
    say("opened")
    schema.update(connection, path, 0.0, (*schema.MIGRATIONS, LONG_MIGRATION))
    say("done")


if __name__ == "__main__":
    command, file = sys.argv[1], Path(sys.argv[2])
    if command == "append":
        asyncio.run(append(file))
    else:
        migrate(file)
