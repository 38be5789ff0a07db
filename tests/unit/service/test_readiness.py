"""The store is asked once a second at most, however many want to know."""

import asyncio

from gateway.domain.errors import OutOfSpace
from gateway.service.readiness import FRESH_SECONDS, Readiness
from tests.fakes.clock import FakeClock


class Store:
    def __init__(self):
        self.asked, self.failure = 0, None

    async def check(self):
        self.asked += 1
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure


async def test_a_verdict_is_remembered_for_a_second():
    store, clock = Store(), FakeClock()
    readiness = Readiness(store, clock)
    assert await asyncio.gather(*(readiness.problem() for _ in range(20))) == [""] * 20
    store.failure = OutOfSpace("store_full", "the disk is full")
    assert await readiness.problem() == "" and store.asked == 1
    clock.advance(FRESH_SECONDS)
    assert await readiness.problem() == await readiness.problem() == "the disk is full"
    assert store.asked == 2
    store.failure = None
    clock.advance(FRESH_SECONDS)
    assert await readiness.problem() == ""
