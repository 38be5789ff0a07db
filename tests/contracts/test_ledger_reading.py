"""What `gateway.ports.Ledger` promises of listing, counting and retention, on every store."""

from __future__ import annotations

import random

import pytest

from gateway.domain.delivery import State
from gateway.domain.errors import Malformed
from gateway.domain.vocabulary import Vocabulary
from gateway.ports import Cancel, DeliveryFilter, EventFilter, Hold, Unhold
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    OTHER_INSTANCE,
    PROBLEM,
    append,
    append_leased,
    claim_all,
    dead,
    delivered,
    entry,
    planned,
    require_true_counts,
    retry,
    states,
    untried,
)

DAY = 86_400.0


async def list_events(store, *, instance=INSTANCE, limit=50, **wanted):
    rows = await all_pages(store.ledger.events, instance, EventFilter(**wanted), limit)
    return [row.accepted.event.id for row in rows]


async def list_deliveries(store, *, instance=INSTANCE, limit=50, **wanted):
    rows = await all_pages(store.ledger.deliveries, instance, DeliveryFilter(**wanted), limit)
    return [row.id for row in rows]


async def all_pages(query, instance, wanted, limit):
    rows, cursor = [], ""
    while True:
        page = await query(instance, wanted, cursor=cursor, limit=limit)
        assert len(page.rows) <= limit
        rows += page.rows
        cursor = page.cursor
        if not cursor:
            return rows


async def prune(store, *, events=0.0, deliveries=0.0, keys=0.0, limit=1000):
    return await store.ledger.prune(
        events_before=events, deliveries_before=deliveries, keys_before=keys, limit=limit
    )


# Listing


@pytest.mark.parametrize("limit", [1, 3, 10, 50])
async def test_events_are_listed_newest_first_in_pages(store, limit):
    await append(store, *(entry(str(one)) for one in range(10)))
    assert await list_events(store, limit=limit) == [str(one) for one in reversed(range(10))]


async def test_a_full_last_page_has_no_cursor(store):
    await append(store, *(entry(str(one)) for one in range(4)))
    page = await store.ledger.events(INSTANCE, EventFilter(), limit=4)
    assert (len(page.rows), page.cursor) == (4, "")
    assert (await store.ledger.deliveries(INSTANCE, DeliveryFilter())).cursor == ""


async def test_cursors_are_stable_under_inserts(store):
    await append(store, *(entry(f"old-{one}", planned()) for one in range(6)))
    events = await store.ledger.events(INSTANCE, EventFilter(), limit=2)
    deliveries = await store.ledger.deliveries(INSTANCE, DeliveryFilter(), limit=2)
    await append(store, *(entry(f"new-{one}", planned()) for one in range(6)))
    rest = await store.ledger.events(INSTANCE, EventFilter(), cursor=events.cursor, limit=10)
    assert [row.accepted.event.id for row in rest.rows] == ["old-3", "old-2", "old-1", "old-0"]
    rest = await store.ledger.deliveries(INSTANCE, DeliveryFilter(), cursor=deliveries.cursor, limit=10)
    assert len(rest.rows) == 4
    assert not {row.id for row in rest.rows} & {row.id for row in deliveries.rows}


@pytest.mark.parametrize("cursor", ["x", "-1", "1 OR 1=1", "9" * 40, "²", "1.5", " 1"])
async def test_what_is_no_cursor_is_refused(store, cursor):
    with pytest.raises(Malformed):
        await store.ledger.events(INSTANCE, EventFilter(), cursor=cursor)
    with pytest.raises(Malformed):
        await store.ledger.deliveries(INSTANCE, DeliveryFilter(), cursor=cursor)


async def test_instances_do_not_see_each_other(store):
    mine, theirs = entry("1", planned()), entry("1", planned(), instance=OTHER_INSTANCE)
    await append(store, mine, theirs)
    ledger = store.ledger
    assert await list_events(store) == ["1"]
    assert await list_deliveries(store, instance=OTHER_INSTANCE) == [theirs.planned[0].id]
    assert await ledger.event(INSTANCE, theirs.accepted.id) is None
    assert await ledger.delivery(INSTANCE, theirs.planned[0].id) is None
    assert await list_deliveries(store, event_id=theirs.accepted.id) == []


async def test_events_are_filtered_by_source_type_quarantine_and_text(store):
    await append(
        store,
        entry("one", source="s-1", type="backup.failed", vocabulary=Vocabulary(title="Volume Alpha failed")),
        entry("two", source="s-2", type="backup.failed", vocabulary=Vocabulary()),
        entry("three", source="s-1", type="sync.failed", problems=(PROBLEM,)),
        entry("four", source="s-2", type="50%_off", vocabulary=Vocabulary(), problems=(PROBLEM,)),
    )
    await append(store, entry("four", planned(), source="s-2", type="50%_off", vocabulary=Vocabulary()))
    assert await list_events(store, source_id="s-1") == ["three", "one"]
    assert await list_events(store, type="backup.failed") == ["two", "one"]
    assert await list_events(store, quarantined=True) == ["three"]
    assert await list_events(store, quarantined=False) == ["four", "four", "two", "one"]
    assert await list_events(store, search="ALPHA") == ["one"]
    assert await list_events(store, search="failed") == ["three", "two", "one"]
    assert await list_events(store, search="TWO") == ["two"]
    assert await list_events(store, search="%_") == ["four", "four"]
    assert await list_events(store, search="' OR 1=1 --") == []
    every = {"source_id": "s-1", "type": "sync.failed", "quarantined": True, "search": "thr"}
    assert await list_events(store, **every) == ["three"]
    assert await list_events(store, source_id="s-2", quarantined=True) == []


