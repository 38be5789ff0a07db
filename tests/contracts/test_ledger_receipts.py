"""Receipts: what channels say of deliveries later, on every store. They change no state."""

from __future__ import annotations

from gateway.domain.delivery import LateReceipt, State
from gateway.ports import MAX_RECEIPTS
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    append,
    delivered,
    entry,
    planned,
)

SENT = LateReceipt(NOW + 1, "sent", vendor_id="SM1")
UNDELIVERED = LateReceipt(NOW + 2, "undelivered", "30003", "unreachable", "SM1")


async def delivery_of(store, state=State.LEASED):
    plan = planned(state=state)
    await append(store, entry("1", plan))
    return plan


async def test_receipts_are_listed_oldest_first_and_change_no_state(store):
    plan = await delivery_of(store)
    await store.ledger.settle(delivered(plan.id))
    before = await store.ledger.delivery(INSTANCE, plan.id)
    for receipt in (UNDELIVERED, SENT):
        assert await store.ledger.add_receipt(plan.destination_id, plan.id, receipt)
    assert await store.ledger.receipts(plan.id) == [SENT, UNDELIVERED]
    assert await store.ledger.delivery(INSTANCE, plan.id) == before


async def test_a_receipt_may_come_before_the_attempt_is_settled(store):
    plan = await delivery_of(store)
    assert await store.ledger.add_receipt(plan.destination_id, plan.id, SENT)
    assert await store.ledger.settle(delivered(plan.id))
    assert await store.ledger.receipts(plan.id) == [SENT]


async def test_the_same_said_again_is_kept_once_as_it_came_first(store):
    plan = await delivery_of(store)
    again = SENT._replace(received_at=NOW + 99, detail="again")
    for receipt in (SENT, again):
        assert await store.ledger.add_receipt(plan.destination_id, plan.id, receipt)
    assert await store.ledger.receipts(plan.id) == [SENT]


async def test_the_number_of_receipts_is_bounded(store):
    plan = await delivery_of(store)
    for number in range(MAX_RECEIPTS + 5):
        receipt = LateReceipt(NOW + number, f"word-{number}")
        assert await store.ledger.add_receipt(plan.destination_id, plan.id, receipt)
    kept = await store.ledger.receipts(plan.id)
    assert [one.status for one in kept] == [f"word-{number}" for number in range(MAX_RECEIPTS)]


async def test_a_receipt_of_no_delivery_or_of_another_destination_s_is_not_kept(store):
    plan = await delivery_of(store)
    assert not await store.ledger.add_receipt(plan.destination_id, "no-such-delivery", SENT)
    assert not await store.ledger.add_receipt(plan.destination_id, "nul\0", SENT)
    assert not await store.ledger.add_receipt("another-destination", plan.id, SENT)
    assert await store.ledger.receipts(plan.id) == []
    assert await store.ledger.receipts("no-such-delivery") == []


async def test_receipts_survive_a_crash_and_go_with_their_delivery(house, clock):
    store = await house.open()
    plan = await delivery_of(store)
    await store.ledger.settle(delivered(plan.id))
    await store.ledger.add_receipt(plan.destination_id, plan.id, SENT)
    await house.crash(store)
    store = await house.open()
    assert await store.ledger.receipts(plan.id) == [SENT]
    later = clock.now() + 1
    await store.ledger.prune(events_before=later, deliveries_before=later, keys_before=later, limit=100)
    assert await store.ledger.delivery(INSTANCE, plan.id) is None
    # Its number may be given to another delivery, which nothing was said of.
    other = await delivery_of(store)
    assert await store.ledger.receipts(other.id) == []
