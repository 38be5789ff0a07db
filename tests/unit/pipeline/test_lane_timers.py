"""When a lane that waits goes on: as soon as it may, whatever it waited for before."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.clock import SystemClock
from gateway.domain.delivery import Claim
from gateway.domain.destination import Destination
from gateway.domain.source import Instance
from gateway.pipeline.dispatcher import Dispatcher, Limits
from gateway.pipeline.settle import Tried
from gateway.pipeline.snapshot import Current, build
from gateway.pipeline.throttle import Verdict
from gateway.ports import Configuration
from gateway.spi.destination import Pace
from tests.fakes.messages import make_message
from tests.waiting import until

ACCEPTED = make_message().accepted
SLOW, FAST = Pace(1, 3600.0), Pace(1, 0.01)
DESTINATION = Destination("dest", "inst-1", "hook", "webhook", 0.0, 1.0)


def configured(version, updated_at):
    changed = replace(DESTINATION, updated_at=updated_at)
    return build(Configuration(version, (Instance("inst-1", "one", 0.0, 0.0), changed)), "")


async def test_a_lane_whose_pace_was_raised_does_not_wait_as_long_as_before():
    current, sent, pace = Current(configured(1, 1.0)), [], [SLOW]

    async def deliver(claim):
        sent.append(claim.delivery_id)
        return Tried(Verdict.GOOD)

    dispatcher = Dispatcher(None, current, SystemClock(), Limits(), deliver, lambda _: pace[0])
    dispatcher.push([Claim(f"d-{n}", 1, ACCEPTED, "t", "s", "dest") for n in range(4)])
    await until(lambda: sent == ["d-0"] and "dest" in dispatcher._timers)
    pace[0] = FAST
    current.replace(configured(2, 2.0))
    await until(lambda: len(sent) == 4, seconds=3)


async def test_what_a_slow_lane_has_no_place_for_goes_back_at_once():
    current, sent, back = Current(configured(1, 1.0)), [], []

    class Ledger:
        async def settle(self, settlement):
            back.append(settlement.delivery_id)
            return True

    async def deliver(claim):
        sent.append(claim.delivery_id)
        return Tried(Verdict.GOOD)

    dispatcher = Dispatcher(Ledger(), current, SystemClock(), Limits(), deliver, lambda _: SLOW)
    dispatcher.push([Claim(f"d-{n}", 1, ACCEPTED, "t", "s", "dest") for n in range(10)])
    await until(lambda: sent == ["d-0"] and len(back) == 6)
    assert back == [f"d-{n}" for n in range(4, 10)]
    await dispatcher.stop(0.1)
