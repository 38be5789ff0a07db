"""Duplicate windows, as every store keeps them: who opens one, what falls into it, who comes forward."""

from __future__ import annotations

import pytest

from gateway.domain.delivery import CAME_FORWARD, DUPLICATE_OF, State
from gateway.ports import Store
from tests.contracts.conftest import House
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    PROBLEM,
    append,
    claim_all,
    dead,
    delivered,
    entry,
    planned,
    require_true_counts,
    states,
)
from tests.contracts.noise_values import WINDOW, duplicates, found, held, windowed
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


async def one(store: Store, id, plan, **more):
    """Append an event with one delivery; return what became of it."""
    (appended,) = await append(store, entry(id, plan, **more))
    return appended


async def test_the_first_goes_out_and_the_rest_is_suppressed_until_the_window_ends(store, clock):
    first, second, third, fourth = (windowed(until=NOW + one) for one in (300, 400, 500, 900))
    assert (await one(store, "1", first)).suppressed == {}
    clock.advance(299.9)
    assert (await one(store, "2", second)).suppressed == {second.id: first.id}
    row = await found(store, second.id)
    assert (row.state, row.reason) == (State.SUPPRESSED, DUPLICATE_OF + first.id)
    assert row.settled_at == clock.now()
    clock.advance(0.1)
    opened = await one(store, "3", third)
    assert opened.suppressed == {}, "the window does not grow by what falls into it"
    assert opened.repeats == {third.id: 1}
    assert (await one(store, "4", fourth)).suppressed == {fourth.id: third.id}
    assert [claim.delivery_id for claim in await claim_all(store.ledger)] == [first.id, third.id]
    await require_true_counts(store)


async def test_how_many_were_suppressed_is_told_by_the_next_first(store, clock):
    for number in range(5):
        await one(store, str(number), windowed())
    clock.advance(WINDOW)
    leased = windowed(until=NOW + 2 * WINDOW, state=State.LEASED)
    assert (await one(store, "5", leased)).repeats == {leased.id: 4}
    clock.advance(WINDOW)
    quiet = windowed(until=NOW + 3 * WINDOW)
    assert (await one(store, "6", quiet)).repeats == {}, "the window before had none"
    await one(store, "7", windowed())
    clock.advance(WINDOW)
    claimed = windowed(until=NOW + 4 * WINDOW)
    await one(store, "8", claimed)
    repeats = {claim.delivery_id: claim.repeats for claim in await claim_all(store.ledger)}
    assert repeats[claimed.id] == 1
    assert sorted(repeats.values()) == [0, 0, 1], "the one that was born leased is not among them"
    await require_true_counts(store)


async def test_equals_of_one_group_are_folded_before_the_window_is_asked(store, clock):
    plans = [windowed("a"), windowed("b"), windowed("a"), windowed("a"), planned(), windowed("b")]
    answers = await append(
        store,
        *(entry(str(number), plan) for number, plan in enumerate(plans)),
        entry("n", windowed("a"), held()),
    )
    suppressed = {}
    for answer in answers:
        suppressed |= answer.suppressed
    assert set(suppressed.values()) == {plans[0].id, plans[1].id}
    assert {plans[2].id, plans[3].id, plans[5].id} < set(suppressed)
    assert len(suppressed) == 4
    assert await duplicates(store, plans[1].id) == [plans[5].id]
    clock.advance(WINDOW)
    again = windowed("a", until=NOW + 900)
    assert (await one(store, "again", again)).repeats == {again.id: 3}
    await require_true_counts(store)


async def test_several_deliveries_of_one_event_have_windows_of_their_own(store):
    firsts = [windowed(f"key {number}") for number in range(3)]
    await append(store, entry("1", planned(), *firsts))
    plans = [windowed(f"key {number}") for number in range(4)]
    (answer,) = await append(store, entry("2", *plans[:2], planned(), *plans[2:]))
    assert answer.suppressed == {plan.id: first.id for plan, first in zip(plans, firsts, strict=False)}
    assert list((await states(store)).values()).count(State.PENDING) == 6
    await require_true_counts(store)


