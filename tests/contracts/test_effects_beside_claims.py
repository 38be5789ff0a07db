"""On PostgreSQL, a change takes deliveries away while others are claimed and settled: no deadlock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import asyncpg
import pytest

from gateway.pipeline.settle import give_back
from gateway.ports import Cancel
from tests.contracts.conftest import PostgresHouse
from tests.contracts.ledger_values import append, claim_all, entry, planned, require_true_counts
from tests.fakes.clock import FakeClock

SUBSCRIPTIONS, EACH = 40, 50


@dataclass
class Watched:
    """Runs work as the store does, and notes what PostgreSQL ended because of a deadlock."""

    once: object
    deadlocks: list[str] = field(default_factory=list)

    async def __call__(self, work):
        try:
            return await self.once(work)
        except asyncpg.DeadlockDetectedError as error:
            self.deadlocks.append(str(error.detail))
            raise


@pytest.fixture
async def store(postgres):
    house = PostgresHouse(postgres, FakeClock(1_785_233_472.0))
    yield await house.open()
    await house.leave()


async def test_cancelling_beside_claims_and_settles_ends_in_no_deadlock(store):
    names = [f"s-{number}" for number in range(SUBSCRIPTIONS)]
    waiting = [planned("off", subscription=name) for name in names for _ in range(EACH)]
    await append(store, *(entry(one.id, one) for one in waiting))
    watched = store._connections._once = Watched(store._connections._once)
    done = asyncio.Event()

    async def busy():
        while not done.is_set():
            claims = await claim_all(store.ledger, limit=60)
            given_back = (give_back(claim, due_at=0.0, reason="stopped") for claim in claims)
            await asyncio.gather(*map(store.ledger.settle, given_back))

    others = [asyncio.create_task(busy()) for _ in range(2)]
    for name in names:
        await store.registry.apply([], [Cancel("deleted", "off", name)], expected=0)
    done.set()
    await asyncio.gather(*others)
    assert watched.deadlocks == []
    await require_true_counts(store)
