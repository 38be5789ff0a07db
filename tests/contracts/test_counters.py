"""What every store does with counts by day."""

from __future__ import annotations

from gateway.domain.counting import Count, Counted
from gateway.ports import Store
from tests.contracts.conftest import House


def _sorted(counts):
    return sorted(tuple(count) for count in counts)


async def test_counts_add_up_by_subject_day_and_what(store: Store):
    first = [
        Count("a", 10, Counted.MATCHED, 2),
        Count("a", 10, Counted.DEAD, 1),
        Count("a", 11, Counted.MATCHED, 5),
        Count("b", 10, Counted.MATCHED, 7),
    ]
    await store.counters.add(first)
    await store.counters.add([Count("a", 10, Counted.MATCHED, 40), Count("c", 10, Counted.MATCHED, 1)])
    assert _sorted(await store.counters.read(["a", "b"], 0)) == _sorted(
        [Count("a", 10, Counted.MATCHED, 42), *first[1:]]
    )
    assert _sorted(await store.counters.read(["a"], 11)) == [("a", 11, "matched", 5)]
    assert await store.counters.read([], 0) == [] and await store.counters.read(["nobody"], 0) == []


async def test_nothing_and_many_are_added(store: Store):
    await store.counters.add([])
    many = [Count(f"s{number}", number % 7, Counted.DELIVERED, number) for number in range(1000)]
    await store.counters.add(many)
    found = await store.counters.read([count.subject for count in many], 0)
    assert _sorted(found) == _sorted(many)


async def test_old_days_are_forgotten(store: Store):
    await store.counters.add([Count("a", day, Counted.SUPPRESSED, day) for day in (1, 2, 3)])
    await store.counters.forget(3)
    assert list(await store.counters.read(["a"], 0)) == [Count("a", 3, Counted.SUPPRESSED, 3)]


async def test_counts_outlive_the_process(house: House):
    store = await house.open()
    await store.counters.add([Count("a", 1, Counted.NOT_EVALUABLE, 3)])
    await house.crash(store)
    again = await house.open()
    assert list(await again.counters.read(["a"], 0)) == [Count("a", 1, Counted.NOT_EVALUABLE, 3)]
