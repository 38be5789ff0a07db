"""What is tried at all: only what this node holds, and by no older configuration than routed it."""

from __future__ import annotations

import pytest

from gateway.domain.delivery import AcceptedEvent, Claim, State
from gateway.domain.event import Event
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.counts import Counts
from gateway.pipeline.flow import CONFIGURATION_BEHIND, Dispatch
from gateway.pipeline.snapshot import Current, build
from gateway.pipeline.told import Told
from gateway.ports import Configuration
from gateway.telemetry.metrics import Metrics
from tests.fakes.clock import FakeClock

EVENT = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})


class Ledger:
    """Notes what is settled."""

    owner = "me"

    def __init__(self):
        self.settled = []

    def holds(self, claim):
        return claim.owner == self.owner

    async def settle(self, settlement):
        self.settled.append(settlement)
        return True


def claim(version, owner="me"):
    accepted = AcceptedEvent("e", "i", "s", EVENT, Vocabulary(), 0.0, version)
    return Claim("d", 1, accepted, "t", "sub", "dest", owner=owner)


@pytest.fixture
def current():
    return Current(build(Configuration(5, ()), ""))


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def dispatch(current, ledger):
    clock, metrics = FakeClock(), Metrics()
    told = Told(metrics, Counts(clock, metrics), None, None, None)
    return Dispatch(current, ledger, None, clock, told, gate=None, leading=None, on_gone=None)


async def test_what_this_node_does_not_hold_any_more_is_left_alone(dispatch, ledger):
    assert await dispatch.deliver(claim(5, owner="before")) is None
    assert ledger.settled == []


async def test_what_a_newer_configuration_routed_is_given_back_and_not_cancelled(dispatch, current, ledger):
    asked = []

    async def reload():
        asked.append(current.snapshot.version)

    current.reload = reload
    tried = await dispatch.deliver(claim(6))
    (given_back,) = ledger.settled
    assert (given_back.state, given_back.reason) == (State.PENDING, CONFIGURATION_BEHIND)
    assert tried.due_at == given_back.due_at
    assert asked == [5]


async def test_the_newer_configuration_is_read_before_anything_is_decided(dispatch, current, ledger):
    async def reload():
        current.replace(build(Configuration(6, ()), ""))

    current.reload = reload
    assert await dispatch.deliver(claim(6)) is None
    assert [one.state for one in ledger.settled] == [State.CANCELLED], "now it is known to be gone"
