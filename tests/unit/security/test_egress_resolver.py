"""The resolver: what it remembers, what it shares, and that nobody waits behind a dead name."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from gateway.security.egress import NameUnresolved, SystemResolver
from gateway.security.egress.resolver import FAILURE_TTL, MAX_LOOKUPS, MAX_NAMES, TTL


class MovedClock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class Names:
    """A lookup function that counts; names that begin with `dead` block until released."""

    def __init__(self, answers: dict[str, tuple[str, ...]] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []
        self.release = threading.Event()

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if host.startswith("dead"):
            self.release.wait(10)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.answers[host]


async def test_an_answer_is_remembered_for_its_time():
    clock, names = MovedClock(), Names({"a.test": ("192.0.2.1",)})
    resolver = SystemResolver(clock, names)
    assert await resolver.resolve("a.test") == ("192.0.2.1",)
    names.answers["a.test"] = ("192.0.2.2",)
    clock.time += TTL - 1
    assert await resolver.resolve("a.test") == ("192.0.2.1",)
    clock.time += 1
    assert await resolver.resolve("a.test") == ("192.0.2.2",)
    assert names.asked == ["a.test", "a.test"]


async def test_a_failure_is_remembered_only_briefly():
    clock, names = MovedClock(), Names()
    resolver = SystemResolver(clock, names)
    for _ in range(2):
        with pytest.raises(NameUnresolved, match="the name cannot be resolved"):
            await resolver.resolve("a.test")
    assert len(names.asked) == 1
    names.answers["a.test"] = ("192.0.2.1",)
    clock.time += FAILURE_TTL
    assert await resolver.resolve("a.test") == ("192.0.2.1",)


async def test_a_name_without_addresses_is_a_failure():
    with pytest.raises(NameUnresolved, match="no address"):
        await SystemResolver(MovedClock(), Names({"a.test": ()})).resolve("a.test")


@pytest.mark.parametrize(
    "error", [UnicodeError("label too long"), ValueError("embedded null"), RuntimeError("?")]
)
async def test_whatever_the_lookup_raises_is_an_unresolved_name(error):
    def lookup(host: str):
        raise error

    with pytest.raises(NameUnresolved):
        await SystemResolver(MovedClock(), lookup).resolve("a.test")


async def test_concurrent_questions_for_one_name_share_one_lookup():
    names = Names({"dead.test": ("192.0.2.1",)})
    resolver = SystemResolver(MovedClock(), names)
    waiting = [asyncio.create_task(resolver.resolve("dead.test")) for _ in range(50)]
    await asyncio.sleep(0)
    names.release.set()
    assert set(await asyncio.gather(*waiting)) == {("192.0.2.1",)}
    assert names.asked == ["dead.test"]


async def test_dead_names_hold_up_nobody_else():
    names = Names({f"alive{i}.test": ("192.0.2.1",) for i in range(8)})
    resolver = SystemResolver(MovedClock(), names)
    dead = [asyncio.create_task(resolver.resolve(f"dead{i}.test")) for i in range(40)]
    await asyncio.sleep(0)
    for i in range(8):
        assert await resolver.resolve(f"alive{i}.test")
    assert not any(task.done() for task in dead)
    names.release.set()
    assert all(
        isinstance(error, NameUnresolved) for error in await asyncio.gather(*dead, return_exceptions=True)
    )


async def test_a_caller_that_gives_up_leaves_the_answer_to_the_next():
    names = Names({"dead.test": ("192.0.2.1",)})
    resolver = SystemResolver(MovedClock(), names)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await resolver.resolve("dead.test")
    again = asyncio.create_task(resolver.resolve("dead.test"))
    await asyncio.sleep(0)
    names.release.set()
    assert await again == ("192.0.2.1",)
    assert names.asked == ["dead.test"]


async def test_lookups_under_way_are_bounded():
    names = Names()
    resolver = SystemResolver(MovedClock(), names)
    dead = [asyncio.create_task(resolver.resolve(f"dead{i}.test")) for i in range(MAX_LOOKUPS)]
    await asyncio.sleep(0)
    with pytest.raises(NameUnresolved, match="too many"):
        await resolver.resolve("one-more.test")
    names.release.set()
    await asyncio.gather(*dead, return_exceptions=True)


async def test_remembered_names_are_bounded():
    resolver = SystemResolver(MovedClock(), lambda host: ("192.0.2.1",))
    for i in range(MAX_NAMES + 5):
        await resolver.resolve(f"{i}.test")
    assert len(resolver._known) == MAX_NAMES
    assert "0.test" not in resolver._known


async def test_closing_answers_those_who_wait():
    names = Names()
    resolver = SystemResolver(MovedClock(), names)
    waiting = asyncio.create_task(resolver.resolve("dead.test"))
    await asyncio.sleep(0)
    await resolver.close()
    with pytest.raises(NameUnresolved, match="closed"):
        await waiting
    names.release.set()
