"""Limits that all who share a store keep together: never exceeded in any stretch, and used up."""

from __future__ import annotations

import asyncio

import pytest

from gateway.ports import RateAsk, Store
from tests.contracts.conftest import House
from tests.contracts.ledger_values import NOW
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def ask(tokens=1, stream="s", limit=3, seconds=60.0):
    return RateAsk(stream, tokens, limit, seconds)


async def taken(store: Store, *asks: RateAsk):
    return [tuple(grant) for grant in await store.rates.take(asks)]


async def test_what_the_limit_leaves_is_given(store, clock):
    assert await taken(store) == []
    assert await taken(store, ask(2)) == [(2, 0.0)]
    clock.advance(10)
    assert await taken(store, ask(2)) == [(1, NOW + 60)]
    assert await taken(store, ask(1)) == [(0, NOW + 60)]
    clock.advance(49.9)
    assert await taken(store, ask(1)) == [(0, NOW + 60)]
    clock.advance(0.1)
    assert await taken(store, ask(3)) == [(2, NOW + 70)]


async def test_streams_have_their_own_limits(store, clock):
    asks = (ask(9, "a", 5, 10.0), ask(2, "b"), ask(1, "c", 0, 30.0))
    assert await taken(store, *asks) == [(5, NOW + 10), (2, 0.0), (0, NOW + 30)]
    assert await taken(store, ask(1, "b"), ask(1, "a", 5, 10.0)) == [(1, 0.0), (0, NOW + 10)]


async def test_a_limit_that_changes_counts_what_was_given_under_the_one_before(store, clock):
    assert await taken(store, ask(5, limit=5)) == [(5, 0.0)]
    assert await taken(store, ask(1, limit=2)) == [(0, NOW + 60)]
    assert await taken(store, ask(9, limit=8)) == [(3, NOW + 60)]


async def test_many_takers_never_get_more_than_there_is(store, clock):
    grants = await asyncio.gather(*(store.rates.take([ask(3, limit=50)]) for _ in range(40)))
    assert sum(grant.tokens for (grant,) in grants) == 50


async def test_a_restart_forgets_none_that_was_given(house: House, clock):
    store = await house.open()
    await store.rates.take([ask(3)])
    await house.crash(store)
    again = await house.open()
    assert await taken(again, ask(1)) == [(0, NOW + 60)]
    clock.advance(-3600)
    (grant,) = await again.rates.take([ask(1)])
    assert grant == (0, clock.now() + 60), "a clock that was set back does not stop it for an hour"


async def test_idle_limits_are_forgotten(store, clock):
    await store.rates.take([ask(3)])
    clock.advance(2 * 86_400)
    await store.ledger.prune(events_before=0.0, deliveries_before=0.0, keys_before=0.0, limit=10)
    clock.advance(-2 * 86_400)
    assert await taken(store, ask(3)) == [(3, 0.0)]
