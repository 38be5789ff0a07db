"""What nodes that share one PostgreSQL promise each other, beside what every store promises."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.delivery import State
from gateway.domain.errors import ConfigurationError
from gateway.domain.ids import new_id
from gateway.domain.incident import Sign, acknowledged
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.ports import EventFilter, Hold, Put, StaleRoutingError
from gateway.security.keyprint import Keyprint
from gateway.storage.effects import Step
from gateway.storage.postgres.node import LEASE_SECONDS
from gateway.storage.postgres.store import PostgresStore
from tests.contracts.conftest import KEYPRINT, PostgresHouse
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
    states,
)
from tests.waiting import until, until_async


@pytest.fixture
async def house(postgres, clock):
    opened = PostgresHouse(postgres, clock)
    yield opened
    await opened.leave()


@pytest.fixture
async def nodes(house):
    return [await house.open() for _ in range(2)]


async def test_an_event_posted_to_two_nodes_at_once_is_one(nodes):
    calls = [append(nodes[number % 2], entry("same", planned())) for number in range(40)]
    answers = [answer[0] for answer in await asyncio.gather(*calls)]
    assert len({one.event_id for one in answers}) == 1
    assert [one.duplicate for one in answers].count(False) == 1
    assert len((await nodes[0].ledger.events(INSTANCE, EventFilter())).rows) == 1
    assert len(await states(nodes[1])) == 1
    await require_true_counts(nodes[0])


async def test_groups_with_the_same_keys_in_other_orders_never_wait_for_each_other(nodes):
    async def send(node, names):
        return await append(node, *(entry(name, planned()) for name in names))

    for part in range(20):
        names = [f"{part}-{number}" for number in range(30)]
        await asyncio.gather(send(nodes[0], names), send(nodes[1], names[::-1]))
    assert len(await states(nodes[0])) == 600
    await require_true_counts(nodes[1])


async def test_claimers_of_two_nodes_never_take_the_same_lease(nodes):
    for part in range(5):
        await append(nodes[0], entry(str(part), *(planned(f"d-{number % 7}") for number in range(200))))
    taken = []

    async def claimer(node):
        while claims := await claim_all(node.ledger, limit=37):
            taken.extend((claim.delivery_id, claim.epoch) for claim in claims)

    await asyncio.gather(*(claimer(nodes[number % 2]) for number in range(6)))
    assert len(taken) == len(set(taken)) == 1000
    await require_true_counts(nodes[0])


async def test_what_one_node_changed_no_other_routes_without(nodes):
    change = Put(Source("source-1", INSTANCE, "vault", 1.0, 1.0))
    assert await nodes[0].registry.apply([change], expected=0) == 1
    with pytest.raises(StaleRoutingError):
        await append(nodes[1], entry("1"), routed_with=0)
    await append(nodes[1], entry("1", version=1), routed_with=1)


async def test_what_a_node_left_of_a_change_another_goes_on_with(house):
    first, second = [await house.open(batch=5) for _ in range(2)]
    for one in (first, second):
        await one._effects.stop()
    await append(first, *(entry(str(number), planned("off")) for number in range(30)))
    await first.registry.apply([], [Hold("off", "disabled")], expected=0)
    await first._effects.step()
    assert await claim_all(second.ledger) == []
    await house.crash(first)
    while await second._effects.step() is not Step.IDLE:
        pass
    assert set((await states(second)).values()) == {State.HELD}
    await require_true_counts(second)


async def test_nodes_that_carry_on_together_do_nothing_twice(house):
    both = [await house.open(batch=5) for _ in range(2)]
    for part in range(4):
        await append(both[0], *(entry(f"{part}-{one}", planned(f"d-{part}")) for one in range(60)))
    holds = [Hold(f"d-{part}", "disabled") for part in range(4)]
    await asyncio.gather(
        *(both[number % 2].registry.apply([], [hold], expected=0) for number, hold in enumerate(holds))
    )
    for one in both:
        one._effects.wake()

    async def all_held():
        return set((await states(both[0])).values()) == {State.HELD}

    await until_async(all_held)
    await require_true_counts(both[1])


async def test_a_change_is_everywhere_once_every_node_has_it_in_force(nodes):
    first, second = nodes
    await second.registry.in_force(0)
    heard = asyncio.Event()
    second.listen(heard.set, lambda: None)
    change = Put(Source("source-1", INSTANCE, "vault", 1.0, 1.0))
    assert await first.registry.apply([change], expected=0) == 1
    waiting = asyncio.ensure_future(first.registry.everywhere(1))
    await asyncio.wait_for(heard.wait(), 5)
    assert await second.registry.version() == 1
    assert not waiting.done()
    await second.registry.in_force(1)
    await asyncio.wait_for(waiting, 5)


async def test_a_silent_nodes_deliveries_go_to_another_and_its_late_result_is_refused(nodes, clock):
    silent, other = nodes
    (leased,) = await append_leased(silent)
    clock.advance(LEASE_SECONDS + 1)
    await other._node._look_after()
    (claim,) = await claim_all(other.ledger)
    assert (claim.delivery_id, claim.epoch, claim.rescues) == (leased, 2, 1)
    assert not await silent.ledger.settle(delivered(leased, 1))
    assert await other.ledger.settle(delivered(leased, 2))
    await require_true_counts(other)


async def test_a_node_that_could_not_beat_knows_that_its_leases_are_over(nodes, clock):
    silent, _ = nodes
    await append(silent, entry("1", planned()))
    (claim,) = await claim_all(silent.ledger)
    assert silent.ledger.holds(claim)
    clock.advance(LEASE_SECONDS)
    assert not silent.ledger.holds(claim)


async def test_a_node_alone_that_was_frozen_does_not_forget_what_it_gave_up(house, clock):
    node = await house.open()
    (leased,) = await append_leased(node)
    owner = node.ledger.owner
    clock.advance(LEASE_SECONDS + 1)
    await node.check()
    assert node.ledger.owner != owner, "what it no longer tried would stay leased by a living owner"
    await node._node._look_after()
    (claim,) = await claim_all(node.ledger)
    assert (claim.delivery_id, claim.rescues) == (leased, 0), "its process lived on, so nothing crashed"


async def test_what_may_have_been_leased_lapses_and_the_node_goes_on(house, clock):
    node = await house.open()
    (leased,) = await append_leased(node)
    owner = node.ledger.owner
    node._node.doubt()
    await node.check()
    assert node.ledger.owner != owner
    clock.advance(LEASE_SECONDS / 2)
    await node.check()
    assert (await states(node))[leased] is State.LEASED, "until then it is sent all the same"
    clock.advance(LEASE_SECONDS / 2 + 1)
    await node.check()
    await node._node._look_after()
    assert (await states(node))[leased] is State.PENDING


async def test_a_node_that_was_taken_for_dead_goes_on_under_another_incarnation(nodes, clock):
    frozen, other = nodes
    owner = frozen.ledger.owner
    clock.advance(LEASE_SECONDS + 1)
    await other._node._look_after()
    (written_late,) = await append_leased(frozen)
    await frozen.check()
    assert frozen.ledger.owner != owner
    await append(frozen, entry("1", planned()))
    (claim,) = await claim_all(frozen.ledger)
    assert frozen.ledger.holds(claim)
    await other._node._look_after()
    assert (await states(other))[written_late] is State.PENDING, "what an ended node wrote is found too"


async def test_what_one_node_leaves_waiting_another_hears_of(nodes):
    heard = asyncio.Event()
    nodes[1].listen(lambda: None, heard.set)
    await append(nodes[0], entry("1", planned()))
    await asyncio.wait_for(heard.wait(), 5)


async def test_news_is_heard_again_after_its_connection_was_lost(nodes):
    heard = []
    nodes[1].listen(lambda: None, lambda: heard.append(1))
    nodes[1]._news._connection.terminate()
    await until(lambda: heard, 10)
    heard.clear()

    async def told():
        await append(nodes[0], entry(str(len(heard)) + str(id(heard)), planned()))
        return bool(heard)

    await until_async(told, 5)


async def test_an_address_that_nobody_answers_is_one_line_without_its_password(clock):
    with pytest.raises(ConfigurationError) as caught:
        await PostgresStore.open("postgresql://tocsin:hunter2@127.0.0.1:1/db", clock=clock, keyprint=KEYPRINT)
    assert "127.0.0.1:1/db" in str(caught.value) and "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keyprint", "setting"),
    [
        (Keyprint.of("another operator", ("master",)), "TOCSIN_ADMIN_KEY"),
        (Keyprint.of("operator", ("another master",)), "TOCSIN_SECRET_KEY"),
        (Keyprint.of("operator", ("another master", "master")), "TOCSIN_SECRET_KEY"),
    ],
)
async def test_a_node_with_other_keys_is_refused_while_others_live(house, keyprint, setting):
    first = await house.open()
    with pytest.raises(ConfigurationError, match=setting):
        await house.open(keyprint=keyprint)
    await first.close()
    await house.open(keyprint=keyprint)


async def test_a_master_key_that_both_know_is_enough(house):
    await house.open()
    await house.open(keyprint=Keyprint.of("operator", ("master", "one more")))


async def test_nodes_see_each_other_and_who_ended(nodes):
    first, second = nodes
    await append_leased(first, 2)
    await first.registry.in_force(3)
    await second.close()
    seen = {one.owner: (one.leases, one.version, one.ended_at is None) for one in await first.nodes()}
    assert seen == {first.ledger.owner: (2, 3, True), second.ledger.owner: (0, None, False)}


async def test_times_are_those_of_the_ledger_whatever_a_nodes_own_clock_shows(nodes, clock):
    (leased,) = await append_leased(nodes[0])
    row = await nodes[1].ledger.delivery(INSTANCE, leased)
    assert row.created_at == clock.now() == NOW


async def test_failures_at_two_nodes_at_once_are_one_incident_of_each_thing(nodes):
    """Groups with the same things in other orders: nobody waits in a circle, no failure is lost."""
    keys = [f"vm-{number}" for number in range(12)]

    async def fail(node, order):
        signs = [Sign(key, True, Severity.ERROR, f"{key} failed") for key in order]
        return await append(node, *(entry(new_id(), planned())._replace(sign=one) for one in signs))

    orders = [keys, keys[::-1], keys[5:] + keys[:5]]
    answers = await asyncio.gather(*(fail(nodes[one % 2], orders[one % 3]) for one in range(24)))
    chapters = [one.chapter for answer in answers for one in answer]
    for key in keys:
        of_key = [one.incident for one in chapters if one.incident.key == key]
        assert len({one.id for one in of_key}) == 1
        assert sorted(one.failures for one in of_key) == list(range(1, 25))
    rows = (await nodes[1].incidents.incidents(INSTANCE)).rows
    assert [row.failures for row in rows] == [24] * len(keys)
    await require_true_counts(nodes[0])


async def test_a_person_acknowledges_while_failures_come_to_another_node(nodes):
    sign = Sign("vm", True, Severity.ERROR, "vm failed")
    (opened,) = await append(nodes[0], entry(new_id())._replace(sign=sign))

    async def acknowledge():
        while True:
            known = await nodes[1].incidents.incident(INSTANCE, opened.chapter.incident.id)
            if await nodes[1].incidents.save(acknowledged(known, "ada", NOW)):
                return

    failures = [append(nodes[0], entry(new_id())._replace(sign=sign)) for _ in range(30)]
    await asyncio.gather(acknowledge(), *failures)
    (row,) = (await nodes[0].incidents.incidents(INSTANCE)).rows
    assert (row.failures, row.acknowledged_by, row.revision) == (31, "ada", 32)


async def test_two_nodes_add_the_same_deliveries_to_an_event_once(nodes):
    (one,) = await append(nodes[0], entry(new_id(), planned()))
    more = [planned("destination-2", recipient=str(number)) for number in range(5)]
    calls = [nodes[number % 2].incidents.plan(one.event_id, more) for number in range(12)]
    assert sorted(await asyncio.gather(*calls)) == [0] * 11 + [5]
    assert len(await states(nodes[0])) == 6
    await require_true_counts(nodes[1])