async def test_ten_thousand_identical_are_one_message(store, clock):
    for part in range(10):
        await append(store, *(entry(f"{part}-{number}", windowed()) for number in range(1000)))
    (claim,) = await claim_all(store.ledger)
    assert len(await duplicates(store, claim.delivery_id)) == 1000
    counts = (await store.ledger.counts()).by_state
    assert (counts[State.SUPPRESSED], counts[State.LEASED]) == (9999, 1)
    clock.advance(WINDOW)
    told = windowed(until=NOW + 900)
    assert (await one(store, "told", told)).repeats == {told.id: 9999}


async def test_what_goes_nowhere_opens_no_window_and_a_repeat_touches_none(store, clock):
    silenced = windowed(state=State.SUPPRESSED, reason="silenced_by:x")
    first = windowed()
    assert (await one(store, "1", silenced)).suppressed == {}
    assert (await one(store, "2", first)).suppressed == {}
    assert (await one(store, "3", windowed(state=State.CANCELLED, reason="gone"))).suppressed == {}
    for _ in range(3):
        answer = await one(store, "2", windowed())
        assert answer.duplicate and answer.suppressed == {}
    twice = entry("4", windowed())
    await append(store, twice, twice)
    clock.advance(WINDOW)
    last = windowed(until=NOW + 900)
    assert (await one(store, "5", last)).repeats == {last.id: 1}
    await require_true_counts(store)


async def test_a_corrected_event_falls_into_a_window_as_any_other(store):
    first = windowed()
    await one(store, "1", first)
    await append(store, entry("2", problems=(PROBLEM,)))
    plan = windowed()
    assert (await one(store, "2", plan)).suppressed == {plan.id: first.id}
    await append(store, entry("3", problems=(PROBLEM,)), entry("3", windowed()))
    assert len(await duplicates(store, first.id)) == 2
    await require_true_counts(store)


async def test_what_is_held_can_be_a_first_and_is_not_held_as_a_duplicate(store):
    first = held()._replace(window=windowed().window)
    second = held()._replace(window=windowed().window)
    await append(store, entry("1", first), entry("2", second))
    assert (await states(store))[second.id] is State.SUPPRESSED
    assert [row.delivery_id for row in await store.holds.held("s", until=NOW + 60)] == [first.id]
    await require_true_counts(store)


async def test_when_the_first_dies_the_latest_comes_forward(store, clock):
    first, *others = [windowed(state=State.LEASED) for _ in range(4)]
    await append(store, *(entry(str(number), plan) for number, plan in enumerate([first, *others])))
    assert await store.ledger.settle(dead(first.id))
    (claim,) = await claim_all(store.ledger)
    assert claim.delivery_id == others[2].id
    assert claim.epoch == 1
    forward = await found(store, claim.delivery_id)
    assert forward.settled_at is None
    await require_true_counts(store)
    assert await store.ledger.settle(dead(claim.delivery_id, claim.epoch))
    row = await found(store, others[1].id)
    assert (row.state, row.reason, row.due_at) == (State.PENDING, CAME_FORWARD, clock.now())
    (claim,) = await claim_all(store.ledger)
    assert await store.ledger.settle(delivered(claim.delivery_id, claim.epoch))
    assert await store.ledger.replay(INSTANCE, first.id)
    (replayed,) = await claim_all(store.ledger)
    await store.ledger.settle(dead(replayed.delivery_id, replayed.epoch))
    assert await claim_all(store.ledger) == [], "it stands for the window no more"
    clock.advance(WINDOW)
    told = windowed(until=NOW + 900)
    assert (await one(store, "n", told)).repeats == {told.id: 1}
    await require_true_counts(store)


async def test_a_first_that_dies_alone_suppresses_nothing_after_it(store):
    first, second, third = (windowed(state=State.LEASED) for _ in range(3))
    await one(store, "1", first)
    await store.ledger.settle(dead(first.id))
    assert (await one(store, "2", second)).suppressed == {}, "nobody was told yet"
    assert (await one(store, "3", third)).suppressed == {third.id: second.id}
    assert await store.ledger.replay(INSTANCE, third.id)
    (claim,) = await claim_all(store.ledger)
    await store.ledger.settle(delivered(third.id, claim.epoch))
    await store.ledger.settle(dead(second.id))
    assert (await one(store, "4", windowed())).suppressed == {}, "what it suppressed went another way"
    await require_true_counts(store)


