"""kill -9 at the minute of a digest: each event is in exactly one, and the receiver gets that once."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.clock import SystemClock
from gateway.domain.noise import Digest, Frequency, NoisePolicy
from gateway.domain.topic import Topic
from gateway.ports import Put
from gateway.storage.sqlite.store import SqliteStore
from tests.crash.failing import Failing, post_all, receipts, stored, until_settled
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until_async

EVENTS = [cloudevent(f"event-{number}") for number in range(40)]
ROOM_SECONDS = 15
"""What preparations may take before the minute that the digest is at."""
STEPS = ("before_fold", "mid_fold", "after_fold")


async def set_digest(folder: Path, minute: int) -> None:
    """Give the one topic an hourly digest at this minute; nobody has the store open."""
    store = await SqliteStore.open(folder / "data" / "tocsin.db", clock=SystemClock())
    configuration = await store.registry.load()
    (topic,) = [one for one in configuration.entities if isinstance(one, Topic)]
    digest = Digest(frequency=Frequency.HOURLY, time=f"00:{minute:02}")
    changed = replace(topic, policy=NoisePolicy(digest=digest))
    await store.registry.apply([Put(changed)], expected=configuration.version)
    await store.close()


async def killed_at(step: str, folder: Path, sink: HttpSink) -> None:
    """One gateway that dies at this step of its digest, and what its receiver gets then."""
    folder.mkdir()
    gateway = GatewayProcess(folder)
    failing = Failing(gateway, step)
    await gateway.start()
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
        await gateway.stop()
        await set_digest(folder, int((time.time() + ROOM_SECONDS) // 60 + 1) % 60)
        failing.arm()
        await gateway.start(*failing.wrapper)
        acknowledged = await post_all(gateway, route["key"], EVENTS)
        assert len(acknowledged) == len(EVENTS) and not sink.requests
        process = gateway.process
        assert process is not None
        await asyncio.to_thread(process.wait, 90)
        assert failing.strikes() == [step]
        await gateway.start()
        async with gateway.client() as client:
            await until_async(lambda: nothing_held(client), 30)
            await until_settled(client)
            folded = (await client.get("deliveries?state=folded&limit=500"))["deliveries"]
            known = await stored(client)
    finally:
        gateway.close()
    told = Counter(
        item["event_id"] for one in sink.requests for item in json.loads(one.body)["data"]["items"]
    )
    assert told == Counter(acknowledged.values()), "each event in exactly one digest"
    assert {one["event_id"] for one in folded} == set(acknowledged.values())
    assert len(known) == len(EVENTS) + len(sink.requests)
    assert set(receipts(sink).values()) == {1}


async def nothing_held(client: Client) -> bool:
    return not (await client.get("deliveries?state=held&limit=1"))["deliveries"]


@pytest.mark.timeout(180)
async def test_a_kill_at_a_step_of_the_digest_tells_each_event_once(tmp_path: Path):
    async with HttpSink() as one, HttpSink() as two, HttpSink() as three:
        sinks = zip(STEPS, (one, two, three), strict=True)
        await asyncio.gather(*(killed_at(step, tmp_path / step, sink) for step, sink in sinks))
