"""Reminders, escalation, fallback and ends of incidents: a moved clock, restarts, two nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway.domain.delivery import Delivery, Settlement, State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.ids import new_id
from gateway.domain.incident import CALM_SECONDS, FLAPS, Sign, Thread
from gateway.domain.noise import UNSAID, Escalation, Fallback, NoisePolicy, Reminders, Unless
from gateway.domain.severity import Severity
from gateway.domain.silence import SILENCED_BY, Silence
from gateway.domain.source import SELF, Instance
from gateway.domain.topic import Topic
from gateway.pipeline.also import WAS_TOLD, fallback
from gateway.pipeline.signs import wake_after
from gateway.pipeline.snapshot import Current, build
from gateway.ports import Configuration, DeliveryFilter, EventFilter, Put, Store
from gateway.service.configuration import Configurator
from gateway.service.following import Following
from gateway.service.incidents import IncidentDesk
from gateway.telemetry.metrics import Metrics
from tests.contracts.conftest import House
from tests.contracts.ledger_values import (
    INSTANCE,
    claim_all,
    dead,
    delivered,
    entry,
    planned,
    require_true_counts,
    retry,
)
from tests.fakes.clock import FakeClock

HOUR = 3_600.0
TOPIC = Topic("topic-1", INSTANCE, "t", 1.0, 1.0)
KEY = "source-1|db-1"


def way(name: str, policy: NoisePolicy = UNSAID, kind: str = "webhook") -> tuple[Destination, Subscription]:
    return (
        Destination(f"to-{name}", INSTANCE, name, kind, 1.0, 1.0),
        Subscription(name, INSTANCE, name, TOPIC.id, f"to-{name}", 1.0, 1.0, policy=policy),
    )


class Node:
    """What of a gateway follows incidents."""

    def __init__(self, store: Store, clock: FakeClock, current: Current, following: Following) -> None:
        self.store, self.clock, self.current, self.following = store, clock, current, following
        self.desk = IncidentDesk(store.incidents, store.ledger, clock, following.woken)

    async def fail(self, *names: str, failing: bool = True, severity=Severity.ERROR):
        """An event of the thing, told to these subscriptions; its id."""
        snapshot = self.current.snapshot
        rows = [planned(f"to-{name}", subscription=name) for name in names]
        after = wake_after(snapshot.noises, names)
        sign = Sign(KEY, failing, severity, "db-1 failed", after)
        made = entry(new_id(), *rows, received_at=self.clock.now(), version=snapshot.version)
        made = made._replace(sign=sign, planned=tuple(one._replace(topic_id=TOPIC.id) for one in rows))
        (appended,) = await self.store.ledger.append([made], routed_with=snapshot.version)
        return appended

    async def deliver(self, *, but: Sequence[str] = ()) -> list[str]:
        """Deliver what is due; the subscriptions that got something."""
        told = []
        for claim in await claim_all(self.store.ledger):
            if claim.subscription_id in but:
                again = retry(claim.delivery_id, self.clock.now() + 1e6, claim.epoch)
                assert await self.store.ledger.settle(again)
                continue
            thread = claim.chapter and Thread(
                claim.chapter.incident.id,
                claim.subscription_id,
                claim.recipient,
                claim.delivery_id,
                "",
                self.clock.now(),
            )
            settled = delivered(claim.delivery_id, claim.epoch)._replace(thread=thread)
            assert await self.store.ledger.settle(settled)
            told.append(f"{claim.subscription_id}:{claim.accepted.event.type.rpartition('.')[2]}")
        return sorted(told)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.following.round()

    async def deliveries(self) -> Sequence[Delivery]:
        return (await self.store.ledger.deliveries(INSTANCE, DeliveryFilter(), limit=500)).rows


async def node_on(store: Store, clock: FakeClock, *ways: tuple[Destination, Subscription]) -> Node:
    """A node on this store; the first one brings the configuration."""
    if await store.registry.version() == 0:
        rows = [Instance(INSTANCE, "i", 1.0, 1.0), TOPIC, *(one for both in ways for one in both)]
        await store.registry.apply([Put(one) for one in rows], expected=0)
    current = Current(build(Configuration(0, ()), ""))
    await Configurator(store.registry, current, "", clock, lambda: None).refresh()
    following = Following(current, store.incidents, store.ledger, clock, Metrics(), lambda: None)
    await following.round()
    return Node(store, clock, current, following)


async def test_a_problem_that_lasts_is_told_again_until_it_is_over(house: House, clock: FakeClock):
    node = await node_on(
        await house.open(),
        clock,
        way("a", NoisePolicy(reminders=Reminders(4 * HOUR))),
        way("b", NoisePolicy(reminders=Reminders(10 * HOUR))),
        way("c"),
    )
    await node.fail("a", "b", "c")
    assert await node.deliver() == ["a:failed", "b:failed", "c:failed"]
    await node.pass_time(4 * HOUR - 1)
    assert await node.deliver() == []
    await node.pass_time(2)
    assert await node.deliver() == ["a:reminder"]
    await node.pass_time(4 * HOUR)
    assert await node.deliver() == ["a:reminder"]
    await node.pass_time(2 * HOUR)
    assert await node.deliver() == ["b:reminder"]
    (incident,) = (await node.store.incidents.incidents(INSTANCE)).rows
    told = await node.store.incidents.events(incident.id)
    assert [one.chapter.part.value for one in told] == ["opening", *["reminder"] * 3]
    await node.fail("a", "b", "c", failing=False)
    await node.deliver()
    await node.pass_time(40 * HOUR)
    assert await node.deliver() == []


async def test_what_was_missed_meanwhile_is_told_once(house: House, clock: FakeClock):
    store = await house.open()
    node = await node_on(store, clock, way("a", NoisePolicy(reminders=Reminders(HOUR))))
    await node.fail("a")
    await node.deliver()
    await house.crash(store)
    clock.advance(7.5 * HOUR)
    again = await node_on(await house.open(), clock)
    assert await again.deliver() == ["a:reminder"]
    await again.following.round()
    assert await again.deliver() == []
    await again.pass_time(HOUR)
    assert await again.deliver() == ["a:reminder"]


async def test_nobody_is_reminded_of_what_was_taken_up(house: House, clock: FakeClock):
    policy = NoisePolicy(reminders=Reminders(HOUR), escalation=Escalation("b", 2 * HOUR))
    node = await node_on(await house.open(), clock, way("a", policy), way("b"))
    opened = await node.fail("a")
    await node.deliver()
    await node.desk.acknowledge(INSTANCE, opened.chapter.incident.id, "ada")
    await node.pass_time(9 * HOUR)
    assert await node.deliver() == []


async def test_who_was_not_reached_yet_is_not_reminded(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, way("a", NoisePolicy(reminders=Reminders(HOUR))))
    await node.fail("a")
    await node.pass_time(3.5 * HOUR)
    assert await node.deliver() == ["a:failed"]
    await node.pass_time(0)
    assert await node.deliver() == []
    await node.pass_time(0.6 * HOUR)
    assert await node.deliver() == ["a:reminder"]


async def test_nobody_acknowledged_so_others_are_told(house: House, clock: FakeClock):
    store = await house.open()
    policy = NoisePolicy(escalation=Escalation("b", 900.0))
    back = NoisePolicy(escalation=Escalation("a", 60.0))
    node = await node_on(store, clock, way("a", policy), way("b", back))
    await node.fail("a")
    assert await node.deliver() == ["a:failed"]
    await node.pass_time(899)
    assert await node.deliver() == []
    await house.crash(store)
    again = await node_on(await house.open(), clock)
    await again.pass_time(2)
    (row,) = [row for row in await again.deliveries() if row.subscription_id == "b"]
    assert (row.state, row.reason) == (State.PENDING, "escalated")
    assert await again.deliver() == ["b:failed"]
    for _ in range(3):
        await again.pass_time(HOUR)
    assert await again.deliver() == [], "once, and nothing escalates from where it led"
    (incident,) = (await again.store.incidents.incidents(INSTANCE)).rows
    assert incident.escalated == ("a",)
    await require_true_counts(again.store)


async def test_only_what_did_not_arrive_escalates_where_that_is_the_policy(house: House, clock: FakeClock):
    policy = NoisePolicy(escalation=Escalation("c", 900.0, Unless.DELIVERED))
    node = await node_on(await house.open(), clock, way("a", policy), way("b", policy), way("c"))
    await node.fail("a")
    assert await node.deliver() == ["a:failed"]
    await node.pass_time(1_000)
    assert await node.deliver() == []
    await node.fail("a", failing=False)
    await node.fail("b")
    assert await node.deliver(but=["b"]) == ["a:failed"]
    await node.pass_time(1_000)
    assert await node.deliver(but=["b"]) == ["c:failed"]


async def test_the_same_ones_again(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, way("a", NoisePolicy(escalation=Escalation(None, 60.0))))
    await node.fail("a")
    await node.deliver()
    await node.pass_time(61)
    assert await node.deliver() == ["a:failed"]
    await node.pass_time(61)
    assert await node.deliver() == []


async def test_two_nodes_do_everything_once(house: House, clock: FakeClock, request: pytest.FixtureRequest):
    policy = NoisePolicy(reminders=Reminders(HOUR), escalation=Escalation("b", 900.0))
    one = await node_on(await house.open(), clock, way("a", policy), way("b"))
    store = await house.open() if "postgres" in request.node.name else one.store
    two = await node_on(store, clock)
    await one.fail("a")
    await one.deliver()
    for _ in range(6):
        clock.advance(0.5 * HOUR + 1)
        await asyncio.gather(*(node.following.round() for node in (one, two, one, two)))
    rows = await one.deliveries()
    by_type = [row.subscription_id for row in rows]
    assert by_type.count("b") == 1 and by_type.count("a") == 4
    page = await one.store.ledger.events(INSTANCE, EventFilter(source_id=SELF))
    assert len(page.rows) == 3
    await require_true_counts(one.store)


async def test_what_flapped_is_told_to_be_over_once_it_is_calm(house: House, clock: FakeClock):
    store = await house.open()
    node = await node_on(store, clock, way("a"), way("b"))
    for turn in range(FLAPS):
        await node.fail("a", failing=not turn % 2)
        await node.deliver()
    await node.pass_time(CALM_SECONDS - 1)
    assert await node.deliver() == []
    await house.crash(store)
    clock.advance(10)
    again = await node_on(await house.open(), clock)
    assert await again.deliver() == ["a:recovered"], "only who was told of it"
    await again.pass_time(HOUR)
    assert await again.deliver() == []
    (row, first) = (await again.store.incidents.incidents(INSTANCE)).rows
    assert (row.state.value, row.telling, first.state.value) == ("resolved", False, "resolved")


async def test_the_end_by_hand_is_told_to_who_was_told_of_it(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, way("a"), way("b"))
    opened = await node.fail("a")
    await node.deliver()
    await node.desk.resolve(INSTANCE, opened.chapter.incident.id, "ada", "new disk")
    await node.fail("a", "b")
    await node.following.round()
    assert await node.deliver() == ["a:failed", "a:resolved", "b:failed"]
    await node.following.round()
    assert await node.deliver() == []


async def test_people_who_were_told_of_a_failure_are_told_of_its_end_whatever_rules_say(
    house: House, clock: FakeClock, request: pytest.FixtureRequest
):
    store = await house.open()
    ways = (way("chat", kind="ntfy"), way("late", kind="ntfy"), way("page", kind="pagerduty"), way("hook"))
    node = await node_on(store, clock, *ways)
    await node.fail("chat", "late", "page", "hook")
    assert await node.deliver(but=["late"]) == ["chat:failed", "hook:failed", "page:failed"]
    over = await node.fail("chat", failing=False)
    other = await node_on(await house.open() if "postgres" in request.node.name else store, clock)
    await asyncio.gather(node.following.round(), other.following.round())
    rows = {row.subscription_id: row for row in await node.deliveries() if row.event_id == over.event_id}
    assert {name: row.reason for name, row in rows.items()} == {"chat": "", "page": WAS_TOLD}
    assert await node.deliver(but=["late"]) == ["chat:failed", "page:failed"]
    await node.following.round()
    assert await node.deliver(but=["late"]) == []
    await require_true_counts(store)


async def test_what_is_silenced_is_not_reminded_of(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, way("a", NoisePolicy(reminders=Reminders(HOUR))))
    await node.fail("a")
    await node.deliver()
    now = clock.now()
    silence = Silence(
        "night", INSTANCE, "type starts-with backup.", now, now + 2 * HOUR, "ada", "x", now, now
    )
    await node.store.registry.apply([Put(silence)], expected=1)
    await Configurator(node.store.registry, node.current, "", clock, lambda: None).refresh()
    await node.pass_time(HOUR + 1)
    assert await node.deliver() == []
    assert [row.reason for row in await node.deliveries()][0] == f"{SILENCED_BY}night"
    await node.pass_time(HOUR)
    assert await node.deliver() == ["a:reminder"]


async def test_policies_that_come_later_hold_for_what_is_open(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, way("a"))
    await node.fail("a")
    await node.deliver()
    (_, subscription) = way("a", NoisePolicy(reminders=Reminders(HOUR)))
    version = await node.store.registry.apply([Put(subscription)], expected=1)
    await node.current.newer_than(version - 1)
    configurator = Configurator(node.store.registry, node.current, "", clock, lambda: None)
    await configurator.refresh()
    await node.pass_time(2.5 * HOUR)
    assert await node.deliver() == ["a:reminder"]


async def test_a_fallback_is_planned_with_the_failure_that_calls_for_it(house: House, clock: FakeClock):
    policy = NoisePolicy(fallback=Fallback("b", 2))
    node = await node_on(
        await house.open(), clock, way("a", policy), way("b", NoisePolicy(fallback=Fallback("a")))
    )
    snapshot = node.current.snapshot
    await node.fail("a")
    (claim,) = await claim_all(node.store.ledger)
    once = retry(claim.delivery_id, clock.now(), claim.epoch)
    assert fallback(snapshot, claim, once) == ()
    assert await node.store.ledger.settle(once)
    (claim,) = await claim_all(node.store.ledger)
    twice: Settlement = retry(claim.delivery_id, clock.now(), claim.epoch, number=2)
    also = fallback(snapshot, claim, twice)
    assert [one.subscription_id for one in also] == ["b"]
    assert await node.store.ledger.settle(twice._replace(also=also))
    rows = {row.subscription_id: row for row in await node.deliveries()}
    assert rows["b"].reason == f"fallback_for:{rows['a'].id}"
    claims = {one.subscription_id: one for one in await claim_all(node.store.ledger)}
    third = dead(claims["a"].delivery_id, claims["a"].epoch, number=3)
    third = third._replace(also=fallback(snapshot, claims["a"], third))
    assert await node.store.ledger.settle(third)
    lost = dead(claims["b"].delivery_id, claims["b"].epoch, number=1)
    lost = lost._replace(also=fallback(snapshot, claims["b"], lost))
    assert [one.subscription_id for one in lost.also] == ["a"]
    assert await node.store.ledger.settle(lost)
    assert len(await node.deliveries()) == 2, "once each, and never in a circle"
    await require_true_counts(node.store)
