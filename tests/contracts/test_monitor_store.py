"""What every store does with what monitors remember."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.monitor import MonitorState, Notice, Observation, Standing
from gateway.ports import StaleRoutingError, Store
from tests.contracts.conftest import House
from tests.contracts.ledger_values import INSTANCE, NOW, PROBLEM, append, entry


def watched(id: str, *observations: Observation, **more):
    return entry(id, **more)._replace(observations=observations)


def notice(id: str) -> Notice:
    return Notice(id, INSTANCE, f'{{"id": "{id}"}}'.encode())


async def waiting(store: Store):
    return [one.observation for one in await store.monitors.observations(100)]


async def test_observations_are_written_with_their_event_and_not_again(store: Store):
    first, second = Observation("m", "vm-1", True), Observation("n", "", value=1.5)
    event_id = (await append(store, watched("1", first, second), entry("2")))[0].event_id
    assert (await append(store, watched("1", first)))[0].duplicate
    await append(store, watched("3", first), watched("3", second))
    found = await store.monitors.observations(100)
    assert [one.observation for one in found] == [first, second, first]
    assert (found[0].event_id, found[0].at) == (event_id, NOW)
    assert await store.monitors.observations(1) == found[:1], "the oldest first"
    with pytest.raises(StaleRoutingError):
        await append(store, watched("4", first), routed_with=7)
    assert len(await waiting(store)) == 3


async def test_a_corrected_event_is_observed(store: Store):
    await append(store, entry("1", problems=(PROBLEM,)))
    assert await waiting(store) == []
    await append(store, watched("1", Observation("m", "a")))
    assert await waiting(store) == [Observation("m", "a")]


async def test_memory_is_written_with_what_it_took_and_what_it_says(store: Store):
    await append(store, watched("1", Observation("m", "a")), watched("2", Observation("m", "b")))
    one, two = await store.monitors.observations(100)
    standing = Standing(
        "m", "a", state=MonitorState.OK, last_seen=NOW, due=NOW + 5, wake_at=NOW + 5, before=0.5
    )
    assert await store.monitors.save([standing], taken=[one.number], notices=[notice("x"), notice("y")])
    assert await store.monitors.standings([("m", "a"), ("m", "b")]) == [replace(standing, revision=1)]
    assert await store.monitors.observations(100) == [two]
    assert await store.monitors.notices(100) == [notice("x"), notice("y")]
    await store.monitors.said(["x"])
    assert await store.monitors.notices(100) == [notice("y")]


async def test_who_comes_second_writes_nothing(store: Store):
    await append(store, watched("1", Observation("m", "a")))
    (seen,) = await store.monitors.observations(100)
    fresh, other = Standing("m", "a"), Standing("m", "c")
    assert await store.monitors.save([fresh], taken=[seen.number])
    assert not await store.monitors.save([other], taken=[seen.number], notices=[notice("x")]), "taken before"
    assert not await store.monitors.save([other, fresh], notices=[notice("x")]), "its revision is 1 by now"
    assert not await store.monitors.save([replace(fresh, revision=2)])
    assert await store.monitors.save([replace(fresh, revision=1, run=4)])
    assert [(one.revision, one.run) for one in await store.monitors.standings_of("m")] == [(2, 4)]
    assert await store.monitors.notices(100) == []


async def test_time_alone_decides_nothing_while_an_event_waits(store: Store):
    await store.monitors.save([Standing("m", "a"), Standing("m", "b")])
    await append(store, watched("1", Observation("m", "a")))
    overdue = Standing("m", "a", revision=1, state=MonitorState.MISSED)
    assert not await store.monitors.save([overdue], quiet=True)
    assert await store.monitors.save([replace(overdue, key="b")], quiet=True)
    assert [one.state for one in await store.monitors.standings_of("m")] == ["waiting", "missed"]


async def test_memories_are_found_by_key_and_by_time(store: Store):
    rows = [Standing("m", f"k{one}", wake_at=NOW + one if one % 2 else None) for one in range(10)]
    await store.monitors.save([*rows, Standing("other", "", state=MonitorState.OK)])
    keys = [one.key for one in await store.monitors.standings_of("m", limit=4)]
    assert keys == ["k0", "k1", "k2", "k3"]
    assert [one.key for one in await store.monitors.standings_of("m", after="k7")] == ["k8", "k9"]
    assert [one.key for one in await store.monitors.awake(NOW + 5, 2)] == ["k1", "k3"]
    assert [one.key for one in await store.monitors.awake(NOW + 5, 100)] == ["k1", "k3", "k5"]
    tally = await store.monitors.tally(["m", "other", "none"])
    assert (tally["m"], tally["other"], tally.get("none", {})) == ({"waiting": 10}, {"ok": 1}, {})


async def test_a_monitor_is_forgotten_but_for_what_it_has_to_say(store: Store):
    await append(store, watched("1", Observation("m", "a")), watched("2", Observation("n", "a")))
    await store.monitors.save([Standing("m", "a"), Standing("n", "a")], notices=[notice("x")])
    await store.monitors.forget("m")
    assert await waiting(store) == [Observation("n", "a")]
    assert await store.monitors.standings([("m", "a"), ("n", "a")]) == [Standing("n", "a", revision=1)]
    assert not await store.monitors.save([Standing("m", "a", revision=1)]), "it is gone"
    assert await store.monitors.notices(10) == [notice("x")]


async def test_a_long_silence_of_all_nodes_is_an_outage(house: House):
    store = await house.open()
    assert await store.monitors.alive(NOW, gap=5) == 0
    assert await store.monitors.alive(NOW + 4, gap=5) == 0
    await house.crash(store)
    again = await house.open()
    newest = await again.monitors.alive(NOW + 100, gap=5)
    assert newest > 0 and await again.monitors.alive(NOW + 102, gap=5) == newest
    assert await again.monitors.outages(0) == [(NOW + 4, NOW + 100)]
    assert await again.monitors.alive(NOW, gap=5) == newest, "a clock set back is no outage"
    await again.monitors.alive(NOW + 300, gap=5)
    assert await again.monitors.outages(NOW + 100) == [(NOW, NOW + 300)]
    await again.monitors.forget_outages(NOW + 200)
    assert await again.monitors.outages(0) == [(NOW, NOW + 300)]


async def test_memory_outlives_the_process(house: House):
    store = await house.open()
    await append(store, watched("1", Observation("m", "ä/1", True, 2.5)))
    await store.monitors.save([Standing("m", "a", last_event="e")], notices=[notice("x")])
    await house.crash(store)
    again = await house.open()
    assert await waiting(again) == [Observation("m", "ä/1", True, 2.5)]
    assert await again.monitors.standings_of("m") == [Standing("m", "a", revision=1, last_event="e")]
    assert await again.monitors.notices(10) == [notice("x")]


async def test_of_many_at_once_one_wins(store: Store):
    await append(store, *(watched(str(one), Observation("m", f"k{one}")) for one in range(20)))
    numbers = [one.number for one in await store.monitors.observations(100)]
    standings = [Standing("m", f"k{one}") for one in range(20)]
    won = await asyncio.gather(
        *(
            store.monitors.save(standings[:: 1 - 2 * (one % 2)], taken=numbers, notices=[notice(str(one))])
            for one in range(6)
        )
    )
    assert won.count(True) == 1
    assert len(await store.monitors.notices(10)) == 1 and await waiting(store) == []
