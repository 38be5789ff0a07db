"""Monitors at work over a store: restarts, several nodes, outages, more keys than there is room for."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from gateway.domain.errors import Unavailable
from gateway.domain.monitor import Monitor, MonitorKind
from gateway.domain.schedule import Schedule
from gateway.domain.severity import Severity
from gateway.domain.source import SELF, Instance, Key, Role, Source
from gateway.pipeline.counts import Counts
from gateway.pipeline.dispatcher import Dispatcher, Limits
from gateway.pipeline.flow import Ingest, Told
from gateway.pipeline.rate import RateGate
from gateway.pipeline.receive import receive
from gateway.pipeline.recent import Recent
from gateway.pipeline.results import LastResults
from gateway.pipeline.sightings import Sightings
from gateway.pipeline.signature import Signatures
from gateway.pipeline.snapshot import Current, build
from gateway.ports import Configuration, EventFilter, Put, Remove, Store
from gateway.security.keys import generate
from gateway.security.references import References
from gateway.security.vault import Secrets, Vault
from gateway.service.configuration import Configurator
from gateway.service.monitors import Monitors
from gateway.service.watching import GAP_SECONDS, Watching
from gateway.spi.message import Message
from gateway.telemetry.metrics import Metrics
from tests.contracts.conftest import House
from tests.contracts.ledger_values import INSTANCE
from tests.fakes.clock import FakeClock

FRESH = generate()
SOURCE = Source("s", INSTANCE, "vault", 1.0, 1.0)
KEY = Key(FRESH.id, INSTANCE, "k", Role.SOURCE, FRESH.digest, 1.0, 1.0, SOURCE.id)
STEP = 4.0
"""Less than what a node may be silent without its being an outage."""


@dataclass
class Node:
    """What of a gateway takes events and watches."""

    store: Store
    configurator: Configurator
    ingest: Ingest
    watching: Watching
    metrics: Metrics
    clock: FakeClock

    async def send(self, id: str, **attributes: object) -> None:
        event = {"specversion": "1.0", "id": id, "source": "/s", "type": "backup.done", **attributes}
        headers = [
            (b"Authorization", f"Bearer {FRESH.text}".encode()),
            (b"Content-Type", b"application/cloudevents+json"),
        ]
        envelope = receive(
            instance=INSTANCE,
            headers=headers,
            body=json.dumps(event).encode(),
            received_at=self.clock.now(),
            max_body=10_000,
        )
        await self.ingest.take(envelope)

    async def told(self) -> list[tuple[str, str]]:
        """What monitors said, oldest first: the last word of the type, and the subject."""
        page = await self.store.ledger.events(INSTANCE, EventFilter(source_id=SELF), limit=500)
        events = [row.accepted.event for row in reversed(page.rows)]
        return [(event.type.rpartition(".")[2], str(event.text("subject"))) for event in events]


async def pass_time(seconds: float, *nodes: Node) -> None:
    """Let time pass while these nodes are well."""
    while seconds > 0:
        nodes[0].clock.advance(min(seconds, STEP))
        seconds -= STEP
        await asyncio.gather(*(node.watching.round() for node in nodes))


def silence(**fields: object) -> Monitor:
    given = {"schedule": Schedule(every=60.0), "grace": 10.0, "since": 1_800_000_000.0} | fields
    return Monitor("m", INSTANCE, "nightly", 1.0, 1.0, **given)


async def node_on(store: Store, clock: FakeClock, *monitors: Monitor) -> Node:
    """A node on this store; the first one brings the configuration."""
    if await store.registry.version() == 0:
        entities = [Instance(INSTANCE, "i", 1.0, 1.0), SOURCE, KEY, *monitors]
        await store.registry.apply([Put(one) for one in entities], expected=0)
    current, metrics = Current(build(Configuration(0, ()), "")), Metrics()
    configurator = Configurator(store.registry, current, "", clock, lambda: None)
    await configurator.refresh()

    async def never(claim):
        raise AssertionError("nothing is sent here")

    dispatcher = Dispatcher(store.ledger, current, clock, Limits(), never, lambda _: None)
    told = Told(
        metrics, Counts(clock, metrics), Sightings(), LastResults(store.ledger, clock), Recent(store.ledger)
    )
    signatures = Signatures(Secrets(Vault([bytes(32)]), References("")))
    ingest = Ingest(
        current,
        store.ledger,
        dispatcher,
        clock,
        told,
        gate=RateGate(store.rates, clock),
        signatures=signatures,
        max_batch_events=10,
    )
    watching = Watching(current, store.registry, store.monitors, ingest, clock, metrics)
    await watching.round()
    return Node(store, configurator, ingest, watching, metrics, clock)


async def state_of(node: Node, key: str = "") -> str:
    (standing,) = await node.store.monitors.standings([("m", key)])
    return standing.state.value


async def test_a_silence_and_its_end_over_a_store(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence(severity=Severity.CRITICAL))
    await pass_time(300, node)
    assert await state_of(node) == "waiting"
    await node.send("1")
    await pass_time(56, node)
    assert await state_of(node) == "ok"
    await pass_time(8, node)
    assert await state_of(node) == "late" and await node.told() == []
    await pass_time(8, node)
    assert await node.told() == [("missed", "nightly")]
    await node.send("2")
    await node.watching.round()
    assert await node.told() == [("missed", "nightly"), ("recovered", "nightly")]
    page = await node.store.ledger.events(INSTANCE, EventFilter(source_id=SELF))
    assert [row.accepted.vocabulary.severity for row in page.rows] == [Severity.INFO, Severity.CRITICAL]


async def test_several_nodes_tell_of_each_breach_once(house: House, clock: FakeClock, request):
    one = await node_on(await house.open(), clock, silence(key="resource"))
    store = await house.open() if "postgres" in request.node.name else one.store
    two = await node_on(store, clock)
    keys = [f"vm-{number}" for number in range(20)]
    await asyncio.gather(*(one.send(key, resource=key) for key in keys))
    await pass_time(80, one, two)
    assert sorted(await one.told()) == sorted(("missed", key) for key in keys)
    await asyncio.gather(*(two.send(f"again {key}", resource=key) for key in keys))
    await pass_time(8, one, two)
    told = await two.told()
    assert sorted(told[20:]) == sorted(("recovered", key) for key in keys)
    assert len(told) == 40


async def test_a_breach_that_a_crash_kept_from_being_told_is_told_once(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence())
    await node.send("1")

    async def crashes(*_):
        raise Unavailable("store_busy", "not now")

    accepting, node.ingest.take_own = node.ingest.take_own, crashes
    with pytest.raises(Unavailable):
        await pass_time(80, node)
    assert await state_of(node) == "missed" and await node.told() == []
    node.ingest.take_own = accepting
    (notice,) = await node.store.monitors.notices(10)
    await node.watching.round()
    # As if the process had died between the event and taking note of it.
    await node.store.monitors.save([], notices=[notice])
    await house.crash(node.store)
    again = await node_on(await house.open(), clock)
    assert await again.told() == [("missed", "nightly")]
    assert await again.store.monitors.notices(10) == []


async def test_an_outage_of_ours_raises_no_alarm(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence())
    await node.send("1")
    await pass_time(40, node)
    await house.crash(node.store)
    clock.advance(5_000)
    again = await node_on(await house.open(), clock)
    assert await again.told() == [] and await state_of(again) == "ok"
    await pass_time(28, again)
    assert await again.told() == [], "20 s of the period and 10 s of grace were left"
    await pass_time(8, again)
    assert await again.told() == [("missed", "nightly")]


async def test_an_event_is_remembered_although_the_process_died_at_once(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence())
    await node.send("1")
    await pass_time(56, node)
    await node.send("2")
    await house.crash(node.store)
    again = await node_on(await house.open(), clock)
    assert await state_of(again) == "ok"
    (standing,) = await again.store.monitors.standings_of("m")
    assert standing.last_seen == clock.now()


async def test_while_another_node_takes_events_the_time_goes_on(house: House, clock: FakeClock, request):
    if "sqlite" in request.node.name:
        pytest.skip("a file has one process")
    one = await node_on(await house.open(), clock, silence())
    two = await node_on(await house.open(), clock)
    await one.send("1")
    await house.crash(one.store)
    await pass_time(76, two)
    assert await two.told() == [("missed", "nightly")]


async def test_a_clock_that_is_set_forward_is_as_an_outage(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence())
    await node.send("1")
    await pass_time(20, node)
    clock.set_now(clock.now() + 86_400)
    await node.watching.round()
    await pass_time(40, node)
    assert await node.told() == []
    assert await node.store.monitors.outages(0) != []
    await pass_time(20, node)
    assert await node.told() == [("missed", "nightly")]


async def test_a_process_that_stood_still_looks_at_nothing_before_it_knows_for_how_long(house, clock):
    node = await node_on(await house.open(), clock, silence())
    await node.send("1")
    await pass_time(40, node)
    marked = node.watching._mark

    async def frozen():
        await marked()
        clock.advance(500)

    node.watching._mark = frozen
    await node.watching.round()
    node.watching._mark = marked
    assert await node.told() == []
    await node.watching.round()
    assert await state_of(node) == "ok" and clock.now() - GAP_SECONDS > 0


async def test_more_keys_than_there_is_room_for_are_left_out(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence(key="resource", max_keys=3))
    for number in range(5):
        await node.send(str(number), resource=f"vm-{number}")
        if number != 1:
            await node.watching.round()
    assert [one.key for one in await node.store.monitors.standings_of("m")] == ["vm-0", "vm-1", "vm-2"]
    assert "tocsin_monitor_keys_refused_total 2.0" in node.metrics.render().decode()
    await node.send("more", resource="vm-1")
    await node.watching.round()
    assert await node.store.monitors.observations(10) == []


async def test_what_another_node_watches_already_is_left_to_it(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence())
    known = node.configurator.snapshot
    await node.send("1")
    await node.store.registry.apply([Remove(silence())], expected=known.version)
    node.configurator._current.snapshot = replace(known, monitors={"other": replace(silence(), id="other")})
    await node.watching.round()
    assert len(await node.store.monitors.observations(10)) == 1, "this node is behind: it may know too little"
    await node.configurator.refresh()
    node.configurator._current.snapshot = replace(
        node.configurator.snapshot, monitors={"other": replace(silence(), id="other")}
    )
    await node.watching.round()
    assert await node.store.monitors.observations(10) == []


async def test_resuming_expects_anew_and_deleting_forgets(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence())
    monitors, instance = Monitors(node.configurator, node.store.monitors), Instance(INSTANCE, "i", 1.0, 1.0)
    await node.send("1")
    await pass_time(8, node)
    await monitors.update(instance, "m", {"paused": True})
    await node.send("2")
    await pass_time(300, node)
    assert await node.told() == []
    await monitors.update(instance, "m", {"paused": False})
    await pass_time(56, node)
    assert await node.told() == [] and await state_of(node) == "ok"
    await pass_time(20, node)
    assert await node.told() == [("missed", "nightly")]
    await monitors.delete(instance, "m")
    assert await node.store.monitors.standings_of("m") == []


async def test_failures_are_counted_in_the_order_they_came(house: House, clock: FakeClock):
    node = await node_on(await house.open(), clock, silence(kind=MonitorKind.FAILURES, count=3, key="job"))
    for number, outcome in enumerate(("failed", "ok", "failed", "failed", "failed", "ok")):
        await node.send(str(number), job="nightly", outcome=outcome)
    await node.send("started", job="nightly", outcome="started")
    await node.watching.round()
    assert await node.told() == [("failing", "nightly"), ("recovered", "nightly")]


async def test_a_breach_names_the_job_and_its_end_is_in_its_thread_and_in_no_other(
    house: House, clock: FakeClock
):
    failures = silence(kind=MonitorKind.FAILURES, key="job")
    node = await node_on(await house.open(), clock, failures, replace(failures, id="m2", name="other"))
    for number, outcome in enumerate(("failed", "ok")):
        await node.send(str(number), job="nightly", outcome=outcome)
    await node.watching.round()
    page = await node.store.ledger.events(INSTANCE, EventFilter(source_id=SELF))
    assert {(one.accepted.vocabulary.job, one.accepted.vocabulary.resource) for one in page.rows} == {
        ("nightly", "nightly")
    }
    threads = Counter(Message("d", row.accepted).thread_key for row in page.rows)
    assert list(threads.values()) == [2, 2]
