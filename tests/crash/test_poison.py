"""A delivery that crashes the process each time it is sent ends as a dead letter and takes nobody with it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.crash.failing import Failing, receipts, until_settled
from tests.fakes.http_sink import NEVER, HttpSink, Reply
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until

RESCUES = 3
"""From this one on a delivery is sent alone (design section 2)."""

MOST_CRASHES = 12
SLOW = Reply(delay=0.1)


async def crash_on(gateway: GatewayProcess, failing: Failing) -> Client:
    """Start it again and again, as a service manager does, until it stays up with nothing left to send."""
    for _ in range(MOST_CRASHES):
        if await _stays(gateway, failing):
            return gateway.client()
    raise AssertionError(f"it still crashes: {failing.strikes()}")


async def _stays(gateway: GatewayProcess, failing: Failing) -> bool:
    crashes = len(failing.strikes())
    try:
        await gateway.start(*failing.wrapper)
        async with gateway.client() as client:
            await until_settled(client)
    except Exception:
        # Killed while it started, or while it was asked. Anything else is a failure of this test.
        await asyncio.sleep(0)
        if len(failing.strikes()) == crashes:
            raise
        await failing.died()
        return False
    return True


async def take(client: Client, source_id: str, ids: list[str]) -> None:
    """Post a batch, so that its deliveries are handed over together."""
    status, answer = await client.call(
        "POST",
        f"events?source_id={source_id}",
        json.dumps([cloudevent(id) for id in ids]).encode(),
        Content_Type="application/cloudevents-batch+json",
    )
    assert status == 202, answer


async def end_of_each(client: Client) -> dict[str, tuple[str, str]]:
    """State and reason of the one delivery of each event, by the event's id."""
    ends = {}
    for row in (await client.get("deliveries?limit=500"))["deliveries"]:
        event = await client.get(f"events/{row['event_id']}")
        ends[event["cloudevent"]["id"]] = (row["state"], row.get("reason", ""))
    return ends


async def test_poison_dies_alone_and_its_neighbours_are_delivered(tmp_path: Path, sink: HttpSink):
    sink.usual = SLOW
    gateway = GatewayProcess(tmp_path)
    failing = Failing(gateway, "while_sending")
    neighbours = [f"neighbour-{number}" for number in range(3)]
    try:
        await gateway.start(*failing.wrapper)
        failing.arm()
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            await take(client, route["source"], [*neighbours[:2], "poison", *neighbours[2:]])
        await failing.died()
        async with await crash_on(gateway, failing) as client:
            await take(client, route["source"], ["later"])
            await until_settled(client)
            ends = await end_of_each(client)
    finally:
        gateway.close()
    assert ends.pop("poison") == ("dead", "crashed_while_sent")
    assert ends == dict.fromkeys([*neighbours, "later"], ("delivered", ""))
    strikes = failing.strikes()
    assert len(strikes) == 1 + RESCUES
    assert strikes[0] == "poison 3", "the neighbours were under way at the first crash"
    assert strikes[-1] == "poison 0", "at the last one it was alone"
    assert max(receipts(sink).values()) <= 1 + RESCUES


async def test_a_second_poison_is_not_blamed_on_who_lost_its_lease_to_the_first(
    tmp_path: Path, sink: HttpSink
):
    """The innocent one has lost its lease three times; then other poison crashes while it is due."""
    sink.usual = SLOW
    gateway = GatewayProcess(tmp_path)
    failing = Failing(gateway, "while_sending")
    try:
        await gateway.start(*failing.wrapper)
        failing.arm()
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            await take(client, route["source"], ["innocent", "poison-1"])
        await failing.died()
        while len(failing.strikes()) < RESCUES - 1:
            assert not await _stays(gateway, failing)
        failing.disarm()
        sink.usual = NEVER
        sent = len(sink.requests)
        await gateway.start(*failing.wrapper)
        async with gateway.client() as client:
            await take(client, route["source"], ["poison-2"])
        await until(lambda: len(sink.requests) == sent + 3)
        # The first two lose their lease for the third time now, the second poison for the first.
        gateway.kill()
        failing.arm()
        sink.usual = SLOW
        async with await crash_on(gateway, failing) as client:
            ends = await end_of_each(client)
    finally:
        gateway.close()
    assert ends == {
        "innocent": ("delivered", ""),
        "poison-1": ("dead", "crashed_while_sent"),
        "poison-2": ("dead", "crashed_while_sent"),
    }
