"""More than is kept in memory: it waits in the store and goes out all the same, each once."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import GatewayProcess, cloudevent
from tests.waiting import until, until_async

MIB = 1 << 20
EVENTS, SIZE = 40, 256 << 10


async def test_large_events_for_a_slow_receiver_wait_in_the_store(tmp_path: Path, sink: HttpSink):
    gateway = GatewayProcess(tmp_path, lanes_memory_bytes=MIB, max_body_bytes=MIB)
    await gateway.start()
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            sink.answer(*[Reply(delay=2.0)] * 4)
            for number in range(EVENTS):
                status, _ = await client.send(cloudevent(f"e-{number}", data="x" * SIZE), route["source"])
                assert status == 202
            waiting = (await client.get("deliveries?state=pending&limit=100"))["deliveries"]
            assert len(waiting) > EVENTS // 2, "memory has room for three"
            await until(lambda: len(sink.requests) == EVENTS, 30)

            async def delivered() -> bool:
                rows = (await client.get("deliveries?state=delivered&limit=100"))["deliveries"]
                return len(rows) == EVENTS

            await until_async(delivered)
            assert len({one.headers["webhook-id"] for one in sink.requests}) == EVENTS
    finally:
        gateway.close()
