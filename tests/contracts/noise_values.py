"""Deliveries that policies have a say in, and looks at them, in the shortest form for a test."""

from __future__ import annotations

from gateway.domain.delivery import DUPLICATE_OF, Hold, State, Window
from gateway.ports import DeliveryFilter, HeldStream, Store
from tests.contracts.ledger_values import INSTANCE, NOW, planned

WINDOW = 300.0


def windowed(key="disk full", *, until=NOW + WINDOW, state=State.PENDING, **more):
    return planned(more.pop("destination", "destination-1"), state, **more)._replace(
        window=Window(key.encode(), until)
    )


def held(stream="s", *, until=NOW + 60, rank=0, reason="rate_limited", **more):
    plan = planned(more.pop("destination", "destination-1"), State.HELD, reason=reason, **more)
    return plan._replace(hold=Hold(stream, until, rank))


async def found(store: Store, delivery_id, instance=INSTANCE):
    """A delivery."""
    row = await store.ledger.delivery(instance, delivery_id)
    assert row is not None
    return row


async def by_reason(store: Store, reason: str, state=State.SUPPRESSED):
    page = await store.ledger.deliveries(INSTANCE, DeliveryFilter(state=state, reason=reason), limit=1000)
    return [row.id for row in page.rows]


async def duplicates(store: Store, first):
    """What was suppressed as a duplicate of a delivery, the newest first."""
    return await by_reason(store, DUPLICATE_OF + first)


async def streams(store: Store, now=NOW + 10**6) -> list[HeldStream]:
    return list(await store.holds.due(now, 1000))


async def held_ids(store: Store, stream="s", until=NOW + 10**6, **more):
    return [one.delivery_id for one in await store.holds.held(stream, until=until, **more)]
