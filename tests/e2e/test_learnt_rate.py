"""A lane keeps to the rate that its receiver told in its last answers."""

from __future__ import annotations

import time
from itertools import pairwise

from tests.fakes.http_sink import HttpSink, Received, Reply
from tests.harness import Client, cloudevent
from tests.waiting import until, until_async

TOLD = {"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "0.8"}


class TimedSink(HttpSink):
    """Notes when each request arrived."""

    def __init__(self) -> None:
        super().__init__(Reply(headers=TOLD, body=b'{"id": "1"}'))
        self.times: list[float] = []

    def record(self, request: Received) -> None:
        super().record(request)
        self.times.append(time.monotonic())


async def test_what_an_answer_tells_of_the_rate_holds_for_what_comes_after_it(tenant: Client):
    async with TimedSink() as sink:
        source = await tenant.create("sources", name="source")
        topic = await tenant.create("topics", name="topic", sources=[{"id": source["id"], "rules": [{}]}])
        params = {"url": sink.url("/api/webhooks/1/x")}
        made = await tenant.create("destinations", name="d", type="discord", config={"params": params})
        await tenant.create(
            "subscriptions", name="s", topic_id=topic["id"], destination_id=made["id"], attributes={}
        )
        await tenant.send(cloudevent("first"), source["id"])

        async def learnt() -> bool:
            rows = (await tenant.get("deliveries"))["deliveries"]
            return [row["state"] for row in rows] == ["delivered"]

        await until_async(learnt, 10)
        for number in range(6):
            await tenant.send(cloudevent(f"later {number}"), source["id"])
        await until(lambda: len(sink.times) == 7, 30)
    later = sink.times[1:]
    for first, third in pairwise(later[::2]):
        assert third - first > 0.6, "two in 0.8 seconds, give or take the way"
