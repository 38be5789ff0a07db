"""One bad destination slows no other (C5): measured beside a run without the bad ones."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.fakes.http_sink import NEVER, HttpSink, Received, Reply
from tests.harness import Client, cloudevent
from tests.waiting import until

EVENTS = 300
PACE = 0.004
"""Seconds between two events: a load at which a healthy destination keeps up easily."""

WIDTH = 16
"""Deliveries under way at once to one destination, by default."""

NOISE = 0.1
"""Seconds that say nothing on a machine that others use too."""


@dataclass
class Route:
    """A source with destinations, and when its events were sent."""

    source: str
    topic: str
    destinations: dict[str, str]
    sent: dict[str, float] = field(default_factory=dict)


class TimedSink(HttpSink):
    """Notes when each event arrived first."""

    def __init__(self, usual: Reply | None = None) -> None:
        super().__init__(usual)
        self.arrivals: dict[str, float] = {}

    def took(self, route: Route) -> list[float]:
        """Seconds from the sending of each event to its arrival, sorted."""
        return sorted(self.arrivals[id] - began for id, began in route.sent.items())

    def record(self, request: Received) -> None:
        super().record(request)
        self.arrivals.setdefault(json.loads(request.body)["id"], time.monotonic())


async def route_to(client: Client, name: str, **sinks: HttpSink) -> Route:
    """A source and a topic of their own, with one webhook for each sink."""
    source = await client.create("sources", name=name)
    topic = await client.create("topics", name=name, sources=[{"id": source["id"], "rules": [{}]}])
    made = {}
    for kind, sink in sinks.items():
        params = {"url": sink.url(f"/{kind}"), "verb": "post"}
        destination = await client.create(
            "destinations", name=f"{name} {kind}", type="webhook", config={"params": params}
        )
        await client.create(
            "subscriptions", name=f"{name} {kind}", topic_id=topic["id"], destination_id=destination["id"]
        )
        made[kind] = destination["id"]
    return Route(source["id"], topic["id"], made)


async def post_steadily(client: Client, route: Route, name: str) -> None:
    """Events at a fixed pace, whatever becomes of those before them."""

    async def post(id: str) -> None:
        route.sent[id] = time.monotonic()
        status, answer = await client.send(cloudevent(id), route.source)
        assert status == 202, answer

    async with asyncio.TaskGroup() as posts:
        began = time.monotonic()
        for number in range(EVENTS):
            posts.create_task(post(f"{name}-{number}"))
            await asyncio.sleep(max(0.0, began + (number + 1) * PACE - time.monotonic()))


def percentile(values: list[float], part: float) -> float:
    return values[int((len(values) - 1) * part)]


async def test_silent_dead_and_failing_destinations_do_not_slow_a_healthy_one(client: Client):
    async with TimedSink() as healthy, TimedSink() as beside:
        async with HttpSink(NEVER) as silent, HttpSink() as dead, HttpSink(Reply(500)) as failing:
            await dead.stop_listening()
            warm = await route_to(client, "warm-up", healthy=healthy)
            await post_steadily(client, warm, "warm-up")
            await until(lambda: len(healthy.arrivals) == EVENTS)
            alone = await route_to(client, "alone", healthy=healthy)
            await post_steadily(client, alone, "alone")
            await until(lambda: len(healthy.arrivals) == 2 * EVENTS)
            mixed = await route_to(client, "mixed", silent=silent, dead=dead, failing=failing, healthy=beside)
            await post_steadily(client, mixed, "mixed")
            await until(lambda: len(beside.arrivals) == EVENTS, 10)
            rows = [row async for row in deliveries(client, mixed.destinations)]
            assert len(silent.requests) <= WIDTH
    before, after = healthy.took(alone), beside.took(mixed)
    for name, took in (("alone", before), ("beside three bad ones", after)):
        told = ", ".join(f"{part:.0%} {percentile(took, part) * 1000:.1f} ms" for part in (0.5, 0.99, 1))
        print(f"{name}: {told}")
    assert percentile(after, 0.5) <= max(3 * percentile(before, 0.5), NOISE / 2)
    assert percentile(after, 0.99) <= max(2 * percentile(before, 0.99), NOISE)
    found = Counter(rows)
    assert found["healthy", "delivered"] == EVENTS
    for bad in ("silent", "dead", "failing"):
        assert found[bad, "delivered"] == 0
        assert sum(count for (name, _), count in found.items() if name == bad) == EVENTS


async def deliveries(client: Client, destinations: dict[str, str]):
    """Destination and state of every delivery, once the healthy one's are settled."""
    async with asyncio.timeout(10):
        while True:
            page = await client.get(
                f"deliveries?state=leased&limit=1&destination_id={destinations['healthy']}"
            )
            if not page["deliveries"]:
                break
    names = {id: name for name, id in destinations.items()}
    for id, name in names.items():
        cursor = ""
        while True:
            page = await client.get(f"deliveries?limit=500&cursor={cursor}&destination_id={id}")
            for row in page["deliveries"]:
                yield name, row["state"]
            cursor = page.get("cursor", "")
            if not cursor:
                break
