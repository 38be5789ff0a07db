"""kill -9 at each step of an event's path: nothing acknowledged is lost, and who may see it twice is known.

One delivery at a time (`in_flight=1`), so that the step alone decides how many duplicates there are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.failing import Failing, post_all, receipts, stored, until_settled
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import GatewayProcess, cloudevent

BEFORE = [cloudevent(f"before-{number}") for number in range(3)]
WAVE = [cloudevent(f"wave-{number}") for number in range(5)]

STORED_NOTHING, STORED_SOME = False, True


@pytest.mark.parametrize(
    ("step", "keeps", "duplicates"),
    [
        ("after_parse", STORED_NOTHING, 0),
        ("before_commit", STORED_NOTHING, 0),
        ("after_commit_before_answer", STORED_SOME, 0),
        ("after_hand_over_before_send", STORED_SOME, 0),
        ("after_send_before_settle", STORED_SOME, 1),
        ("mid_settle", STORED_SOME, 1),
        ("after_settle", STORED_SOME, 0),
    ],
)
async def test_a_kill_at_this_step_loses_nothing(
    tmp_path: Path, sink: HttpSink, step: str, keeps: bool, duplicates: int
):
    gateway = GatewayProcess(tmp_path, in_flight=1)
    failing = Failing(gateway, step)
    await gateway.start(*failing.wrapper)
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            acknowledged = await post_all(gateway, route["key"], BEFORE)
            await until_settled(client)
        failing.arm()
        acknowledged |= await post_all(gateway, route["key"], WAVE)
        await failing.died()
        assert failing.strikes() == [step]

        await gateway.start()
        async with gateway.client() as client:
            kept = await stored(client)
            assert acknowledged.items() <= kept.items()
            assert any(id.startswith("wave") for id in kept) is keeps
            await until_settled(client)
            again = await post_all(gateway, route["key"], WAVE)
            first = {id: kept[id] for id in again if id in kept}
            assert first.items() <= again.items(), "a repeat gets the id of what the killed process stored"
            await until_settled(client)
            kept = await stored(client)
            assert set(kept) == {event["id"] for event in BEFORE + WAVE}
            for state, count in (("delivered", len(kept)), ("dead", 0), ("cancelled", 0)):
                listed = await client.get(f"deliveries?state={state}&limit=500")
                assert len(listed["deliveries"]) == count
    finally:
        gateway.close()
    seen = receipts(sink)
    assert len(seen) == len(kept), "each event is one delivery, with one id over all tries"
    assert sum(seen.values()) - len(seen) == duplicates


async def test_a_kill_after_a_retry_was_claimed_sends_it_once_more_and_not_twice(
    tmp_path: Path, sink: HttpSink
):
    gateway = GatewayProcess(tmp_path)
    failing = Failing(gateway, "after_claim")
    await gateway.start(*failing.wrapper)
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"), retry_schedule=[0.05, 5])
            sink.answer(Reply(500))
            failing.arm()
            await client.send(cloudevent("retried"), route["source"])
        await failing.died()
        assert len(sink.requests) == 1
        await gateway.start()
        async with gateway.client() as client:
            await until_settled(client)
            delivery = (await client.get("deliveries"))["deliveries"][0]
            delivery = await client.get(f"deliveries/{delivery['id']}")
    finally:
        gateway.close()
    assert receipts(sink) == {delivery["id"]: 2}
    assert [(one["number"], one["code"]) for one in delivery["tries"]] == [(1, "500"), (2, "200")]
