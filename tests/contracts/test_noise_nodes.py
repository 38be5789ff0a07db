"""Two nodes on one PostgreSQL: a window is opened once, a limit kept by both, nothing held is told twice.

What waits for another node waits in one order: nobody is ended because of a deadlock.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import asyncpg
import pytest

from gateway.domain.delivery import Hold, Settlement, State
from gateway.ports import Cancel, Folding, RateAsk
from tests.contracts.conftest import PostgresHouse
from tests.contracts.ledger_values import (
    NOW,
    append,
    claim_all,
    dead,
    entry,
    planned,
    require_true_counts,
    states,
)
from tests.contracts.noise_values import WINDOW, held, held_ids, streams, windowed
from tests.fakes.clock import FakeClock

LATER = NOW + 10**6


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
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def nodes(postgres, clock):
    house = PostgresHouse(postgres, clock)
    opened = [await house.open() for _ in range(2)]
    for node in opened:
        node._connections._once = Watched(node._connections._once)
    yield opened
    deadlocks = [node._connections._once.deadlocks for node in opened]
    try:
        await require_true_counts(opened[0])
    finally:
        await house.leave()
    assert deadlocks == [[], []]


async def test_the_same_keys_in_other_orders_on_both_nodes_open_each_window_once(nodes, clock):
    keys = [f"key {number}" for number in range(40)]

    async def send(node, part, order):
        plans = [windowed(key, state=State.LEASED) for key in order]
        answers = await append(node, *(entry(f"{id(node)} {part} {plan.id}", plan) for plan in plans))
        told = {}
        for answer in answers:
            told |= answer.suppressed
        return plans, told

    rounds = [
        send(nodes[number % 2], number, random.Random(number).sample(keys, len(keys))) for number in range(30)
    ]
    sent = await asyncio.gather(*rounds)
    suppressed = {id: first for _, told in sent for id, first in told.items()}
    firsts = [plan for plans, _ in sent for plan in plans if plan.id not in suppressed]
    assert sorted(plan.window.key.decode() for plan in firsts) == sorted(keys)
    assert Counter(suppressed.values()) == {plan.id: 29 for plan in firsts}
    after = await states(nodes[0])
    assert {id for id, state in after.items() if state is State.SUPPRESSED} == set(suppressed)
    clock.advance(WINDOW)
    last = [windowed(key, until=NOW + 900) for key in keys]
    answers = await append(nodes[1], *(entry(plan.id, plan) for plan in last))
    assert {number for answer in answers for number in answer.repeats.values()} == {29}


async def test_while_firsts_die_on_one_node_the_other_goes_on_suppressing(nodes):
    """Nobody is left behind: whoever was suppressed comes forward once those before it are dead."""
    keys = [f"key {number}" for number in range(6)]
    done = asyncio.Event()

    async def send(node):
        for part in range(12):
            plans = [windowed(key) for key in keys for _ in range(1 + part % 3)]
            await append(node, *(entry(plan.id, plan) for plan in plans))
        done.set()

    async def die(node):
        while not done.is_set():
            claims = await claim_all(node.ledger, limit=4)
            await asyncio.gather(*(node.ledger.settle(dead(one.delivery_id, one.epoch)) for one in claims))
            await asyncio.sleep(0)

    await asyncio.gather(send(nodes[0]), send(nodes[1]), die(nodes[0]), die(nodes[1]))
    total = 2 * 12 * 2 * len(keys)
    while claims := await claim_all(nodes[0].ledger):
        await asyncio.gather(*(nodes[0].ledger.settle(dead(one.delivery_id, one.epoch)) for one in claims))
    counts = (await nodes[1].ledger.counts()).by_state
    assert (counts[State.DEAD], counts[State.SUPPRESSED]) == (total, 0), "all came forward in the end"


async def test_no_more_than_the_limit_is_given_by_both_together(nodes, clock):
    for _ in range(5):
        asks = [[RateAsk("a", 3, 20, 10.0), RateAsk("b", 2, 7, 10.0)], [RateAsk("b", 3, 7, 10.0)]]
        takes = [nodes[number % 2].rates.take(asks[number % 2]) for number in range(24)]
        grants = await asyncio.gather(*takes)
        assert sum(one[0].tokens for one in grants[::2]) == 20
        assert sum(one[-1].tokens for one in grants) == 7
        clock.advance(10)


async def test_releasing_folding_holding_and_cancelling_at_once_is_in_one_order(nodes):
    names = [f"s{number}" for number in range(4)]
    done = asyncio.Event()

    async def hold(node):
        for part in range(20):
            order = random.Random(part).sample(names, len(names))
            plans = [held(name, until=NOW - part, subscription=f"sub {name}") for name in order]
            leased = planned(state=State.LEASED)
            await append(node, *(entry(plan.id, plan) for plan in plans), entry(leased.id, leased))
            back = Settlement(leased.id, 1, State.HELD, "quiet_hours", hold=Hold(order[0], NOW - 1000 - part))
            await node.ledger.settle(back)
        done.set()

    async def release(node):
        while not done.is_set():
            for name in names:
                await node.holds.release(name, until=LATER, limit=3, wake_at=NOW)

    async def fold(node):
        number = 0
        while not done.is_set():
            number += 1
            rows = await node.holds.held("s1", until=LATER)
            if rows:
                told = entry(f"{id(node)} {number}", planned(subscription="sub s1", recipient="a@b"))
                folding = Folding("s1", LATER, rows[-1].number, len(rows), b"m")
                await node.holds.fold(told, folding, routed_with=0)
            await asyncio.sleep(0)

    async def cancel(node):
        while not done.is_set():
            await node.registry.apply([], [Cancel("unsubscribed", "destination-1", "sub s2")], expected=0)

    await asyncio.gather(*(act(node) for act in (hold, release, fold) for node in nodes), cancel(nodes[0]))
    for name in names:
        await nodes[0].holds.release(name, until=LATER, limit=1000, wake_at=NOW)
        assert await held_ids(nodes[0], name) == []
    assert await streams(nodes[1]) == []
    counts = (await nodes[0].ledger.counts()).by_state
    assert counts[State.HELD] == 0
