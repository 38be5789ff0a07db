"""What `gateway.ports.Ledger` promises of claiming, on every store."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.domain.delivery import State
from gateway.domain.errors import Unavailable
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    append,
    append_leased,
    claim_all,
    delivered,
    entry,
    planned,
    require_true_counts,
    retry,
    states,
    untried,
)
from tests.waiting import until_async

SUSPECT_AFTER = 3


def ids(claims):
    return [claim.delivery_id for claim in claims]


async def append_due(store, clock, destination, count, *, every=1.0):
    """Append as many deliveries, each due a moment after the one before."""
    plans = []
    for _ in range(count):
        plans.append(planned(destination))
        await append(store, entry(plans[-1].id, plans[-1]))
        clock.advance(every)
    return [plan.id for plan in plans]


async def crash_while_leased(house, store, times):
    """Claim everything and crash, so often; return the store that was opened last."""
    for _ in range(times):
        claims = await claim_all(store.ledger)
        assert claims or await store.ledger.claim_suspect()
        await house.crash(store)
        store = await house.open()
    return store


async def test_a_claim_carries_the_event_and_where_it_goes(store):
    one = entry("1", planned("d", recipient="a@x.test"), subject="vol-1")
    await append(store, one)
    (claim,) = await claim_all(store.ledger)
    plan = one.planned[0]
    assert claim.accepted == one.accepted
    assert (claim.delivery_id, claim.epoch, claim.attempts, claim.rescues) == (plan.id, 1, 0, 0)
    assert (claim.topic_id, claim.subscription_id, claim.destination_id, claim.recipient) == (
        plan.topic_id, plan.subscription_id, "d", "a@x.test",
    )  # fmt: skip
    assert (await states(store))[plan.id] is State.LEASED


async def test_what_is_leased_is_nobody_elses(store):
    (leased,) = await append_leased(store)
    assert await claim_all(store.ledger) == []
    await store.ledger.settle(untried(leased))
    assert ids(await claim_all(store.ledger)) == [leased]
    assert await claim_all(store.ledger) == []


async def test_every_lease_has_a_new_epoch(store, clock):
    (leased,) = await append_leased(store)
    for epoch in range(1, 6):
        await store.ledger.settle(untried(leased, clock.now(), epoch))
        (claim,) = await claim_all(store.ledger)
        assert claim.epoch == epoch + 1


async def test_the_oldest_are_claimed_first(store, clock):
    due = await append_due(store, clock, "d", 9)
    assert ids(await claim_all(store.ledger, limit=4)) == due[:4]
    assert ids(await claim_all(store.ledger, limit=100)) == due[4:]


async def test_claims_of_several_destinations_come_oldest_first(store, clock):
    due = []
    for _ in range(4):
        due += await append_due(store, clock, "b", 1) + await append_due(store, clock, "a", 1)
    assert ids(await claim_all(store.ledger)) == due


async def test_a_retry_is_claimed_when_it_is_due_and_not_before(store, clock):
    leased = await append_leased(store, 3)
    for one, wait in zip(leased, (30, 10, 20), strict=True):
        await store.ledger.settle(retry(one, clock.now() + wait))
    assert await claim_all(store.ledger) == []
    clock.advance(9.9)
    assert await claim_all(store.ledger) == []
    clock.advance(0.1)
    assert ids(await claim_all(store.ledger)) == [leased[1]]
    clock.advance(20)
    assert ids(await claim_all(store.ledger)) == [leased[2], leased[0]]


async def test_at_most_its_room_is_claimed_of_a_destination(store, clock):
    for destination in ("a", "b", "c"):
        await append_due(store, clock, destination, 5)
    claims = await store.ledger.claim({"a": 2, "b": 0}, default_room=3, limit=100)
    taken = [claim.destination_id for claim in claims]
    assert {one: taken.count(one) for one in ("a", "b", "c")} == {"a": 2, "b": 0, "c": 3}


async def test_no_room_anywhere_claims_nothing(store, clock):
    await append_due(store, clock, "a", 2)
    assert await store.ledger.claim({}, default_room=0, limit=100) == []
    assert await store.ledger.claim({"a": 5}, default_room=5, limit=0) == []
    await require_true_counts(store)


async def test_a_backlog_of_one_never_hides_the_due_rows_of_another(store, clock):
    backlog = entry("1", *(planned("slow") for _ in range(600)))
    await append(store, backlog)
    clock.advance(60)
    (waiting,) = await append_due(store, clock, "healthy", 1)
    claims = await claim_all(store.ledger, limit=16)
    assert len(claims) == 16
    assert waiting in ids(claims)
    claims = await store.ledger.claim({"slow": 0}, default_room=10, limit=16)
    assert claims == []


async def test_destinations_share_a_short_limit(store, clock):
    for destination in ("a", "b", "c", "d"):
        await append_due(store, clock, destination, 20)
    taken = [claim.destination_id for claim in await claim_all(store.ledger, limit=20)]
    assert {one: taken.count(one) for one in ("a", "b", "c", "d")} == dict.fromkeys(("a", "b", "c", "d"), 5)


async def test_what_one_destination_leaves_of_the_limit_another_takes(store, clock):
    await append_due(store, clock, "short", 2)
    await append_due(store, clock, "long", 30)
    taken = [claim.destination_id for claim in await claim_all(store.ledger, limit=20)]
    assert (taken.count("short"), taken.count("long")) == (2, 18)


async def test_more_destinations_than_places_take_turns_by_age(store, clock):
    for number in range(10):
        await append_due(store, clock, f"d-{number}", 2)
    taken = [claim.destination_id for claim in await claim_all(store.ledger, limit=4)]
    assert taken == ["d-0", "d-1", "d-2", "d-3"]


async def test_held_and_ended_deliveries_are_not_claimed(store, clock):
    await append(store, entry("1", *(planned(state=one) for one in State if one is not State.PENDING)))
    clock.advance(1e6)
    assert await claim_all(store.ledger) == []


async def test_six_claimers_never_take_the_same_lease(store):
    for part in range(10):
        plans = [planned(f"d-{number % 7}") for number in range(500)]
        await append(store, entry(str(part), *plans))
    taken = []

    async def claimer():
        while claims := await claim_all(store.ledger, limit=97):
            taken.extend((claim.delivery_id, claim.epoch) for claim in claims)

    await asyncio.gather(*(claimer() for _ in range(6)))
    assert len(taken) == len(set(taken)) == 5000
    assert {epoch for _, epoch in taken} == {1}
    await require_true_counts(store)


async def test_claims_and_results_may_run_side_by_side(store, clock):
    await append(store, entry("1", *(planned(f"d-{number % 3}") for number in range(600))))
    settled = []

    async def worker():
        while claims := await claim_all(store.ledger, limit=20):
            settled.extend(
                await asyncio.gather(
                    *(store.ledger.settle(delivered(claim.delivery_id, claim.epoch)) for claim in claims)
                )
            )

    await asyncio.gather(*(worker() for _ in range(6)))
    assert settled == [True] * 600
    assert (await store.ledger.counts()).by_state[State.DELIVERED] == 600
    await require_true_counts(store)


async def test_a_cancelled_claim_leaves_no_lease_behind(store):
    await append(store, entry("1", *(planned() for _ in range(50))))
    claiming = asyncio.ensure_future(claim_all(store.ledger, limit=10))
    await asyncio.sleep(0)
    claiming.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await claiming
    claimed = []

    async def everything_was_claimed():
        claimed.extend(ids(await claim_all(store.ledger)))
        return len(claimed) >= 50

    await until_async(everything_was_claimed)
    assert len(set(claimed)) == len(claimed) == 50
    await require_true_counts(store)


async def test_the_next_due_time_is_that_of_the_earliest_pending_delivery(store, clock):
    assert await store.ledger.next_due() is None
    leased = await append_leased(store, 3)
    assert await store.ledger.next_due() is None
    for one, (wait, destination) in zip(leased, ((70, "a"), (50, "b"), (60, "c")), strict=True):
        await store.ledger.settle(retry(one, NOW + wait))
        del destination
    assert await store.ledger.next_due() == NOW + 50
    await append(store, entry("1", planned("z", State.HELD), planned("y", State.DEAD)))
    assert await store.ledger.next_due() == NOW + 50
    await append(store, entry("2", planned("zz")))
    assert await store.ledger.next_due() == NOW


async def test_the_age_of_the_oldest_due_delivery_is_counted(store, clock):
    assert (await store.ledger.counts()).oldest_due_age == 0
    (leased,) = await append_leased(store)
    await store.ledger.settle(retry(leased, clock.now() + 10))
    assert (await store.ledger.counts()).oldest_due_age == 0
    clock.advance(25)
    assert (await store.ledger.counts()).oldest_due_age == 15


async def test_a_delivery_that_lost_its_lease_three_times_is_left_to_be_sent_alone(house, store):
    (leased,) = await append_leased(store)
    assert await store.ledger.claim_suspect() is None
    await house.crash(store)
    store = await crash_while_leased(house, await house.open(), SUSPECT_AFTER - 1)
    healthy = planned()
    await append(store, entry("1", healthy))
    assert ids(await claim_all(store.ledger)) == [healthy.id]
    claim = await store.ledger.claim_suspect()
    assert (claim.delivery_id, claim.rescues, claim.attempts) == (leased, SUSPECT_AFTER, 0)
    assert await store.ledger.claim_suspect() is None
    assert await store.ledger.settle(delivered(leased, claim.epoch))
    await require_true_counts(store)


async def test_one_that_crashes_the_process_once_more_is_dead(house, store, clock):
    (leased,) = await append_leased(store)
    await house.crash(store)
    store = await crash_while_leased(house, await house.open(), SUSPECT_AFTER)
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.reason, row.rescues) == (State.DEAD, "crashed_while_sent", SUSPECT_AFTER + 1)
    assert row.settled_at == clock.now()
    assert await store.ledger.claim_suspect() is None
    assert await claim_all(store.ledger) == []
    assert await store.ledger.replay(INSTANCE, leased)
    (claim,) = await claim_all(store.ledger)
    assert (claim.delivery_id, claim.rescues) == (leased, 0)
    await require_true_counts(store)


async def test_a_suspect_given_back_by_a_clean_stop_is_no_crash(house, store):
    (leased,) = await append_leased(store)
    await house.crash(store)
    store = await crash_while_leased(house, await house.open(), SUSPECT_AFTER - 1)
    assert (await store.ledger.claim_suspect()).delivery_id == leased
    await store.close()
    reopened = await house.open()
    assert (await reopened.ledger.delivery(INSTANCE, leased)).state is State.PENDING
    assert (await reopened.ledger.claim_suspect()).rescues == SUSPECT_AFTER


async def test_a_suspect_is_claimed_when_it_is_due(house, store, clock):
    (leased,) = await append_leased(store)
    await house.crash(store)
    store = await crash_while_leased(house, await house.open(), SUSPECT_AFTER - 1)
    claim = await store.ledger.claim_suspect()
    await store.ledger.settle(untried(leased, clock.now() + 60, claim.epoch))
    assert await store.ledger.claim_suspect() is None
    assert await store.ledger.next_due() == clock.now() + 60
    clock.advance(60)
    assert (await store.ledger.claim_suspect()).rescues == SUSPECT_AFTER


async def test_a_try_that_ended_clears_the_suspicion(house, store, clock):
    (leased,) = await append_leased(store)
    await house.crash(store)
    store = await crash_while_leased(house, await house.open(), SUSPECT_AFTER - 1)
    claim = await store.ledger.claim_suspect()
    await store.ledger.settle(retry(leased, clock.now(), claim.epoch))
    assert await store.ledger.claim_suspect() is None
    (claim,) = await claim_all(store.ledger)
    assert (claim.attempts, claim.rescues) == (1, 0)


async def test_a_closed_store_claims_nothing(house, store):
    ledger = store.ledger
    await house.crash(store)
    with pytest.raises(Unavailable):
        await claim_all(ledger)
    with pytest.raises(Unavailable):
        await ledger.next_due()
