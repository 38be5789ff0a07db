"""Effects of a change on more deliveries than one transaction takes: carried on in batches."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from gateway.domain.delivery import Claim, State
from gateway.ports import Cancel, Hold, Unhold
from gateway.storage.effects import Step
from tests.contracts.ledger_values import (
    append,
    append_leased,
    claim_all,
    delivered,
    entry,
    planned,
    require_true_counts,
    states,
)
from tests.waiting import until_async

BATCH = 7
MANY = 50


@pytest.fixture
async def store(house):
    """A store that changes few rows at once, and not by itself: `drain` has it go on."""
    opened = await house.open(batch=BATCH)
    await opened._effects.stop()
    return opened


async def drain(store, steps=1000):
    """Carry on by so many batches, or to the end; True when there was nothing left."""
    for _ in range(steps):
        if await store._effects.step() is Step.IDLE:
            return True
    return False


async def backlog(store, destination="off", number=MANY, **more):
    waiting = [planned(destination, **more) for _ in range(number)]
    await append(store, *(entry(one.id, one) for one in waiting))
    return waiting


def ids(found):
    return sorted(one.delivery_id if isinstance(one, Claim) else one.id for one in found)


async def counted(store, rows):
    after = await states(store)
    return Counter(after[one.id] for one in rows)


async def test_what_is_left_after_the_answer_is_carried_on_by_itself(house):
    store = await house.open(batch=BATCH)
    waiting = await backlog(store)
    await store.registry.apply([], [Hold("off", "disabled")], expected=0)

    async def all_held():
        return (await counted(store, waiting))[State.HELD] == MANY

    await until_async(all_held)
    await require_true_counts(store)


async def test_a_change_takes_one_batch_with_it_and_no_transaction_more_than_that(store):
    waiting = await backlog(store)
    await store.registry.apply([], [Hold("off", "disabled")], expected=0)
    for batches in range(1, MANY // BATCH + 1):
        assert (await counted(store, waiting))[State.HELD] == batches * BATCH
        await drain(store, 1)
    assert (await counted(store, waiting))[State.HELD] == MANY
    await require_true_counts(store)


async def test_several_effects_of_one_change_share_its_batch(store):
    rows = {name: await backlog(store, name) for name in ("a", "b", "c")}
    await store.registry.apply([], [Hold(name, "disabled") for name in rows], expected=0)
    assert [(await counted(store, one))[State.HELD] for one in rows.values()] == [BATCH, 0, 0]
    await drain(store)
    assert [(await counted(store, one))[State.HELD] for one in rows.values()] == [MANY] * 3


@pytest.mark.parametrize("effect", [Hold("off", "disabled"), Cancel("deleted", "off")])
async def test_nothing_that_an_effect_has_still_to_reach_is_claimed(store, effect):
    waiting, other = await backlog(store), await backlog(store, "on", 3)
    await store.registry.apply([], [effect], expected=0)
    assert ids(await claim_all(store.ledger)) == ids(other)
    while not await drain(store, 1):
        assert await claim_all(store.ledger) == []
    (state,) = await counted(store, waiting)
    assert state in (State.HELD, State.CANCELLED)
    assert await claim_all(store.ledger) == []
    await require_true_counts(store)


async def test_a_suspect_that_an_effect_has_still_to_reach_is_not_claimed(house, store):
    (suspect,) = await append_leased(store, destination="off")
    for lost in range(3):
        await house.crash(store)
        store = await house.open(batch=BATCH)
        await store._effects.stop()
        if lost < 2:
            assert ids(await claim_all(store.ledger)) == [suspect]
    await backlog(store, number=2 * BATCH)
    await store.registry.apply([], [Cancel("deleted", "off", "none")], expected=0)
    assert await store.ledger.claim_suspect() is None
    await drain(store)
    assert (await store.ledger.claim_suspect()).delivery_id == suspect
    await require_true_counts(store)


@pytest.mark.parametrize("effect", [Hold("off", "disabled"), Cancel("deleted", "off")])
async def test_a_crash_between_batches_loses_nothing_of_it(house, store, effect):
    waiting = await backlog(store)
    await store.registry.apply([], [effect], expected=0)
    assert not await drain(store, 2)
    await house.crash(store)
    store = await house.open(batch=BATCH)
    assert await claim_all(store.ledger) == []

    async def carried_out():
        return (await counted(store, waiting))[State.PENDING] == 0

    await until_async(carried_out)
    await require_true_counts(store)


async def test_leases_end_with_the_change_itself_however_long_the_backlog(store):
    waiting = await backlog(store)
    leased = [planned("off", State.LEASED) for _ in range(BATCH * 2)]
    await append(store, entry("leased", *leased))
    await store.registry.apply([], [Cancel("deleted", "off")], expected=0)
    assert await counted(store, leased) == {State.CANCELLED: len(leased)}
    assert not await store.ledger.settle(delivered(leased[0].id))
    await drain(store)
    assert await counted(store, waiting) == {State.CANCELLED: MANY}
    await require_true_counts(store)


async def test_a_cancellation_reaches_whom_it_names_and_nothing_that_came_later(store):
    people = ("a@x.test", "b@x.test", "c@x.test")
    rows = [
        planned("mail", state, subscription=subscription, recipient=one, reason="quiet")
        for state in (State.PENDING, State.HELD)
        for subscription in ("mine", "theirs")
        for one in people
        for _ in range(5)
    ]
    random.Random(7).shuffle(rows)
    await append(store, *(entry(one.id, one) for one in rows))
    await store.registry.apply([], [Cancel("unsubscribed", "mail", "mine", people[:2])], expected=0)
    later = [planned("mail", subscription="mine", recipient=one) for one in people]
    await append(store, entry("later", *later))
    await drain(store)
    after = await states(store)
    for one in rows:
        gone = one.subscription_id == "mine" and one.recipient in people[:2]
        assert after[one.id] is (State.CANCELLED if gone else one.state)
    assert await counted(store, later) == {State.PENDING: 3}
    await require_true_counts(store)


async def test_what_is_released_is_due_batch_by_batch(store, clock):
    waiting = await backlog(store, state=State.HELD, reason="disabled")
    quiet = await backlog(store, number=3, state=State.HELD, reason="quiet")
    clock.advance(60)
    await store.registry.apply([], [Unhold("off", "disabled")], expected=0)
    claimed = await claim_all(store.ledger)
    assert len(claimed) == BATCH
    assert await store._effects.step() is Step.DUE
    claimed += await claim_all(store.ledger)
    assert len(claimed) == 2 * BATCH
    await drain(store)
    claimed += await claim_all(store.ledger)
    assert ids(claimed) == ids(waiting)
    assert await counted(store, quiet) == {State.HELD: 3}
    await require_true_counts(store)


async def test_whoever_claims_is_told_when_deliveries_were_released(house):
    store = await house.open(batch=BATCH)
    told = asyncio.Event()
    store.listen(lambda: None, told.set)
    await backlog(store, state=State.HELD, reason="disabled")
    told.clear()
    await store.registry.apply([], [Unhold("off", "disabled")], expected=0)
    await asyncio.wait_for(told.wait(), 5)


async def test_a_release_ends_the_hold_that_is_under_way_and_the_other_way_round(store):
    waiting = await backlog(store)
    await store.registry.apply([], [Hold("off", "disabled")], expected=0)
    await store.registry.apply([], [Unhold("off", "disabled")], expected=0)
    assert await counted(store, waiting) == {State.PENDING: MANY}
    assert await drain(store, 2)
    assert len(await claim_all(store.ledger, limit=3)) == 3
    await store.registry.apply([], [Hold("off", "disabled")], expected=0)
    await drain(store, 2)
    await store.registry.apply([], [Unhold("off", "disabled")], expected=0)
    await drain(store, 1)
    await store.registry.apply([], [Hold("off", "disabled")], expected=0)
    await drain(store)
    assert await counted(store, waiting) == {State.HELD: MANY - 3, State.LEASED: 3}
    await require_true_counts(store)


async def test_destinations_take_turns_and_effects_of_one_come_in_order(store):
    long, short = await backlog(store, "long", 200), await backlog(store, "short", BATCH * 3)
    await store.registry.apply([], [Hold("long", "disabled")], expected=0)
    await store.registry.apply([], [Cancel("deleted", "long"), Cancel("deleted", "short")], expected=0)
    await drain(store, 10)
    assert await counted(store, short) == {State.CANCELLED: BATCH * 3}
    assert (await counted(store, long))[State.PENDING] > 0
    await drain(store)
    assert await counted(store, long) == {State.CANCELLED: 200}
    await require_true_counts(store)


async def test_however_small_the_batches_effects_come_to_the_same(store):
    """Against a plain reading of what effects mean, one after the other."""
    chance = random.Random(11)
    expected = {}
    for step in range(60):
        if chance.random() < 0.4:
            rows = [
                planned(
                    f"d-{chance.randrange(2)}",
                    chance.choice([State.PENDING, State.HELD, State.LEASED]),
                    subscription=f"s-{chance.randrange(2)}",
                    recipient=chance.choice("ab"),
                    reason=chance.choice(["off", "quiet"]),
                )
                for _ in range(chance.randrange(30))
            ]
            await append(store, entry(str(step), *rows))
            expected |= {one.id: [one, one.state, one.reason] for one in rows}
        else:
            effect = chance.choice(
                [
                    Hold(f"d-{chance.randrange(2)}", "off"),
                    Unhold(f"d-{chance.randrange(2)}", "off"),
                    Cancel("gone", f"d-{chance.randrange(2)}", f"s-{chance.randrange(2)}", ("a",)),
                ]
            )
            await store.registry.apply([], [effect], expected=0)
            for row in expected.values():
                _foresee(effect, row)
        await drain(store, chance.randrange(4))
    await drain(store)
    foreseen = {id: state for id, (_, state, _) in expected.items()}
    assert await states(store) == foreseen
    assert set(foreseen.values()) == {State.PENDING, State.HELD, State.LEASED, State.CANCELLED}
    await require_true_counts(store)


def _foresee(effect, row):
    plan, state, reason = row
    if plan.destination_id != effect.destination_id:
        return
    if isinstance(effect, Hold) and state is State.PENDING:
        row[1:] = [State.HELD, effect.reason]
    elif isinstance(effect, Unhold) and state is State.HELD and reason == effect.reason:
        row[1:] = [State.PENDING, ""]
    elif isinstance(effect, Cancel) and not state.terminal:
        meant = plan.subscription_id == effect.subscription_id and plan.recipient in effect.recipients
        row[1:] = [State.CANCELLED, effect.reason] if meant else [state, reason]
