"""Sources that the gateway asks, over a store and a real server: changes, blips, restarts, several nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from gateway.domain.errors import Forbidden, Unavailable
from gateway.domain.source import Instance, Key, Role, Source
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
from gateway.security.egress import Dialer, EgressPolicy, SystemResolver
from gateway.security.keys import generate
from gateway.security.references import References
from gateway.security.vault import Secrets, Vault
from gateway.service.asking import MAX_ANSWER, Asking
from gateway.service.configuration import Configurator
from gateway.service.polling import AT_ONCE, LEASE_SECONDS, Polling
from gateway.telemetry.metrics import Metrics
from gateway.transport.http import GuardedHttpClient
from gateway.transport.limits import Limits as TransportLimits
from gateway.transport.sockets import GuardedDialer
from tests.contracts.conftest import House
from tests.contracts.ledger_values import INSTANCE
from tests.fakes.clock import FakeClock
from tests.fakes.http_sink import DROP, NEVER, HttpSink, Reply
from tests.waiting import until, until_async

FRESH = generate()
KEY = Key(FRESH.id, INSTANCE, "k", Role.SENDER, FRESH.digest, 1.0, 1.0)
UP = Reply(200, body=b'{"Status": "UP", "Database": {"Status": "UP"}}')
DOWN = Reply(503, body=b'{"Status": "DOWN", "Database": {"Status": "DOWN"}}')
SECRETS = Secrets(Vault([bytes(32)]), References(""))
EVERY = 60.0


@dataclass
class Node:
    """What of a gateway asks sources."""

    store: Store
    configurator: Configurator
    ingest: Ingest
    polling: Polling
    clock: FakeClock
    http: GuardedHttpClient

    async def told(self) -> list[tuple[str, str]]:
        """Type and title of what became events, oldest first."""
        page = await self.store.ledger.events(INSTANCE, EventFilter(), limit=500)
        rows = [row.accepted for row in reversed(page.rows)]
        return [(row.event.type.rpartition(".")[2], row.vocabulary.title or "") for row in rows]

    async def change(self, *changes: Put | Remove) -> None:
        await self.store.registry.apply(changes, expected=await self.store.registry.version())
        await self.configurator.refresh()


@pytest.fixture
async def health() -> AsyncIterator[HttpSink]:
    async with HttpSink(UP) as sink:
        yield sink


@pytest.fixture
async def nodes(clock: FakeClock) -> AsyncIterator[list[GuardedHttpClient]]:
    clients: list[GuardedHttpClient] = []
    yield clients
    for one in clients:
        await one.close()


def polled(health: HttpSink, id: str = "s", **options: object) -> Source:
    given = {"url": health.url("/health"), "every": int(EVERY), "equal_answers": 3, "timeout": 5, **options}
    return Source(id, INSTANCE, f"vault {id}", 1.0, 1.0, format="poll", options=given)


async def node_on(store: Store, clock: FakeClock, nodes: list[GuardedHttpClient], *sources: Source) -> Node:
    """A node on this store; the first one brings the configuration."""
    if await store.registry.version() == 0:
        entities = [Instance(INSTANCE, "i", 1.0, 1.0), KEY, *sources]
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
    ingest = Ingest(
        current,
        store.ledger,
        dispatcher,
        clock,
        told,
        gate=RateGate(store.rates, clock),
        signatures=Signatures(SECRETS),
        max_batch_events=10,
    )
    dialer = GuardedDialer(Dialer(EgressPolicy.parse("127.0.0.0/8"), SystemResolver(clock)))
    http = GuardedHttpClient(dialer, user_agent="tests", limits=TransportLimits(answer_body=MAX_ANSWER))
    nodes.append(http)
    polling = Polling(current, store.polls, ingest, Asking(http, SECRETS), clock, metrics)
    return Node(store, configurator, ingest, polling, clock, http)


async def ask(*nodes: Node, times: int = 1) -> None:
    """Let every node look so many times, a period apart."""
    for _ in range(times):
        await asyncio.gather(*(node.polling.round() for node in nodes))
        await asyncio.gather(*(node.polling.settled() for node in nodes))
        nodes[0].clock.advance(EVERY)


async def test_a_change_is_told_once_it_came_often_enough_and_so_is_its_end(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    node = await node_on(await house.open(), clock, nodes, polled(health))
    await ask(node, times=2)
    health.usual = DOWN
    await ask(node, times=2)
    assert await node.told() == []
    await ask(node, times=3)
    assert await node.told() == [("failed", "vault s answers 503 DOWN: Database")]
    health.usual = UP
    await ask(node, times=3)
    assert (await node.told())[1:] == [("recovered", "vault s is well again")]
    assert {one.method for one in health.requests} == {"GET"} and len(health.requests) == 10
    (recovered, failed) = (await node.store.ledger.events(INSTANCE, EventFilter(source_id="s"))).rows
    data = json.loads(failed.accepted.event.data)
    assert data["answer"] == {"status": 503, "body": {"Status": "DOWN", "Database": {"Status": "DOWN"}}}
    assert (data["before"], data["change"]) == ({"compared": "2xx UP", "outcome": "ok"}, 1)
    assert failed.accepted.event.text("time") == data["since"] == "2027-01-15T08:02:00Z"
    assert json.loads(recovered.accepted.event.data)["before"]["outcome"] == "failed"


async def test_a_blip_is_nothing_and_nobody_there_is_an_answer(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    node = await node_on(await house.open(), clock, nodes, polled(health, timeout=1))
    health.answer(UP, DROP, DROP, UP, DOWN)
    await ask(node, times=5)
    assert await node.told() == []
    health.answer(DROP)
    await ask(node)
    await health.stop_listening()
    await ask(node)
    ((happening, title),) = await node.told()
    assert (happening, title) == ("failed", "vault s cannot be reached (unavailable)"), "of whatever sort"
    poll = await node.store.polls.of("s")
    assert json.loads(poll.shown)["unreached"] == "unavailable"


async def test_a_page_that_is_down_from_the_start_is_told(house: House, clock: FakeClock, health, nodes):
    health.usual = Reply(302, {"Location": health.url("/login")})
    node = await node_on(await house.open(), clock, nodes, polled(health))
    await ask(node, times=4)
    assert await node.told() == [("failed", "vault s answers 302")]
    assert {one.target for one in health.requests} == {"/health"}, "no redirect is followed"


async def test_two_nodes_ask_one_after_the_other_and_tell_once(
    house: House, clock: FakeClock, health: HttpSink, nodes, request
):
    sources = [polled(health, f"s{number}", equal_answers=2) for number in range(10)]
    one = await node_on(await house.open(), clock, nodes, *sources)
    store = await house.open() if "postgres" in request.node.name else one.store
    two = await node_on(store, clock, nodes)
    await ask(one, two)
    assert len(health.requests) == 10
    health.usual = DOWN
    await ask(two, one, times=4)
    assert len(health.requests) == 50
    assert sorted(await one.told()) == [
        ("failed", f"vault s{number} answers 503 DOWN: Database") for number in range(10)
    ]


async def test_the_count_goes_on_after_a_crash(house: House, clock: FakeClock, health: HttpSink, nodes):
    node = await node_on(await house.open(), clock, nodes, polled(health))
    await ask(node)
    health.usual = DOWN
    await ask(node, times=2)
    await house.crash(node.store)
    again = await node_on(await house.open(), clock, nodes)
    await ask(again)
    assert await again.told() == [("failed", "vault s answers 503 DOWN: Database")]


async def test_a_change_that_a_crash_kept_from_being_told_is_told_once(
    house: House, clock: FakeClock, health: HttpSink, nodes, monkeypatch
):
    health.usual = DOWN
    node = await node_on(await house.open(), clock, nodes, polled(health, equal_answers=1))

    async def full(*_: object) -> None:
        raise Unavailable("store_busy", "not now")

    monkeypatch.setattr(node.ingest, "take_polled", full)
    await ask(node)
    assert await node.told() == []
    await house.crash(node.store)
    health.usual = UP
    again = await node_on(await house.open(), clock, nodes)
    clock.advance(LEASE_SECONDS)
    await ask(again, times=2)
    assert [happening for happening, _ in await again.told()] == ["failed", "recovered"], "in this order"


async def test_who_claimed_and_died_is_followed_by_another(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    health.answer(NEVER)
    node = await node_on(await house.open(), clock, nodes, polled(health, timeout=30))
    stopping = asyncio.Event()
    running = asyncio.create_task(node.polling.run(stopping))
    await until(lambda: len(health.requests) == 1)
    stopping.set()
    await asyncio.wait_for(running, 5)
    await ask(node)
    assert len(health.requests) == 1, "it is somebody's for a while"
    clock.advance(LEASE_SECONDS)
    await ask(node)
    assert (await node.store.polls.of("s")).settled == "2xx UP"


async def test_slow_ones_stand_in_nobodys_way(house: House, clock: FakeClock, health: HttpSink, nodes):
    async with HttpSink(NEVER) as slow:
        sources = [polled(slow, f"slow{number}", timeout=30) for number in range(AT_ONCE - 1)]
        node = await node_on(await house.open(), clock, nodes, *sources, polled(health))
        await node.polling.round()
        await until(lambda: len(health.requests) == 1 and len(slow.requests) == AT_ONCE - 1)
        clock.advance(EVERY)

        async def asked_again() -> bool:
            await node.polling.round()
            return len(health.requests) == 2

        await until_async(asked_again)
        await node.polling.give_up()


async def test_a_disabled_source_is_not_asked_and_one_that_is_gone_is_forgotten(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    source = polled(health)
    node = await node_on(await house.open(), clock, nodes, source)
    await ask(node)
    await node.change(Put(replace(source, enabled=False)))
    await ask(node, times=3)
    assert len(health.requests) == 1 and await node.store.polls.of("s") is not None
    await node.change(Put(source))
    await ask(node)
    assert len(health.requests) == 2
    await node.change(Remove(source))
    await ask(node, times=2)
    assert len(health.requests) == 2 and await node.store.polls.of("s") is None


async def test_what_was_found_when_the_source_was_disabled_is_told_when_it_is_not_any_more(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    source = polled(health, equal_answers=1)
    node = await node_on(await house.open(), clock, nodes, source)
    async with HttpSink(NEVER) as slow:
        waiting = replace(source, options={**source.options, "url": slow.url(), "timeout": 1})
        await node.change(Put(waiting))
        await node.polling.round()
        await until(lambda: len(slow.requests) == 1)
        await node.change(Put(replace(waiting, enabled=False)))
        await node.polling.settled()
    clock.advance(LEASE_SECONDS)
    await ask(node, times=2)
    assert await node.told() == []
    await node.change(Put(waiting))
    await ask(node)
    assert await node.told() == [("failed", "vault s cannot be reached (unanswered)")]


async def test_what_is_asked_otherwise_is_compared_with_nothing_before(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    source = polled(health, equal_answers=1)
    node = await node_on(await house.open(), clock, nodes, source)
    await ask(node)
    await node.change(Put(replace(source, options={**source.options, "compare": "/Database/Status"})))
    await ask(node)
    assert await node.told() == []
    assert (await node.store.polls.of("s")).settled == "2xx UP"
    await node.change(Put(replace(source, options={**source.options, "compare": "", "every": 10})))
    await ask(node)
    assert (await node.store.polls.of("s")).settled.startswith("2xx {")


async def test_an_event_that_the_source_may_not_send_is_dropped_and_the_count_goes_on(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    source = replace(polled(health, equal_answers=1), allowed_types=("health.recovered",))
    health.usual = DOWN
    node = await node_on(await house.open(), clock, nodes, source)
    await ask(node)
    health.usual = UP
    await ask(node)
    assert await node.told() == [("recovered", "vault s is well again")]
    assert (await node.store.polls.of("s")).changes == 2


async def test_nothing_is_sent_to_a_source_that_is_asked(
    house: House, clock: FakeClock, health: HttpSink, nodes
):
    node = await node_on(await house.open(), clock, nodes, polled(health))
    envelope = receive(
        instance=INSTANCE,
        headers=[(b"Authorization", f"Bearer {FRESH.text}".encode())],
        body=b'{"answer": {"status": 503}}',
        received_at=clock.now(),
        source_hint="s",
        max_body=10_000,
    )
    for take in (node.ingest.take_native, node.ingest.take):
        with pytest.raises(Forbidden) as refused:
            await take(envelope)
        assert refused.value.code == "source_polled"
