"""queries.sql of the PostgreSQL store: every statement is sound and used; no large table is walked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gateway.domain.clock import SystemClock
from gateway.storage.postgres import schema
from gateway.storage.postgres.statements import SQL
from gateway.storage.postgres.store import PostgresStore
from tests.contracts.conftest import KEYPRINT
from tests.fakes.postgres import PostgresServer

WATCHED = (
    "lease", "lease_suspect", "due_heads", "earliest_due", "settle", "rescue", "known_keys", "cancel_leased",
    "change_pending", "change_held", "event", "delivery", "deliveries_of_event", "deliveries_set_aside",
    "quarantined_events", "events", "deliveries", "deliveries_suppressed", "held", "release", "fold",
    "come_forward", "windows_of", "hold_settled", "end_stale_holds", "wakes_at", "streams_due",
)  # fmt: skip
LARGE = re.compile("Seq Scan on (deliveries|events|dedup_keys|holds|windows|streams|repeats)")
SOURCES = Path(schema.__file__).parent


@pytest.fixture
async def connection(postgres: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    url = postgres.url(search_path="queries")
    opened = await asyncpg.connect(url)
    await opened.execute("CREATE SCHEMA queries")
    store = await PostgresStore.open(
        postgres.url(search_path="queries"), clock=SystemClock(), keyprint=KEYPRINT
    )
    await store.close()
    yield opened
    await opened.execute("DROP SCHEMA queries CASCADE")
    await opened.close()


async def test_every_statement_can_be_prepared(connection: asyncpg.Connection):
    for name, statement in SQL.items():
        prepared = await connection.prepare(statement.text)
        assert len(prepared.get_parameters()) == len(statement.names), name


async def test_claims_and_settles_find_their_rows_by_an_index(connection: asyncpg.Connection):
    await connection.execute("SET enable_seqscan = off")
    for name in WATCHED:
        statement = SQL[name]
        nulls = ["NULL"] * len(statement.names)
        given = f"({', '.join(nulls)})" if nulls else ""
        await connection.execute(f"PREPARE {name} AS {statement.text}")
        plan = await connection.fetch(f"EXPLAIN EXECUTE {name} {given}")
        walked = [row[0] for row in plan if LARGE.search(row[0])]
        assert walked == [], name


def test_every_statement_is_used():
    text = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    assert [name for name in SQL if f'"{name}"' not in text] == []
