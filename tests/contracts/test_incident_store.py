"""What every store does with incidents: decided with the event, and told with its deliveries."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.delivery import Planned, State
from gateway.domain.ids import new_id
from gateway.domain.incident import (
    FLAPPING,
    FLAPS,
    Chapter,
    IncidentState,
    Part,
    Sign,
    Thread,
    acknowledged,
    resolved,
    stepped,
)
from gateway.domain.severity import Severity
from gateway.ports import DeliveryFilter, StaleRoutingError, Store
from tests.contracts.conftest import House
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    OTHER_INSTANCE,
    append,
    claim_all,
    dead,
    delivered,
    entry,
    planned,
    require_true_counts,
    retry,
    states,
)

BAD = Sign("source-1|db-1", True, Severity.ERROR, "db-1 failed")
GOOD = Sign("source-1|db-1", False, Severity.INFO, "db-1 is well")


def signed(sign: Sign, *deliveries: Planned, id="", at=NOW, **more):
    return entry(id or new_id(), *deliveries, received_at=at, **more)._replace(sign=sign)


async def tell(store: Store, *entries):
    return [one.chapter for one in await append(store, *entries)]


async def listed(store: Store, *wanted: IncidentState):
    return (await store.incidents.incidents(INSTANCE, wanted)).rows


async def test_a_failure_opens_repeats_join_recovery_closes(store: Store):
    opened, again = await tell(store, signed(BAD), signed(BAD, at=NOW + 60))
    assert (opened.part, again.part) == (Part.OPENING, Part.REPEAT)
    assert opened.incident.id == again.incident.id
    (closed,) = await tell(store, signed(GOOD, at=NOW + 120))
    assert (closed.part, closed.incident.failures) == (Part.RECOVERY, 2)
    (row,) = await listed(store)
    assert row == closed.incident and row.state is IncidentState.RESOLVED
    assert await store.incidents.incident(INSTANCE, row.id) == row
    assert await store.incidents.incident(OTHER_INSTANCE, row.id) is None
    told = await store.incidents.events(row.id)
    assert [one.chapter.part for one in told] == [Part.OPENING, Part.REPEAT, Part.RECOVERY]
    assert [one.received_at for one in told] == [NOW, NOW + 60, NOW + 120]
    assert await store.incidents.chapter(told[1].event_id) == again


async def test_what_has_no_sign_or_nothing_to_recover_from_belongs_to_none(store: Store):
    assert await tell(store, entry("1"), signed(GOOD)) == [None, None]
    assert await listed(store) == ()


async def test_a_repeated_event_counts_once(store: Store):
    await append(store, signed(BAD, id="same"))
    (again,) = await append(store, signed(BAD, id="same"))
    assert again.duplicate and again.chapter is None
    with pytest.raises(StaleRoutingError):
        await append(store, signed(BAD), routed_with=7)
    await append(store, signed(BAD, id="twice"), signed(BAD, id="twice"))
    assert [one.failures for one in await listed(store)] == [2]


async def test_keys_and_instances_are_apart(store: Store):
    other = BAD._replace(key="source-1|db-2")
    await append(store, signed(BAD), signed(other), signed(BAD, instance=OTHER_INSTANCE), signed(GOOD))
    assert {(one.key, one.state.value) for one in await listed(store)} == {
        ("source-1|db-1", "resolved"),
        ("source-1|db-2", "open"),
    }
    page = await store.incidents.incidents(OTHER_INSTANCE)
    assert [one.state.value for one in page.rows] == ["open"]


async def test_what_is_done_with_a_thing_is_apart(store: Store):
    backup, restore = (BAD._replace(about=one) for one in ("backup", "restore"))
    (first, second) = await tell(store, signed(backup), signed(restore))
    assert first.incident.id != second.incident.id and first.incident.key == second.incident.key
    (closed,) = await tell(store, signed(GOOD._replace(about="backup")))
    assert closed.incident.id == first.incident.id
    assert [(one.about, one.state.value) for one in await listed(store)] == [
        ("restore", "open"),
        ("backup", "resolved"),
    ]


async def test_lists_by_state_a_page_at_a_time(store: Store):
    keys = [f"k{number}" for number in range(7)]
    await append(store, *(signed(BAD._replace(key=key)) for key in keys))
    await append(store, *(signed(GOOD._replace(key=key)) for key in keys[:3]))
    assert [one.key for one in await listed(store, IncidentState.RESOLVED)] == ["k2", "k1", "k0"]
    first = await store.incidents.incidents(INSTANCE, [IncidentState.OPEN], limit=3)
    rest = await store.incidents.incidents(INSTANCE, [IncidentState.OPEN], limit=3, cursor=first.cursor)
    assert [one.key for one in (*first.rows, *rest.rows)] == ["k6", "k5", "k4", "k3"]
    assert rest.cursor == ""


async def test_claims_carry_the_incident_as_of_their_event(store: Store):
    first, second = planned(), planned()
    await append(store, signed(BAD, first), entry("plain", planned("destination-2")))
    await append(store, signed(BAD, second, at=NOW + 5))
    claims = {one.delivery_id: one.chapter for one in await claim_all(store.ledger)}
    assert (claims[first.id].part, claims[first.id].incident.failures) == (Part.OPENING, 1)
    assert (claims[second.id].part, claims[second.id].incident.failures) == (Part.REPEAT, 2)
    assert list(claims.values()).count(None) == 1


async def test_flapping_suppresses_and_keeps_the_rows(store: Store):
    for turn in range(FLAPS - 1):
        await append(store, signed(GOOD if turn % 2 else BAD, at=NOW + turn))
    leased, held = planned(state=State.LEASED), planned(state=State.HELD, reason="destination_disabled")
    cancelled = planned(state=State.SUPPRESSED, reason="silenced")
    (chapter,) = await tell(store, signed(GOOD, leased, held, planned(), cancelled, at=NOW + FLAPS))
    assert (chapter.told, chapter.incident.state) == (False, IncidentState.OPEN)
    rows = (await store.ledger.deliveries(INSTANCE, DeliveryFilter())).rows
    assert {row.state for row in rows} == {State.SUPPRESSED}
    reasons = {row.id: row.reason for row in rows}
    assert reasons.pop(cancelled.id) == "silenced"
    assert set(reasons.values()) == {f"{FLAPPING}{chapter.incident.id}"}
    assert all(row.settled_at is not None for row in rows)
    await require_true_counts(store)
    assert not await store.ledger.settle(delivered(leased.id)), "nobody holds it"
    assert chapter.incident in await store.incidents.awake(chapter.incident.wake_at, 10)
    assert chapter.incident not in await store.incidents.awake(chapter.incident.wake_at - 1, 10)


async def test_an_own_event_tells_of_the_incident_that_it_says(store: Store):
    (opened,) = await tell(store, signed(BAD))
    reminder = Chapter(opened.incident, Part.REMINDER)
    due = planned()
    (kept,) = await tell(store, entry("own", due)._replace(chapter=reminder))
    assert kept == reminder and (await listed(store)) == (opened.incident,)
    assert [one.chapter for one in await claim_all(store.ledger)] == [reminder]
    assert [one.chapter.part for one in await store.incidents.events(opened.incident.id)] == [
        Part.OPENING,
        Part.REMINDER,
    ]


async def test_people_and_events_write_one_after_the_other(store: Store):
    (opened,) = await tell(store, signed(BAD))
    known = acknowledged(opened.incident, "ada", NOW + 1, "looking")
    assert known is not None and await store.incidents.save(known)
    assert not await store.incidents.save(known), "it is of an older revision by now"
    (again,) = await tell(store, signed(BAD, at=NOW + 2))
    assert (again.incident.state, again.incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "ada")
    closed = resolved(again.incident, "bob", NOW + 3)
    assert closed is not None and await store.incidents.save(closed)
    (anew,) = await tell(store, signed(BAD, at=NOW + 4))
    assert anew.part is Part.OPENING and anew.incident.id != opened.incident.id
    assert not await store.incidents.save(replace(known, id="nobody"))


async def test_time_is_looked_at_where_a_policy_wants_it(store: Store):
    (opened, _) = await tell(store, signed(BAD._replace(wake_after=60)), signed(BAD._replace(key="other")))
    assert [one.id for one in await store.incidents.awake(NOW + 60, 10)] == [opened.incident.id]
    assert await store.incidents.save(stepped(opened.incident, None))
    assert await store.incidents.awake(NOW + 1e6, 10) == []
    await store.incidents.rouse([INSTANCE], NOW + 5)
    assert len(await store.incidents.awake(NOW + 5, 10)) == 2
    assert len(await store.incidents.awake(NOW + 5, 1)) == 1


async def test_the_first_message_to_each_receiver_is_kept(store: Store):
    first, later = planned(recipient="a@example.com"), planned(recipient="a@example.com")
    (opened,) = await tell(store, signed(BAD, first))
    await append(store, signed(BAD, later))
    incident, subscription = opened.incident.id, first.subscription_id
    claims = {one.delivery_id: one.epoch for one in await claim_all(store.ledger)}
    for one, answer in ((first, "C1/1.5"), (later, "C1/2.5")):
        thread = Thread(incident, subscription, one.recipient, one.id, answer, NOW)
        settled = delivered(one.id, claims[one.id])._replace(thread=thread)
        assert await store.ledger.settle(settled)
    kept = await store.incidents.thread(incident, subscription, "a@example.com")
    assert kept == Thread(incident, subscription, "a@example.com", first.id, "C1/1.5", NOW)
    assert await store.incidents.threads(incident) == [kept]
    assert await store.incidents.thread(incident, subscription, "b@example.com") is None


async def test_a_stale_result_begins_no_thread_and_plans_nothing(store: Store):
    one = planned()
    (opened,) = await tell(store, signed(BAD, one))
    thread = Thread(opened.incident.id, one.subscription_id, "", one.id, "", NOW)
    stale = delivered(one.id, 7)._replace(thread=thread, also=(planned("destination-2"),))
    assert not await store.ledger.settle(stale)
    assert await store.incidents.threads(opened.incident.id) == []
    assert len(await states(store)) == 1


async def test_a_result_brings_deliveries_to_others_once(store: Store):
    one, also = planned(), planned("destination-2", reason="fallback_for:x")
    await append(store, signed(BAD, one))
    (claim,) = await claim_all(store.ledger)
    assert await store.ledger.settle(retry(one.id, NOW, claim.epoch)._replace(also=(also,)))
    (again, other) = sorted(await claim_all(store.ledger), key=lambda one: one.destination_id)
    assert (other.delivery_id, other.accepted.id) == (also.id, claim.accepted.id)
    other_way = planned("destination-2")
    assert await store.ledger.settle(dead(one.id, again.epoch, number=2)._replace(also=(also, other_way)))
    rows = (await store.ledger.deliveries(INSTANCE, DeliveryFilter(event_id=claim.accepted.id))).rows
    assert {row.id for row in rows} == {one.id, also.id}
    await require_true_counts(store)


async def test_deliveries_are_added_to_an_event_once(store: Store):
    one = planned()
    (opened,) = await append(store, signed(BAD, one))
    more = [planned("destination-2", recipient=name) for name in ("a", "b", "a")]
    assert await store.incidents.plan(opened.event_id, more) == 2
    assert await store.incidents.plan(opened.event_id, more) == 0
    same = planned(subscription=one.subscription_id)
    assert await store.incidents.plan(opened.event_id, [same]) == 0, "it has been planned for them"
    assert await store.incidents.plan(opened.event_id, [same], again=True) == 1
    assert await store.incidents.plan(opened.event_id, [same], again=True) == 0
    assert await store.incidents.plan("no-event", [planned()]) == 0
    rows = (await store.ledger.deliveries(INSTANCE, DeliveryFilter(event_id=opened.event_id))).rows
    assert [row.id for row in rows] == [same.id, more[1].id, more[0].id, one.id]
    await require_true_counts(store)


async def test_many_at_once_open_one_incident(house: House):
    store = await house.open()
    done = await asyncio.gather(*(append(store, signed(BAD)) for _ in range(40)))
    chapters = [one.chapter for (one,) in done]
    assert len({one.incident.id for one in chapters}) == 1
    assert sorted(one.incident.failures for one in chapters) == list(range(1, 41))


async def test_closed_ones_are_forgotten_with_their_events(house: House, clock):
    store = await house.open()
    one = planned()
    opened = (await append(store, signed(BAD, one), signed(BAD._replace(key="other"))))[0].chapter
    (claim,) = await claim_all(store.ledger)
    thread = Thread(opened.incident.id, one.subscription_id, "", one.id, "", NOW)
    await store.ledger.settle(delivered(one.id, claim.epoch)._replace(thread=thread))
    await append(store, signed(GOOD, at=NOW + 1))
    old = {"events_before": NOW + 1e6, "deliveries_before": NOW + 1e6, "keys_before": 0.0, "limit": 100}
    clock.advance(2e6)
    for _ in range(3):
        await store.ledger.prune(**old)
    assert [row.key for row in await listed(store)] == ["other"], "what is open stays"
    assert await store.incidents.threads(opened.incident.id) == []
    assert await store.incidents.events(opened.incident.id) == []


async def test_incidents_outlive_the_process(house: House):
    store = await house.open()
    (opened,) = await tell(store, signed(BAD))
    await house.crash(store)
    again = await house.open()
    (known,) = await tell(again, signed(BAD))
    assert (known.incident.id, known.incident.failures) == (opened.incident.id, 2)