async def test_one_that_came_forward_tells_what_the_dead_one_had_to_tell(store, clock):
    for number in range(4):
        await one(store, str(number), windowed())
    await claim_all(store.ledger)
    clock.advance(WINDOW)
    first, second = (windowed(until=NOW + 900, state=State.LEASED) for _ in range(2))
    await append(store, entry("f", first), entry("s", second))
    await store.ledger.settle(dead(first.id))
    (claim,) = await claim_all(store.ledger)
    assert (claim.delivery_id, claim.repeats) == (second.id, 3)


async def test_nothing_comes_forward_for_a_window_that_a_newer_one_followed(store, clock):
    first, second = windowed(state=State.LEASED), windowed()
    await append(store, entry("1", first), entry("2", second))
    clock.advance(WINDOW)
    newer = windowed(until=NOW + 900, state=State.LEASED)
    assert (await one(store, "3", newer)).repeats == {newer.id: 1}
    await store.ledger.settle(dead(first.id))
    assert await claim_all(store.ledger) == []
    assert (await states(store))[second.id] is State.SUPPRESSED


async def test_one_that_was_replayed_is_passed_over(store):
    first, second, third = (windowed(state=State.LEASED) for _ in range(3))
    await append(store, entry("1", first), entry("2", second), entry("3", third))
    assert await store.ledger.replay(INSTANCE, third.id)
    (claim,) = await claim_all(store.ledger)
    await store.ledger.settle(delivered(third.id, claim.epoch))
    await store.ledger.settle(dead(first.id))
    assert [claim.delivery_id for claim in await claim_all(store.ledger)] == [second.id]
    await require_true_counts(store)


async def test_a_window_outlives_a_restart(house: House, clock):
    store = await house.open()
    first, second = windowed(state=State.LEASED), windowed()
    await one(store, "1", first)
    await house.crash(store)
    again = await house.open()
    assert (await one(again, "2", second)).suppressed == {second.id: first.id}
    (claim,) = await claim_all(again.ledger)
    assert (claim.delivery_id, claim.rescues) == (first.id, 1)
    await again.ledger.settle(dead(first.id, claim.epoch))
    await house.crash(again)
    third = await house.open()
    assert [claim.delivery_id for claim in await claim_all(third.ledger)] == [second.id]
    await require_true_counts(third)


async def test_the_latest_comes_forward_when_the_first_crashes_the_process(house: House):
    store = await house.open()
    first, second = windowed(), windowed()
    await append(store, entry("1", first), entry("2", second))
    for _ in range(3):
        assert await claim_all(store.ledger)
        await house.crash(store)
        store = await house.open()
    assert (await store.ledger.claim_suspect()).delivery_id == first.id
    await house.crash(store)
    store = await house.open()
    row = await found(store, first.id)
    assert (row.state, row.reason) == (State.DEAD, "crashed_while_sent")
    assert [claim.delivery_id for claim in await claim_all(store.ledger)] == [second.id]
    await require_true_counts(store)


async def test_windows_go_when_nobody_needs_them(store, clock):
    await one(store, "1", windowed("quiet"))
    await append(store, entry("2", windowed("busy")), entry("3", windowed("busy")))
    ages = {"events_before": 0.0, "keys_before": 0.0}
    assert await store.ledger.prune(deliveries_before=0.0, limit=10, **ages) == 0
    clock.advance(WINDOW + 1)
    assert await store.ledger.prune(deliveries_before=0.0, limit=10, **ages) == 1
    assert await store.ledger.prune(deliveries_before=NOW + WINDOW, limit=10, **ages) == 1, "the delivery"
    assert await store.ledger.prune(deliveries_before=clock.now(), limit=10, **ages) == 1
    told = windowed("busy", until=NOW + 900)
    assert (await one(store, "4", told)).repeats == {}
    await require_true_counts(store)
