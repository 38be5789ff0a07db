"""What every store does with what is remembered of polled sources."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.domain.polling import Poll
from gateway.domain.vocabulary import Outcome
from gateway.ports import Store
from tests.contracts.conftest import House
from tests.contracts.ledger_values import NOW


async def claim(store: Store, *ids: str, now: float = NOW, limit: int = 10):
    found = await store.polls.claim(ids, now=now, until=now + 60, limit=limit)
    return sorted(found, key=lambda one: one.source_id)


async def test_a_new_source_is_due_at_once_and_then_somebodys(store: Store):
    await store.polls.keep({"a": NOW + 600, "b": NOW + 600}, NOW)
    assert await claim(store, "a", "b") == [Poll("a", 1), Poll("b", 1)]
    assert await claim(store, "a", "b", now=NOW + 59) == []
    assert await claim(store, "a", now=NOW + 60) == [Poll("a", 2)], "who claimed it first never came back"
    assert await store.polls.of("b") == Poll("b", 1)
    assert await store.polls.of("c") is None


async def test_only_those_that_are_named_are_claimed_the_longest_overdue_first(store: Store):
    for number, one in enumerate("abcd"):
        await store.polls.keep({one: NOW + 600}, NOW - 9 + number)
    assert [one.source_id for one in await claim(store, "b", "c", "d", "e", limit=2)] == ["b", "c"]
    assert [one.source_id for one in await claim(store, "a", "d")] == ["a", "d"]
    assert await claim(store) == []


async def test_what_is_written_is_read_again(store: Store):
    await store.polls.keep({"a": NOW + 600}, NOW)
    (claimed,) = await claim(store, "a")
    known = replace(
        claimed,
        watched="w",
        settled="2xx UP",
        outcome=Outcome.OK,
        since=NOW - 1.5,
        candidate="unreached",
        candidate_outcome=Outcome.FAILED,
        seen=2,
        first_at=NOW,
        changes=3,
        asked_at=NOW,
        shown='{"status":200,"body":"\u00fc\U0001f4a5"}',
        untold='{"change":3}',
    )
    assert await store.polls.save(known, NOW + 10)
    assert await store.polls.of("a") == replace(known, revision=2)
    assert await claim(store, "a", now=NOW + 9.9) == []
    assert await claim(store, "a", now=NOW + 10) == [replace(known, revision=3)]


async def test_who_was_overtaken_writes_nothing(store: Store):
    await store.polls.keep({"a": NOW + 600}, NOW)
    (slow,) = await claim(store, "a")
    (fast,) = await claim(store, "a", now=NOW + 60)
    assert not await store.polls.save(replace(slow, settled="late"), NOW)
    assert await store.polls.save(replace(fast, settled="in time"), NOW + 90)
    assert not await store.polls.save(replace(fast, settled="twice"), NOW)
    assert await store.polls.of("a") == replace(fast, revision=3, settled="in time")


async def test_a_shorter_period_and_a_clock_that_was_set_back_hasten(store: Store):
    await store.polls.keep({"a": NOW + 600}, NOW)
    (claimed,) = await claim(store, "a")
    await store.polls.save(claimed, NOW + 80_000)
    await store.polls.keep({"a": NOW + 90_000}, NOW)
    assert await claim(store, "a", now=NOW + 79_999) == [], "it is due before that anyway"
    await store.polls.keep({"a": NOW + 30}, NOW)
    assert await claim(store, "a", now=NOW + 30) == [Poll("a", 3)]


async def test_what_is_forgotten_is_not_written_again(store: Store):
    await store.polls.keep({"a": NOW + 600, "b": NOW + 600}, NOW)
    claimed, _ = await claim(store, "a", "b")
    await store.polls.forget(["a", "none"])
    assert await store.polls.of("a") is None
    assert await store.polls.of("b") is not None
    assert not await store.polls.save(claimed, NOW)


async def test_of_several_at_once_one_gets_each(house: House, request):
    one = await house.open()
    two = await house.open() if "postgres" in request.node.name else one
    ids = [f"s{number:02}" for number in range(40)]
    await asyncio.gather(*(store.polls.keep(dict.fromkeys(ids, NOW + 600), NOW) for store in (one, two)))
    found = await asyncio.gather(*(claim(store, *ids, limit=15) for store in (one, two) * 4))
    assert sorted(poll.source_id for polls in found for poll in polls) == ids


async def test_a_memory_survives_a_crash(house: House):
    store = await house.open()
    await store.polls.keep({"a": NOW + 600}, NOW)
    (claimed,) = await claim(store, "a")
    await store.polls.save(replace(claimed, untold="x"), NOW + 5)
    await house.crash(store)
    reopened = await house.open()
    assert [one.untold for one in await claim(reopened, "a", now=NOW + 5)] == ["x"]