async def test_an_event_is_found_by_its_id(store):
    one = entry("1")
    await append(store, one, entry("2"))
    assert await list_events(store, search=one.accepted.id) == ["1"]


async def test_deliveries_are_filtered_by_event_subscription_destination_and_state(store):
    first = entry("1", planned("a"), planned("b", State.DEAD, reason="r"), planned("b", State.LEASED))
    second = entry("2", planned("a", State.HELD), planned("b"))
    await append(store, first)
    await append(store, second)
    one, two, three = (plan.id for plan in first.planned)
    four, five = (plan.id for plan in second.planned)
    assert await list_deliveries(store) == [five, four, three, two, one]
    assert await list_deliveries(store, event_id=first.accepted.id) == [three, two, one]
    assert await list_deliveries(store, event_id="nowhere") == []
    assert await list_deliveries(store, destination_id="b") == [five, three, two]
    assert await list_deliveries(store, subscription_id="subscription-of-a") == [four, one]
    for state, expected in (
        (State.PENDING, [five, one]), (State.DEAD, [two]), (State.HELD, [four]), (State.LEASED, [three]),
        (State.DELIVERED, []),
    ):  # fmt: skip
        assert await list_deliveries(store, state=state) == expected
    every = {"event_id": first.accepted.id, "destination_id": "b", "state": State.DEAD}
    assert await list_deliveries(store, **every) == [two]
    assert await list_deliveries(store, limit=2, destination_id="b") == [five, three, two]


async def test_one_event_may_have_more_deliveries_than_a_page(store):
    one = entry("1", *(planned(recipient=str(number)) for number in range(120)))
    await append(store, one, entry("2", planned()))
    assert len(await list_deliveries(store, event_id=one.accepted.id, limit=50)) == 120


# Counting


@pytest.mark.parametrize("seed", range(4))
async def test_counts_stay_true_whatever_happens(store, clock, seed):
    chance = random.Random(seed)
    ledger, registry = store.ledger, store.registry
    leased = []
    for step in range(60):
        kind = chance.randrange(7)
        if kind <= 1:
            begins = [State.LEASED, State.PENDING, State.HELD]
            plans = [
                planned(f"d-{chance.randrange(3)}", chance.choice(begins), reason="off")
                for _ in range(chance.randrange(4))
            ]
            await append(store, entry(str(step), *plans))
            leased += [(plan.id, 1) for plan in plans if plan.state is State.LEASED]
        elif kind == 2:
            claims = await claim_all(ledger, limit=chance.randrange(4))
            leased += [(claim.delivery_id, claim.epoch) for claim in claims]
        elif kind == 3 and leased:
            delivery_id, epoch = leased.pop(chance.randrange(len(leased)))
            how = chance.choice([delivered, dead, lambda one, epoch: retry(one, clock.now(), epoch)])
            await ledger.settle(how(delivery_id, epoch))
        elif kind == 4:
            destination = f"d-{chance.randrange(3)}"
            cancel = Cancel("gone", destination)
            effect = chance.choice([cancel, Hold(destination, "off"), Unhold(destination, "off")])
            await registry.apply([], [effect], expected=0)
        elif kind == 5:
            ended = [id for id, state in (await states(store)).items() if state.terminal]
            if ended:
                await ledger.replay(INSTANCE, chance.choice(ended))
        else:
            await prune(store, deliveries=clock.now() - 20, limit=3)
        clock.advance(1)
    await require_true_counts(store)


# Retention


async def test_old_events_are_deleted_and_young_ones_stay(store):
    await append(store, entry("old", received_at=NOW - 2), entry("young", received_at=NOW))
    assert await prune(store, events=NOW - 1) == 1
    assert await list_events(store) == ["young"]
    assert await prune(store, events=NOW - 1) == 0


async def test_retention_never_touches_what_is_not_delivered(store, clock):
    undelivered = [planned(state=one) for one in (State.PENDING, State.LEASED, State.HELD)]
    entries = [entry(one.state.value, one, received_at=NOW) for one in undelivered]
    await append(store, *entries)
    clock.advance(1000 * DAY)
    later = clock.now()
    assert await prune(store, events=later, deliveries=later) == 0
    assert set(await states(store)) == {one.id for one in undelivered}
    assert len(await list_events(store)) == 3


