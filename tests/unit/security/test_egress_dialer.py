"""The dialer before it dials: what it refuses without ever opening a socket."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.security.egress import BlockedAddress, Dialer, EgressPolicy, NameUnresolved
from gateway.security.egress import dialer as module


class Answers:
    """A resolver with prepared answers, each given once."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str) -> tuple[str, ...]:
        return self.answers.pop(0)

    async def close(self) -> None:
        pass


class Silence:
    async def resolve(self, host: str) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    async def close(self) -> None:
        pass


@pytest.fixture
def dialled(monkeypatch):
    """The addresses that would have been dialled; every one of them refuses."""
    seen: list[tuple[str, int]] = []

    async def connect(address: str, port: int, deadline: float):
        seen.append((address, port))
        raise module.DialFailed(f"{address}: connection refused")

    monkeypatch.setattr(module, "_connect", connect)
    return seen


async def test_an_address_is_checked_without_asking_the_resolver(dialled):
    for literal in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"):
        with pytest.raises(BlockedAddress):
            await Dialer(EgressPolicy(), Answers()).open(literal, 443, 1)
    assert dialled == []


async def test_a_name_is_blocked_when_all_its_addresses_are(dialled):
    resolver = Answers(("10.0.0.1", "fd00::1"))
    with pytest.raises(BlockedAddress, match=r"10\.0\.0\.1:443"):
        await Dialer(EgressPolicy(), resolver).open("internal.test", 443, 1)
    assert dialled == []


async def test_only_the_permitted_addresses_of_a_name_are_dialled(dialled):
    resolver = Answers(("fd00::1", "1.1.1.1", "127.0.0.1", "2606:4700::1"))
    with pytest.raises(module.DialFailed):
        await Dialer(EgressPolicy(), resolver).open("split.test", 443, 1)
    assert dialled == [("1.1.1.1", 443), ("2606:4700::1", 443)]


async def test_an_answer_that_changes_between_two_calls_is_checked_each_time(dialled):
    dialer = Dialer(EgressPolicy(), Answers(("1.1.1.1",), ("127.0.0.1",)))
    with pytest.raises(module.DialFailed):
        await dialer.open("rebinding.test", 443, 1)
    with pytest.raises(BlockedAddress):
        await dialer.open("rebinding.test", 443, 1)
    assert dialled == [("1.1.1.1", 443)]


async def test_a_thousand_addresses_are_four_tries_of_both_families(dialled):
    many = tuple(f"2606:4700::{i:x}" for i in range(1, 500)) + tuple(
        f"1.1.{i // 250}.{i % 250}" for i in range(500)
    )
    with pytest.raises(module.DialFailed):
        await Dialer(EgressPolicy(), Answers(many)).open("many.test", 443, 1)
    assert [address for address, _ in dialled] == ["2606:4700::1", "1.1.0.0", "2606:4700::2", "1.1.0.1"]


async def test_a_scoped_address_out_of_the_resolver_is_refused(dialled):
    with pytest.raises(BlockedAddress):
        await Dialer(EgressPolicy.parse("[fe80::]/10"), Answers(("fe80::1%eth0",))).open("link.test", 443, 1)
    assert dialled == []


async def test_a_name_without_addresses_fails(dialled):
    with pytest.raises(NameUnresolved):
        await Dialer(EgressPolicy(), Answers(())).open("empty.test", 443, 1)


async def test_a_lookup_that_never_ends_is_bounded_by_the_timeout():
    with pytest.raises(NameUnresolved, match="too long"):
        await Dialer(EgressPolicy(), Silence()).open("silent.test", 443, 0.01)


async def test_the_services_of_the_dialer_decide_on_low_ports(dialled):
    mail = Dialer(EgressPolicy(), Answers(), services=module.MAIL_SERVICES)
    with pytest.raises(module.DialFailed):
        await mail.open("1.1.1.1", 587, 1)
    with pytest.raises(BlockedAddress):
        await mail.open("1.1.1.1", 443, 1)
    assert dialled == [("1.1.1.1", 587)]


async def test_a_socket_that_cannot_be_made_is_a_failed_dial(monkeypatch):
    def no_socket(*args):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(module.DialFailed, match="too many open files"):
        await Dialer(EgressPolicy(), Answers()).open("1.1.1.1", 443, 1)
