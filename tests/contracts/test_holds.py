"""What policies hold back, as every store keeps it: looked at, released and folded once, whoever tries."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.delivery import FOLDED_INTO, Hold, Settlement, State
from gateway.domain.destination import Destination, Subscription
from gateway.ports import Cancel, Folding, Put, Remove, StaleRoutingError, Store
from tests.contracts.conftest import House
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    append,
    append_leased,
    attempt,
    claim_all,
    delivered,
    entry,
    planned,
    require_true_counts,
    states,
)
from tests.contracts.noise_values import found, held, held_ids, streams
from tests.fakes.clock import FakeClock

LATER = NOW + 10**6


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


async def hold(store: Store, count: int, stream="s", **more):
    """Append as many events with one held delivery each; return their plans."""
    plans = [held(stream, **more) for _ in range(count)]
    await append(store, *(entry(plan.id, plan) for plan in plans))
    return plans


def digest(id="digest", version=0, **more):
    plan = planned("destination-1", subscription="sub", recipient="a@b", **more)
    return entry(id, plan, version=version)


async def folding(store: Store, stream="s", until=LATER, **more) -> Folding:
    rows = await store.holds.held(stream, until=until)
    return Folding(stream, until, rows[-1].number if rows else 0, len(rows), **more)


async def test_what_is_held_is_found_by_its_stream_with_its_events(store):
    first, second = await hold(store, 2, until=NOW + 60, subscription="sub 1")
    at_mail = {"subscription": "sub 2", "recipient": "a@b", "destination": "mail"}
    (other,) = await hold(store, 1, "t", until=NOW + 30, **at_mail)
    assert await streams(store) == [
        ("t", "rate_limited", INSTANCE, "topic-1", "sub 2", "mail", "a@b", NOW + 30),
        ("s", "rate_limited", INSTANCE, "topic-1", "sub 1", "destination-1", "", NOW + 60),
    ]
    assert [one.stream for one in await store.holds.due(NOW + 30, 10)] == ["t"]
    assert len(await store.holds.due(LATER, 1)) == 1
    assert await store.holds.next_due() == NOW + 30
    rows = await store.holds.held("s", until=NOW + 60)
    assert [row.delivery_id for row in rows] == [first.id, second.id]
    assert rows[0].accepted == (await store.ledger.event(INSTANCE, rows[0].accepted.id)).accepted
    assert rows[0].until == NOW + 60
    assert await held_ids(store, until=NOW + 59) == []
    assert await held_ids(store, limit=1) == [first.id]
    assert await held_ids(store, after=rows[0].number) == [second.id]
    assert await claim_all(store.ledger) == []
    row = await found(store, other.id)
    assert (row.state, row.reason, row.settled_at) == (State.HELD, "rate_limited", None)
    await require_true_counts(store)


async def test_nothing_is_due_where_nothing_is_held(store):
    await append(store, entry("1", planned()), entry("2", planned(state=State.HELD, reason="disabled")))
    assert await store.holds.next_due() is None
    assert await streams(store) == []
    assert await held_ids(store) == []
    assert await store.holds.release("s", until=LATER, limit=10, wake_at=NOW) == 0
    assert await store.holds.memory("sub", "a@b") is None


async def test_the_highest_rank_is_released_first_then_the_oldest(store, clock):
    ranks = [0, 2, 1, 2, 0, 1]
    plans = [held(rank=rank) for rank in ranks]
    await append(store, *(entry(plan.id, plan) for plan in plans[:3]))
    await append(store, *(entry(plan.id, plan) for plan in plans[3:]))
    order = [1, 3, 2, 5, 0, 4]
    released = []
    for wanted in (1, 2, 0, 2, 5):
        assert await store.holds.release("s", until=LATER, limit=wanted, wake_at=NOW + 70) == min(
            wanted, 6 - len(released)
        )
        released += [claim.delivery_id for claim in await claim_all(store.ledger)]
        assert [one.wake_at for one in await streams(store)] == ([NOW + 70] if len(released) < 6 else [])
    expected = [plans[place].id for place in order]
    assert released[0] == expected[0]
    assert [set(released[a:b]) for a, b in ((1, 3), (3, 5), (5, 6))] == [
        set(expected[a:b]) for a, b in ((1, 3), (3, 5), (5, 6))
    ]
    await require_true_counts(store)


async def test_what_is_released_is_due_at_once_and_what_is_not_yet_waits(store, clock):
    early, late = held(until=NOW + 10), held(until=NOW + 500)
    await append(store, entry("1", early), entry("2", late))
    assert [one.wake_at for one in await streams(store)] == [NOW + 10]
    clock.advance(10)
    assert await store.holds.release("s", until=clock.now(), limit=5, wake_at=clock.now() + 1) == 1
    row = await found(store, early.id)
    assert (row.state, row.reason, row.due_at) == (State.PENDING, "", NOW + 10)
    assert await store.holds.next_due() == NOW + 500, "when the earliest of it is due, if that is later"
    assert await held_ids(store) == [late.id]
    (claim,) = await claim_all(store.ledger)
    assert await store.ledger.settle(delivered(early.id, claim.epoch))
    await require_true_counts(store)


async def test_a_stream_is_looked_at_when_it_is_said_or_its_policy_changes(store, clock):
    await hold(store, 1, "s", until=NOW + 60, subscription="one")
    await hold(store, 1, "t", until=NOW + 90, subscription="two")
    await store.holds.postpone("s", NOW + 200)
    assert await store.holds.next_due() == NOW + 90
    await hold(store, 1, "s", until=NOW + 300, subscription="one")
    assert [(one.stream, one.wake_at) for one in await streams(store)] == [("t", NOW + 90), ("s", NOW + 200)]
    await hold(store, 1, "s", until=NOW + 150, subscription="one")
    assert [(one.stream, one.wake_at) for one in await streams(store)] == [("t", NOW + 90), ("s", NOW + 150)]
    clock.advance(20)
    await store.holds.rouse(["two", "none"])
    assert [one.stream for one in await store.holds.due(clock.now(), 10)] == ["t"]
    clock.advance(100)
    await store.holds.rouse(["two"])
    assert await store.holds.next_due() == NOW + 20, "it is as long overdue as it was"


async def test_two_actors_release_each_delivery_once(store):
    plans = await hold(store, 60)

    async def actor():
        return await store.holds.release("s", until=LATER, limit=7, wake_at=NOW)

    counts = await asyncio.gather(*(actor() for _ in range(12)))
    assert sum(counts) == 60
    claims = await claim_all(store.ledger)
    assert {claim.delivery_id for claim in claims} == {plan.id for plan in plans}
    assert {claim.epoch for claim in claims} == {1}
    assert await streams(store) == []
    await require_true_counts(store)


async def test_a_leased_delivery_is_held_by_its_newest_lease_only(store, clock):
    one, two = await append_leased(store, 2)
    policy = Hold("s", NOW + 40, 3)
    back = Settlement(one, 1, State.HELD, "quiet_hours", hold=policy)
    assert not await store.ledger.settle(back._replace(epoch=0))
    assert await streams(store) == []
    assert await store.ledger.settle(back)
    assert not await store.ledger.settle(back)
    tried = Settlement(two, 1, State.HELD, "quiet_hours", attempt=attempt(reason="throttled"), hold=policy)
    assert await store.ledger.settle(tried)
    (stream,) = await streams(store)
    assert (stream.stream, stream.reason, stream.wake_at) == ("s", "quiet_hours", NOW + 40)
    assert stream.subscription_id == "subscription-of-destination-1"
    assert await held_ids(store) == [one, two]
    assert (await found(store, one)).attempts == 0
    await require_true_counts(store)
    assert await store.holds.release("s", until=NOW + 40, limit=2, wake_at=NOW) == 2
    claims = {claim.delivery_id: claim for claim in await claim_all(store.ledger)}
    assert {claims[one].epoch, claims[two].epoch} == {2}
    again = Settlement(one, 2, State.HELD, "rate_limited", hold=Hold("t", NOW + 50))
    assert await store.ledger.settle(again)
    assert await held_ids(store, "t") == [one]
    with pytest.raises(ValueError, match="hold"):
        await store.ledger.settle(Settlement(two, 2, State.PENDING, hold=policy))
    await require_true_counts(store)


async def test_held_and_settled_in_one_commit(store):
    leased = await append_leased(store, 40)
    policies = [
        Settlement(one, 1, State.HELD, "rate_limited", hold=Hold(f"s{place % 4}", NOW + place))
        if place % 2
        else delivered(one)
        for place, one in enumerate(leased)
    ]
    assert all(await asyncio.gather(*(store.ledger.settle(one) for one in policies)))
    assert [(one.stream, one.wake_at) for one in await streams(store)] == [("s1", NOW + 1), ("s3", NOW + 3)]
    assert len(await held_ids(store, "s1")) == 10
    await require_true_counts(store)


async def test_held_ones_are_folded_into_one_that_tells_of_them(store, clock):
    plans = await hold(store, 3, until=NOW + 60, subscription="sub", recipient="a@b")
    (later,) = await hold(store, 1, until=NOW + 600, subscription="sub", recipient="a@b")
    clock.advance(60)
    told = digest()
    fold = await folding(store, until=clock.now(), memory=b"three")
    assert fold.number == 3
    assert await store.holds.fold(told, fold, routed_with=0)
    for plan in plans:
        row = await found(store, plan.id)
        assert (row.state, row.reason) == (State.FOLDED, FOLDED_INTO + told.planned[0].id)
        assert row.settled_at == clock.now()
    assert [claim.delivery_id for claim in await claim_all(store.ledger)] == [told.planned[0].id]
    assert await store.holds.memory("sub", "a@b") == b"three"
    assert await store.holds.next_due() == NOW + 600
    assert await held_ids(store) == [later.id]
    clock.advance(600)
    last = await folding(store, memory=b"one")
    assert await store.holds.fold(digest("next"), last, routed_with=0)
    assert await store.holds.memory("sub", "a@b") == b"one"
    assert await streams(store) == []
    await require_true_counts(store)


async def test_all_are_folded_or_nothing_is(store):
    await hold(store, 3)
    fold = await folding(store)
    for other in (fold._replace(number=2), fold._replace(up_to=fold.up_to - 1), fold._replace(stream="t")):
        assert not await store.holds.fold(digest(), other._replace(memory=b"m"), routed_with=0)
    with pytest.raises(StaleRoutingError):
        await store.holds.fold(digest(), fold, routed_with=3)
    with pytest.raises(ValueError, match="leased"):
        await store.holds.fold(digest(state=State.LEASED), fold, routed_with=0)
    assert set((await states(store)).values()) == {State.HELD}
    assert await store.holds.memory("sub", "a@b") is None
    assert len(await streams(store)) == 1
    await append(store, digest())
    assert not await store.holds.fold(digest(), fold, routed_with=0), "the entry's key is known"
    assert list((await states(store)).values()).count(State.HELD) == 3
    await require_true_counts(store)
    assert await store.holds.fold(digest("other"), fold, routed_with=0)
    assert not await store.holds.fold(digest("third"), fold, routed_with=0), "they are folded"
    await require_true_counts(store)


async def test_what_comes_after_the_look_waits_for_the_next_fold(store):
    await hold(store, 2)
    fold = await folding(store)
    (late,) = await hold(store, 1)
    assert await store.holds.fold(digest(), fold, routed_with=0)
    assert await held_ids(store) == [late.id]
    assert len(await streams(store)) == 1
    await require_true_counts(store)


async def test_two_actors_fold_once(store):
    await hold(store, 50)
    fold = await folding(store)

    async def actor(number):
        return await store.holds.fold(digest(f"digest {number % 2}"), fold, routed_with=0)

    assert sorted(await asyncio.gather(*(actor(number) for number in range(6)))) == [False] * 5 + [True]
    counts = (await store.ledger.counts()).by_state
    assert (counts[State.FOLDED], counts[State.PENDING]) == (50, 1)
    await require_true_counts(store)


async def test_a_digest_of_nothing_is_made_once(store):
    nothing = Folding("s", NOW, 0, 0, b"none")
    assert await store.holds.fold(digest(), nothing, routed_with=0)
    assert not await store.holds.fold(digest(), nothing, routed_with=0)
    assert await store.holds.memory("sub", "a@b") == b"none"
    assert len(await claim_all(store.ledger)) == 1
    await require_true_counts(store)


async def test_folding_and_releasing_at_once_do_one_of_both_with_each(store):
    await hold(store, 40)
    fold = await folding(store)
    folded, released = await asyncio.gather(
        store.holds.fold(digest(), fold, routed_with=0),
        store.holds.release("s", until=LATER, limit=100, wake_at=NOW),
    )
    assert (folded, released) in ((True, 0), (False, 40))
    await require_true_counts(store)


async def test_what_was_cancelled_is_neither_released_nor_folded(store, clock):
    gone = await hold(store, 3, subscription="gone")
    stays = await hold(store, 2, subscription="stays")
    fold = await folding(store)
    await store.registry.apply([], [Cancel("unsubscribed", "destination-1", "gone")], expected=0)
    assert not await store.holds.fold(digest(), fold, routed_with=0)
    assert await held_ids(store) == [plan.id for plan in stays]
    assert await store.holds.release("s", until=LATER, limit=10, wake_at=NOW) == 2
    assert await streams(store) == [], "nothing is left of the stream"
    assert {(await states(store))[plan.id] for plan in gone} == {State.CANCELLED}
    await require_true_counts(store)


async def test_folding_what_was_cancelled_meanwhile_takes_the_rest(store):
    await hold(store, 2, subscription="gone")
    await hold(store, 2, subscription="stays")
    await store.registry.apply([], [Cancel("unsubscribed", "destination-1", "gone")], expected=0)
    fold = await folding(store)
    assert fold.number == 2
    assert await store.holds.fold(digest(), fold, routed_with=0)
    assert await streams(store) == []
    await require_true_counts(store)


async def test_one_that_was_replayed_is_not_held_by_its_old_hold(store):
    (plan,) = await hold(store, 1)
    await hold(store, 1)
    await store.registry.apply([], [Cancel("deleted", "destination-1")], expected=0)
    assert await store.ledger.replay(INSTANCE, plan.id)
    (claim,) = await claim_all(store.ledger)
    assert await store.ledger.settle(Settlement(plan.id, claim.epoch, State.HELD, "disabled"))
    assert await held_ids(store) == []
    assert await store.holds.release("s", until=LATER, limit=10, wake_at=NOW) == 0
    assert (await states(store))[plan.id] is State.HELD
    assert await streams(store) == []
    await require_true_counts(store)


async def test_a_new_hold_in_a_stream_that_just_ended_is_seen(store):
    for part in range(15):
        await asyncio.gather(
            store.holds.release("s", until=LATER, limit=10, wake_at=NOW),
            hold(store, 1),
            store.holds.release("s", until=LATER, limit=10, wake_at=NOW),
            hold(store, 1),
        )
        waiting = await held_ids(store)
        assert len(await streams(store)) == (1 if waiting else 0), part
    await require_true_counts(store)


async def test_what_is_held_outlives_a_crash(house: House):
    store = await house.open()
    plans = await hold(store, 3)
    await store.holds.release("s", until=LATER, limit=1, wake_at=NOW + 70)
    await house.crash(store)
    again = await house.open()
    assert await held_ids(again) == [plan.id for plan in plans[1:]]
    assert await again.holds.next_due() == NOW + 70
    assert await again.holds.fold(digest(), await folding(again, memory=b"m"), routed_with=0)
    await house.crash(again)
    last = await house.open()
    assert await last.holds.memory("sub", "a@b") == b"m"
    assert list((await states(last)).values()).count(State.FOLDED) == 2
    await require_true_counts(last)


async def test_memories_go_with_their_subscription(store):
    nothing = Folding("s", NOW, 0, 0, b"none")
    mail = Destination("d", INSTANCE, "mail", "email", 1.0, 1.0)
    subscription = Subscription("sub", INSTANCE, "mail", "t", "d", 1.0, 1.0)
    version = await store.registry.apply([Put(mail), Put(subscription)], expected=0)
    assert await store.holds.fold(digest(version=version), nothing, routed_with=version)
    version = await store.registry.apply([Remove(mail)], expected=version)
    assert await store.holds.memory("sub", "a@b") == b"none"
    await store.registry.apply([Remove(subscription)], expected=version)
    assert await store.holds.memory("sub", "a@b") is None


async def test_what_is_kept_of_a_delivery_goes_with_it(store, clock):
    await hold(store, 2)
    assert await store.holds.fold(digest(), await folding(store), routed_with=0)
    await hold(store, 1)
    clock.advance(100)
    ages = {"events_before": clock.now(), "deliveries_before": clock.now(), "keys_before": 0.0}
    while await store.ledger.prune(limit=100, **ages):
        pass
    assert set((await states(store)).values()) == {State.HELD, State.PENDING}
    await require_true_counts(store)
