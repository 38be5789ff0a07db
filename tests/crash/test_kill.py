"""kill -9 under load: nothing that was accepted is lost, and duplicates are only of attempts in flight."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.crash.failing import stored, until_settled
from tests.crash.sending import Senders
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess
from tests.waiting import until

SENDERS = 16
IN_FLIGHT = 8
KILLS = 10
SUSPECT_AFTER = 3


@pytest.mark.timeout(180)
async def test_nothing_acknowledged_is_lost_when_the_process_is_killed_at_random(
    tmp_path: Path, sink: HttpSink
):
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lives = []
    gateway = GatewayProcess(tmp_path, in_flight=IN_FLIGHT)
    await gateway.start()
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"), retry_schedule=[0.2, 0.5, 1, 1, 1])
        senders = Senders([gateway], route["key"])
        senders.start(SENDERS)
        for _ in range(KILLS):
            enough = len(senders.acknowledged) + chance.randint(5, 60)
            await until(lambda enough=enough: len(senders.acknowledged) > enough, 30)
            gateway.kill()
            await sink.deserted()
            lives.append(len(sink.requests))
            await gateway.start()
        enough = len(senders.acknowledged) + 20
        await until(lambda: len(senders.acknowledged) > enough, 30)
        await senders.stop()
        async with gateway.client() as client:
            await until_settled(client, 60)
            await replay_suspects(client)
            kept = await stored(client)
    finally:
        gateway.close()
    assert senders.acknowledged.items() <= kept.items(), "nothing acknowledged is lost"
    assert_duplicates_were_in_flight(sink, lives, events=len(kept))


async def replay_suspects(client: Client) -> None:
    """A delivery that met four kills, the last one alone, is set aside as what may crash the process.

    Here none does: a replay sends each, so that the rest of the test sees all of them arrive.
    """
    for letter in (await client.get("deliveries?state=dead"))["deliveries"]:
        assert (letter["reason"], letter["rescues"] > SUSPECT_AFTER) == ("crashed_while_sent", True)
        status, _ = await client.call("POST", f"deliveries/{letter['id']}/replay")
        assert status == 202
    await until_settled(client, 60)
    assert (await client.get("deliveries?state=dead"))["deliveries"] == []


def assert_duplicates_were_in_flight(sink: HttpSink, lives: list[int], *, events: int) -> None:
    """`lives` holds how many requests had arrived when each life of the process had ended."""
    lives_of = defaultdict(list)
    for number, request in enumerate(sink.requests):
        lives_of[request.headers["webhook-id"]].append(bisect_right(lives, number))
    assert len(lives_of) == events, "each stored event is one delivery, with one id over all tries"
    in_flight = Counter()
    for seen in lives_of.values():
        assert len(set(seen)) == len(seen), "a process sends nothing twice"
        in_flight.update(seen[:-1])
    assert max(in_flight.values(), default=0) <= IN_FLIGHT
