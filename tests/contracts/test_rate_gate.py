"""A node's way to the limits of a store: many asks at once, who goes first, and what is remembered."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Unavailable
from gateway.domain.noise import RateLimit
from gateway.pipeline.rate import RateGate
from gateway.ports import RateGrant, Store
from tests.fakes.clock import FakeClock

LIMIT = RateLimit(events=5, seconds=10.0)


async def test_of_those_who_ask_together_the_most_severe_get_room(store: Store, clock: FakeClock):
    gate = RateGate(store.rates, clock)
    answers = await asyncio.gather(*(gate.enter("one", LIMIT, rank=number % 4) for number in range(20)))
    assert Counter(number % 4 for number, until in enumerate(answers) if not until) == {3: 5}
    until = {answer for answer in answers if answer}
    assert until == {clock.now() + 10.5}, "a twentieth longer, for what arrives late"
    assert gate.exhausted("one") == gate.waits("one") == clock.now() + 10.5
    assert gate.was_full("one") and not gate.was_full("one")
    assert await gate.enter("other", LIMIT) == 0
    await gate.close()


async def test_nobody_asks_a_store_that_has_said_when(store: Store, clock: FakeClock, monkeypatch):
    gate = RateGate(store.rates, clock)
    await asyncio.gather(*(gate.enter("one", LIMIT) for _ in range(6)))
    asked = []
    monkeypatch.setattr(type(store.rates), "take", lambda *_: asked.append(1))
    assert await gate.enter("one", LIMIT) == clock.now() + 10.5
    assert asked == []
    monkeypatch.undo()
    clock.advance(10.6)
    assert gate.exhausted("one") == 0 and await gate.enter("one", LIMIT) == 0


async def test_who_comes_while_others_are_in_line_waits_although_there_is_room(
    store: Store, clock: FakeClock
):
    gate = RateGate(store.rates, clock)
    gate.line_up("one", clock.now() + 1)
    assert gate.waits("one") == clock.now() + 1 and gate.exhausted("one") == 0
    assert await gate.enter("one", LIMIT) == 0
    clock.advance(2)
    assert gate.waits("one") == 0


async def test_a_store_that_does_not_answer_gives_no_room_and_the_next_ask_goes_to_it(
    store: Store, clock: FakeClock, monkeypatch
):
    gate = RateGate(store.rates, clock)

    async def take(*_):
        raise Unavailable("store_busy", "not now")

    with monkeypatch.context() as context:
        context.setattr(type(store.rates), "take", take)
        for failure in await asyncio.gather(
            *(gate.enter("one", LIMIT) for _ in range(3)), return_exceptions=True
        ):
            assert isinstance(failure, Unavailable)
    assert await gate.enter("one", LIMIT) == 0


async def test_who_gives_up_waiting_takes_nobody_with_him(store: Store, clock: FakeClock):
    gate = RateGate(store.rates, clock)
    first, second = (asyncio.ensure_future(gate.enter("one", LIMIT)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 0
    with pytest.raises(asyncio.CancelledError):
        await first
    await gate.close()


class Log:
    """Limits as they are promised, asked from one place."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.given = clock, list[tuple[str, float]]()

    async def take(self, asks):
        assert len({ask.stream for ask in asks}) == len(asks)
        grants = []
        for ask in asks:
            used = [
                at for name, at in self.given if name == ask.stream and at + ask.seconds > self.clock.now()
            ]
            tokens = min(ask.tokens, ask.limit - len(used))
            self.given += [(ask.stream, self.clock.now())] * tokens
            again = (used[0] if used else self.clock.now()) + ask.seconds
            grants.append(RateGrant(tokens, again if tokens < ask.tokens else 0.0))
        return grants


@given(st.lists(st.tuples(st.floats(0, 4), st.lists(st.sampled_from("ab"), max_size=8)), max_size=12))
def test_no_stretch_lets_more_through_than_the_limit(steps):
    async def played() -> list[tuple[str, float]]:
        clock = FakeClock()
        gate, passed = RateGate(Log(clock), clock), []
        for seconds, names in steps:
            clock.advance(seconds)
            answers = await asyncio.gather(*(gate.enter(name, LIMIT) for name in names))
            passed += [(name, clock.now()) for name, until in zip(names, answers, strict=True) if not until]
        await gate.close()
        return passed

    passed = asyncio.run(played())
    for name, at in passed:
        assert sum(one == name and at - LIMIT.seconds <= when <= at for one, when in passed) <= LIMIT.events