async def test_a_delivery_record_outlives_its_event_by_its_own_age(store, clock):
    (leased,) = await append_leased(store, received_at=NOW)
    await store.ledger.settle(delivered(leased, sent=b"sent"))
    clock.advance(40 * DAY)
    assert await prune(store, events=NOW + DAY, deliveries=NOW - DAY) == 1
    assert await list_events(store) == []
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.sent) == (State.DELIVERED, b"sent")
    assert await list_deliveries(store, event_id=row.event_id) == [leased]
    assert not await store.ledger.replay(INSTANCE, leased), "there is nothing left to send"
    assert len(await store.ledger.attempts(leased)) == 1
    assert await prune(store, events=NOW + DAY, deliveries=NOW + DAY) == 1
    assert await store.ledger.delivery(INSTANCE, leased) is None
    assert await store.ledger.attempts(leased) == []
    await require_true_counts(store)


async def test_numbers_of_deleted_events_are_not_used_again_while_deliveries_remain(house, store, clock):
    (leased,) = await append_leased(store)
    await store.ledger.settle(delivered(leased))
    assert await prune(store, events=NOW + DAY) == 1
    await store.close()
    reopened = await house.open()
    (newer,) = await append_leased(reopened)
    assert await list_deliveries(reopened) == [newer, leased]


async def test_a_dead_letter_keeps_its_event_so_that_it_can_be_replayed(store, clock):
    (leased,) = await append_leased(store, received_at=NOW)
    await store.ledger.settle(dead(leased))
    clock.advance(40 * DAY)
    assert await prune(store, events=clock.now(), deliveries=NOW - DAY) == 0
    assert await store.ledger.replay(INSTANCE, leased)
    (claim,) = await claim_all(store.ledger)
    await store.ledger.settle(dead(leased, claim.epoch))
    clock.advance(100 * DAY)
    calls = [await prune(store, events=clock.now(), deliveries=clock.now()) for _ in range(2)]
    assert sum(calls) == 2, "the delivery, and its event with it or after it"
    assert await list_events(store) == []
    await require_true_counts(store)


async def test_quarantined_events_stay_as_long_as_dead_letters(store):
    await append(store, entry("1", problems=(PROBLEM,), received_at=NOW - 40 * DAY))
    assert await prune(store, events=NOW - 30 * DAY, deliveries=NOW - 90 * DAY) == 0
    assert await prune(store, events=NOW - 30 * DAY, deliveries=NOW - 30 * DAY) == 1


async def test_a_delivery_ages_from_its_end_not_from_its_beginning(store, clock):
    (leased,) = await append_leased(store)
    clock.advance(10 * DAY)
    await store.ledger.settle(delivered(leased))
    assert await prune(store, deliveries=NOW + 5 * DAY) == 0
    assert await prune(store, deliveries=NOW + 11 * DAY) == 1


async def test_keys_go_by_age_alone(store, clock):
    first = entry("1")
    await append(store, first)
    clock.advance(10)
    await append(store, entry("2"))
    assert await prune(store, events=NOW + DAY) == 2
    (repeat,) = await append(store, entry("1"))
    assert (repeat.event_id, repeat.duplicate) == (first.accepted.id, True)
    assert await prune(store, keys=NOW + 5) == 1
    (fresh,) = await append(store, entry("1"))
    assert not fresh.duplicate
    (repeat,) = await append(store, entry("2"))
    assert repeat.duplicate


async def test_at_most_the_limit_is_deleted_in_one_call(store):
    leased = await append_leased(store, 10, received_at=NOW)
    for one in leased:
        await store.ledger.settle(delivered(one))
    total = 0
    for _ in range(10):
        deleted = await prune(store, events=NOW + 1, deliveries=NOW + 1, keys=NOW + 1, limit=4)
        assert deleted <= 4
        total += deleted
    assert total == 30
    assert await prune(store, events=NOW + 1, deliveries=NOW + 1, keys=NOW + 1, limit=4) == 0
    assert await list_events(store) == []
    await require_true_counts(store)


async def test_rows_from_a_clock_that_ran_ahead_do_not_stop_retention(store, clock):
    clock.set_now(NOW + 365 * DAY)
    (ahead,) = await append_leased(store, received_at=clock.now())
    await store.ledger.settle(delivered(ahead))
    clock.set_now(NOW)
    (old,) = await append_leased(store, received_at=NOW)
    await store.ledger.settle(delivered(old))
    clock.advance(100 * DAY)
    assert await prune(store, events=NOW + DAY, deliveries=NOW + DAY) == 2
    assert await list_deliveries(store) == [ahead]


async def test_a_replay_while_retention_looks_keeps_the_delivery(store, clock):
    (leased,) = await append_leased(store, received_at=NOW)
    await store.ledger.settle(delivered(leased))
    clock.advance(DAY)
    assert await store.ledger.replay(INSTANCE, leased)
    assert await prune(store, events=clock.now(), deliveries=clock.now()) == 0
    (claim,) = await claim_all(store.ledger)
    await store.ledger.settle(untried(leased, clock.now(), claim.epoch))
    assert await prune(store, events=clock.now(), deliveries=clock.now()) == 0
