"""Noise policies over a store: what is held, until when, and what the receiver gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.delivery import State
from gateway.domain.noise import (
    Digest,
    DuplicateWindow,
    Frequency,
    Grouping,
    NoisePolicy,
    QuietHours,
    RateLimit,
)
from tests.contracts.conftest import House
from tests.contracts.noisy_gateway import LATER, Noisy, subscription, topic, webhook
from tests.fakes.clock import FakeClock
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.ntfy_rules import answer

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 86_400.0


def berlin(*when: int) -> float:
    return datetime(*when, tzinfo=BERLIN).timestamp()  # type: ignore[misc,arg-type]


@pytest.fixture
async def noisy(house: House, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Noisy]:
    async with HttpSink() as sink:
        made = Noisy(house, clock, sink, tmp_path)
        yield made
        await made.close()


def several(noisy: Noisy, request: pytest.FixtureRequest) -> int:
    """How many gateways a store has."""
    return 2 if "postgres" in request.node.name else 1


async def test_a_digest_is_told_at_its_time_across_summer_time_and_a_restart(noisy: Noisy, clock: FakeClock):
    clock.set_now(berlin(2026, 3, 28, 10))
    digest = Digest("severity in (info, notice)", time="09:00", zone="Europe/Berlin")
    await noisy.open(topic(NoisePolicy(digest=digest)), subscription())
    await noisy.send("a", "b", severity="info", outcome="ok", resource="vm/1")
    await noisy.send("bad", severity="error")
    await noisy.come_to(held=2, delivered=1)
    held = await noisy.deliveries(State.HELD)
    assert {one.reason for one in held} == {"digest"}
    await noisy.pass_time(berlin(2026, 3, 29, 8, 59) - clock.now())
    await noisy.rounds()
    assert noisy.ids == ["bad"]
    await noisy.close()
    noisy.gateways.clear()
    await noisy.open()
    await noisy.pass_time(60 + LATER)
    await noisy.come_to(delivered=2, folded=2)
    assert noisy.ids == ["bad", "2 events since yesterday 09:00: 2 ok"]
    told = noisy.heard[-1]
    assert told["severity"] == "info" and told["data"]["total"] == 2
    assert told["data"]["period"] == {"from": "2026-03-28T08:00:00Z", "to": "2026-03-29T07:00:00Z"}
    assert [item["event_id"] for item in told["data"]["items"]] == [one.event_id for one in held]
    folded = await noisy.deliveries(State.FOLDED)
    (into,) = [
        one.id for one in await noisy.deliveries(State.DELIVERED) if one.event_id != folded[0].event_id
    ][1:]
    assert {one.reason for one in folded} == {f"folded_into:{into}"}


async def test_a_digest_says_what_changed_and_empty_ones_only_where_wanted(noisy: Noisy, clock: FakeClock):
    clock.set_now(berlin(2026, 11, 20, 10))
    digest = Digest(time="09:00", zone="Europe/Berlin", empty=True)
    await noisy.open(replace(topic(NoisePolicy(digest=digest)), updated_at=clock.now()), subscription())
    await noisy.send("1", severity="error", outcome="failed", resource="db")
    await noisy.send("2", severity="error", outcome="failed", resource="web")
    await noisy.come_to(held=2)
    await noisy.pass_time(DAY)
    await noisy.come_to(delivered=1, folded=2)
    await noisy.send("3", outcome="ok", resource="db")
    await noisy.send("4", outcome="failed", resource="mail")
    await noisy.come_to(delivered=1, folded=2, held=2)
    await noisy.pass_time(DAY)
    await noisy.come_to(delivered=2, folded=4)
    await noisy.pass_time(DAY)
    await noisy.come_to(delivered=3, folded=4)
    changes = [one["data"]["changes"] for one in noisy.heard]
    assert changes == [
        {"newly_failing": ["db", "web"], "recovered": [], "still_failing": []},
        {"newly_failing": ["mail"], "recovered": ["db"], "still_failing": ["web"]},
        {"newly_failing": [], "recovered": [], "still_failing": ["web", "mail"]},
    ]
    assert noisy.ids[-1] == "Nothing happened since yesterday 09:00"


@pytest.mark.parametrize("frequency", Frequency)
async def test_each_event_is_in_exactly_one_digest_of_several_nodes(
    noisy: Noisy, clock: FakeClock, request: pytest.FixtureRequest, frequency: Frequency
):
    digest = Digest(frequency=frequency, time="09:30")
    await noisy.open(topic(NoisePolicy(digest=digest)), subscription())
    for _ in range(1, several(noisy, request)):
        await noisy.open()
    told = 0
    for period in range(3):
        names = [f"{period}-{number}" for number in range(40)]
        halves = [names[:20], names[20:]]
        await asyncio.gather(
            *(noisy.send(*half, by=number % len(noisy.gateways)) for number, half in enumerate(halves))
        )
        await noisy.pass_time({"hourly": 3600, "daily": DAY, "weekly": 7 * DAY}[frequency.value])
        await asyncio.gather(*(noisy.rounds() for _ in range(3)))
        told += 40
        await noisy.come_to(delivered=period + 1, folded=told)
    assert [one["data"]["total"] for one in noisy.heard] == [40, 40, 40]
    items = [item["event_id"] for one in noisy.heard for item in one["data"]["items"]]
    assert len(set(items)) == 120


async def test_quiet_hours_hold_until_their_end_and_let_critical_through(noisy: Noisy, clock: FakeClock):
    clock.set_now(berlin(2026, 10, 24, 22, 30))
    quiet = QuietHours(zone="Europe/Berlin")
    await noisy.open(topic(NoisePolicy(quiet_hours=quiet)), subscription())
    await noisy.send("late", severity="error")
    await noisy.send("worst", severity="critical")
    await noisy.come_to(held=1, delivered=1)
    await noisy.pass_time(berlin(2026, 10, 25, 6, 59) - clock.now())
    await noisy.rounds()
    assert noisy.ids == ["worst"]
    await noisy.pass_time(61)
    await noisy.come_to(delivered=2)
    assert noisy.ids == ["worst", "late"]


async def test_a_retry_within_quiet_hours_waits_for_their_end(noisy: Noisy, clock: FakeClock):
    clock.set_now(berlin(2026, 11, 20, 21, 59))
    await noisy.open(topic(NoisePolicy(quiet_hours=QuietHours(zone="Europe/Berlin"))), subscription())
    noisy.sink.answer(Reply(503))
    await noisy.send("1", severity="error")
    await noisy.come_to(pending=1)
    await noisy.pass_time(3600)
    await noisy.come_to(held=1)
    (held,) = await noisy.deliveries()
    assert (held.reason, held.attempts) == ("quiet_hours", 1)
    await noisy.pass_time(9 * 3600)
    await noisy.come_to(delivered=1)


async def test_quiet_hours_can_end_with_one_message(noisy: Noisy, clock: FakeClock):
    clock.set_now(berlin(2026, 11, 20, 23))
    await noisy.open(
        topic(NoisePolicy(quiet_hours=QuietHours(zone="Europe/Berlin", fold=True))), subscription()
    )
    await noisy.send("1", "2", "3", severity="error", outcome="failed")
    await noisy.come_to(held=3)
    await noisy.pass_time(8 * 3600)
    await noisy.come_to(delivered=1, folded=3)
    assert noisy.ids == ["3 events in quiet hours since yesterday 23:00: 3 failed"]


async def test_a_burst_is_one_message_and_one_alone_is_itself(noisy: Noisy):
    await noisy.open(topic(NoisePolicy(grouping=Grouping(30.0, ("resource",)))), subscription())
    await noisy.send("a1", "a2", "a3", resource="a")
    await noisy.send("b1", resource="b")
    await noisy.come_to(held=4)
    await noisy.pass_time(20)
    await noisy.send("a4", resource="a")
    await noisy.come_to(held=5)
    await noisy.pass_time(11)
    await noisy.come_to(delivered=2, folded=4)
    assert sorted(noisy.ids) == ["4 events within 20 s: 4 failed", "b1"]


async def test_what_the_policy_does_not_hold_any_more_goes_out(noisy: Noisy):
    await noisy.open(topic(NoisePolicy(digest=True)), subscription())
    await noisy.send("1", "2")
    await noisy.come_to(held=2)
    await noisy.put(topic())
    await noisy.come_to(delivered=2)


async def test_what_is_held_for_a_disabled_destination_waits_for_it(noisy: Noisy):
    await noisy.open(topic(NoisePolicy(grouping=True)), subscription())
    await noisy.send("1", "2")
    await noisy.come_to(held=2)
    await noisy.put(webhook(noisy.sink, enabled=False))
    await noisy.pass_time(40)
    await noisy.rounds()
    assert await noisy.states() == {"held": 2}
    await noisy.put(webhook(noisy.sink))
    await noisy.pass_time(40)
    await noisy.come_to(delivered=1, folded=2)


async def test_ten_thousand_times_the_same_is_one_message_and_the_next_says_how_many(noisy: Noisy):
    await noisy.open(topic(NoisePolicy(duplicates=DuplicateWindow(300.0))), subscription())
    await noisy.send(*(str(number) for number in range(10_000)), resource="db", severity="error")
    await noisy.come_to(60, delivered=1, suppressed=9_999)
    await noisy.send("well", resource="db", outcome="ok")
    await noisy.come_to(delivered=2, suppressed=9_999)
    await noisy.pass_time(301)
    await noisy.send("again", resource="db", severity="error")
    await noisy.come_to(delivered=3, suppressed=9_999)
    assert noisy.ids == ["0", "well", "again"]


async def test_ten_thousand_different_failures_are_as_many_messages_as_may_be_and_one_with_the_rest(
    noisy: Noisy,
):
    limit = RateLimit(events=60, seconds=60.0, fold=True)
    await noisy.open(topic(NoisePolicy(rate_limit=limit)), subscription())
    await noisy.send(*(str(number) for number in range(10_000)), severity="error", outcome="failed")
    await noisy.come_to(60, delivered=60, held=9_940)
    await noisy.pass_time(64)
    await noisy.come_to(60, delivered=61, folded=9_940)
    assert noisy.ids[-1].startswith("9,940 events over the rate limit since ")
    assert noisy.ids[-1].endswith(": 9,940 failed")


async def test_what_is_over_the_limit_goes_out_in_order_of_severity_and_never_too_fast(
    noisy: Noisy, clock: FakeClock, request: pytest.FixtureRequest
):
    limit = RateLimit(events=5, seconds=10.0)
    await noisy.open(topic(NoisePolicy(rate_limit=limit)), subscription())
    for _ in range(1, several(noisy, request)):
        await noisy.open()
    await noisy.send("0", "1", "2", "3", "4", severity="info")
    await noisy.come_to(delivered=5)
    last = len(noisy.gateways) - 1
    await noisy.send(*(f"info-{number}" for number in range(5)), severity="info", by=last)
    await noisy.send(*(f"bad-{number}" for number in range(5)), severity="critical")
    await noisy.come_to(delivered=5, held=10)
    arrived: list[tuple[float, str]] = []
    while len(noisy.ids) < 15:
        before = len(noisy.ids)
        await noisy.pass_time(0.5)
        await noisy.rounds()
        await asyncio.sleep(0.1)
        arrived += [(clock.now(), one) for one in noisy.ids[before:]]
        assert clock.now() < 1_800_000_100
    for at, _ in arrived:
        assert sum(at - 10.0 <= other <= at for other, _ in arrived) <= 5
    order = [one.split("-")[0] for _, one in arrived]
    assert order == ["bad"] * 5 + ["info"] * 5


async def test_an_event_of_two_topics_goes_to_one_target_once(noisy: Noisy):
    once = NoisePolicy(once_per_target=True)
    await noisy.open(topic(once), topic(once, "u"), subscription(), subscription("y", "u"))
    await noisy.send("1")
    await noisy.come_to(delivered=1, suppressed=1)
    (needless,) = await noisy.deliveries(State.SUPPRESSED)
    (sent,) = await noisy.deliveries(State.DELIVERED)
    assert needless.reason == f"same_target:{sent.id}"


async def test_a_changed_digest_time_holds_for_what_waits_already(noisy: Noisy, clock: FakeClock):
    clock.set_now(berlin(2026, 11, 20, 8))
    digest = Digest(time="18:00", zone="Europe/Berlin")
    await noisy.open(topic(NoisePolicy(digest=digest)), subscription())
    await noisy.send("1", "2")
    await noisy.come_to(held=2)
    await noisy.put(topic(NoisePolicy(digest=replace(digest, time="09:00"))))
    await noisy.rounds()
    await noisy.pass_time(3600 + LATER)
    await noisy.come_to(delivered=1, folded=2)


async def test_a_person_is_told_how_many_like_it_were_suppressed(noisy: Noisy):
    noisy.sink.usual = Reply(body=answer())
    ntfy = replace(webhook(noisy.sink), kind="ntfy", config={"url": noisy.sink.url(""), "topic": "b"})
    await noisy.open(ntfy, topic(NoisePolicy(duplicates=DuplicateWindow(60.0))), subscription())
    await noisy.send(*(str(number) for number in range(38)), title="The disk is full")
    await noisy.come_to(delivered=1, suppressed=37)
    await noisy.pass_time(61)
    await noisy.send("again", title="The disk is full")
    await noisy.come_to(delivered=2, suppressed=37)
    first, second = (one["message"] for one in noisy.heard)
    assert "+37 like this" not in first and "+37 like this" in second


async def test_more_than_one_message_may_tell_of_is_told_by_several(noisy: Noisy, monkeypatch):
    monkeypatch.setattr("gateway.service.keeping.MOST_FOLDED", 20)
    monkeypatch.setattr("gateway.service.keeping.ROWS", 10)
    await noisy.open(topic(NoisePolicy(grouping=True)), subscription())
    await noisy.send(*(str(number) for number in range(45)), outcome="failed")
    await noisy.come_to(held=45)
    await noisy.pass_time(31)
    await noisy.come_to(delivered=3, folded=45)
    assert sorted(one["data"]["total"] for one in noisy.heard) == [5, 20, 20]


async def test_a_message_that_is_over_the_limit_in_its_turn_is_told_within_the_next(noisy: Noisy):
    limit = RateLimit(events=1, seconds=100.0, fold=True)
    grouped = NoisePolicy(grouping=Grouping(10.0, ("resource",)), rate_limit=limit)
    await noisy.open(topic(grouped), subscription())
    for resource in "abc":
        await noisy.send(*(f"{resource}{number}" for number in range(4)), resource=resource, outcome="failed")
    await noisy.come_to(held=12)
    await noisy.pass_time(11)
    await noisy.come_to(delivered=1, folded=12, held=2)
    await noisy.pass_time(102)
    await noisy.come_to(delivered=2, folded=14)
    first, second = noisy.heard
    assert (first["data"]["total"], second["data"]["total"]) == (4, 8)
    told = [item["event_id"] for one in (first, second) for item in one["data"]["items"]]
    assert len(told) == len(set(told)) == 12
