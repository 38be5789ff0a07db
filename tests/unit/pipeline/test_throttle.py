"""Lanes and breakers: one bad destination slows nobody else."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.domain.event import DataForm, Event
from gateway.domain.ids import DestinationId
from gateway.pipeline.throttle import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    NARROW_AFTER,
    OPEN_AFTER,
    Breaker,
    Lane,
    Memory,
    Window,
    size_of,
)
from gateway.spi.destination import Pace

EVENT = Event({}, b"x" * 1000, DataForm.BINARY)
SIZE = size_of(EVENT)
CLAIM = SimpleNamespace(accepted=SimpleNamespace(event=EVENT))


def failing(breaker: Breaker, times: int, now: float = 0.0) -> bool:
    closed = False
    for _ in range(times):
        closed = breaker.failed(now, None)
    return closed


def test_a_healthy_destination_gets_its_full_width():
    assert Breaker(16).width(0.0) == 16


def test_a_few_failures_narrow_it_to_one_at_a_time():
    breaker = Breaker(16)
    assert not failing(breaker, NARROW_AFTER - 1) and breaker.width(0.0) == 16
    assert not failing(breaker, 1) and breaker.width(0.0) == 1


def test_many_failures_close_it_for_longer_and_longer():
    breaker = Breaker(16)
    assert failing(breaker, OPEN_AFTER)
    assert breaker.width(0.0) == 0 and breaker.paused_for(0.0) == FIRST_PAUSE
    assert breaker.width(FIRST_PAUSE) == 1
    assert breaker.failed(FIRST_PAUSE, None)
    assert breaker.paused_for(FIRST_PAUSE) == 2 * FIRST_PAUSE
    now = FIRST_PAUSE
    for _ in range(20):
        now += breaker.paused_for(now)
        breaker.failed(now, None)
    assert breaker.paused_for(now) == LONGEST_PAUSE


def test_what_was_under_way_when_it_closed_does_not_make_the_pause_longer():
    breaker = Breaker(16)
    failing(breaker, OPEN_AFTER + 15)
    assert breaker.paused_for(0.0) == FIRST_PAUSE


def test_success_widens_it_step_by_step():
    breaker = Breaker(16)
    failing(breaker, NARROW_AFTER)
    widths = []
    for _ in range(5):
        breaker.succeeded()
        widths.append(breaker.width(0.0))
    assert widths == [2, 4, 8, 16, 16]


@given(st.floats(1, 86_400))
def test_a_receiver_that_asks_for_a_pause_gets_it_and_then_one_probe(asked):
    breaker = Breaker(16)
    assert breaker.failed(100.0, asked)
    assert breaker.width(100.0 + asked * 0.99) == 0
    assert breaker.width(100.0 + asked) == 1


class LaneMachine(RuleBasedStateMachine):
    """Whatever happens to a lane, its places add up."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(6 * SIZE)
        self.lane = Lane(DestinationId("d"), self.memory, width=4, places=8)
        self.reserved = self.queued = self.running = 0

    @rule()
    def reserve(self) -> None:
        if self.lane.reserve(0.0, EVENT):
            self.reserved += 1
        self.lane.starved = False

    @precondition(lambda self: self.lane.room(0.0))
    @rule()
    def claim(self) -> None:
        self.lane.push(CLAIM)
        self.queued += 1

    @precondition(lambda self: self.reserved)
    @rule(commit=st.booleans())
    def settle_reservation(self, commit: bool) -> None:
        self.reserved -= 1
        if commit:
            self.lane.hand_over(CLAIM)
            self.queued += 1
        else:
            self.lane.give_up(EVENT)

    @precondition(lambda self: self.lane.ready(0.0))
    @rule()
    def start(self) -> None:
        self.lane.running += 1
        assert self.lane.take(0.0) is CLAIM
        self.running, self.queued = self.running + 1, self.queued - 1

    @precondition(lambda self: self.running)
    @rule()
    def finish(self) -> None:
        self.lane.done(CLAIM)
        self.lane.running -= 1
        self.running -= 1

    @rule()
    def give_everything_back(self) -> None:
        assert len(self.lane.empty_out()) == self.queued
        self.queued = 0

    @invariant()
    def places_add_up(self) -> None:
        used = self.reserved + self.queued + self.running
        assert used <= 8 and self.lane.room(0.0) == 8 - used
        assert self.running <= 4
        assert self.lane.idle == (used == 0)
        assert self.memory.left == max(0, 6 - used) * SIZE


TestLane = LaneMachine.TestCase


def test_a_full_lane_refuses_until_its_backlog_was_claimed():
    lane = Lane(DestinationId("d"), Memory(9 * SIZE), width=1, places=1)
    assert lane.reserve(0.0, EVENT) and not lane.reserve(0.0, EVENT)
    lane.give_up(EVENT)
    assert lane.starved and not lane.reserve(0.0, EVENT), "fresh events must not overtake the backlog"


def test_a_closed_lane_has_no_room():
    lane = Lane(DestinationId("d"), Memory(9 * SIZE), width=1, places=8)
    lane.breaker.failed(0.0, 10.0)
    assert lane.room(5.0) == 0 and not lane.reserve(5.0, EVENT)
    assert lane.room(10.0) == 8


def test_all_lanes_together_hold_no_more_than_the_memory_allows():
    memory = Memory(3 * SIZE)
    first, second = (Lane(DestinationId(name), memory, width=1, places=8) for name in "ab")
    assert first.reserve(0.0, EVENT) and first.reserve(0.0, EVENT) and second.reserve(0.0, EVENT)
    assert not second.reserve(0.0, EVENT) and second.starved
    assert not memory.relieved()
    first.give_up(EVENT)
    first.give_up(EVENT)
    assert memory.relieved() and not memory.relieved(), "told once, when half is free again"


def test_an_event_larger_than_the_memory_is_let_in_alone():
    lane = Lane(DestinationId("d"), Memory(SIZE // 2), width=1, places=8)
    assert lane.reserve(0.0, EVENT) and not lane.reserve(0.0, EVENT)


@given(
    limit=st.integers(1, 5),
    steps=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60),
)
def test_no_stretch_of_time_sees_more_deliveries_than_the_pace_allows(limit, steps):
    window, now, begun = Window(), 0.0, []
    window.follow(Pace(limit, 2.0))
    for step in steps:
        now += step
        wait = window.wait(now)
        if wait:
            assert window.wait(now + wait) == 0, "the wait that it tells is enough"
            continue
        window.begin(now)
        begun.append(now)
    assert all(later - first >= 2.0 for first, later in zip(begun, begun[limit:], strict=False))


def test_a_lane_waits_for_its_window_and_keeps_what_is_queued():
    lane = Lane(DestinationId("d"), Memory(9 * SIZE), width=4, places=8)
    lane.window.follow(Pace(1, 10.0))
    for _ in range(2):
        lane.push(CLAIM)
    lane.running += 1
    assert lane.take(0.0) is CLAIM
    assert not lane.ready(1.0) and lane.take(1.0) is None
    assert lane.waits(1.0) == 9.0
    assert lane.ready(10.0)


def test_a_pace_that_changes_counts_what_began_already():
    window = Window()
    window.follow(Pace(2, 10.0))
    window.begin(0.0)
    window.begin(1.0)
    window.follow(Pace(1, 10.0))
    assert window.wait(2.0) == 9.0
    window.follow(None)
    assert window.wait(2.0) == 0.0


def test_a_lane_that_keeps_to_a_pace_keeps_few_deliveries_in_memory():
    lane = Lane(DestinationId("d"), Memory(900 * SIZE), width=4, places=256)
    for pace, places in ((None, 256), (Pace(1, 60.0), 4), (Pace(20, 60.0), 20), (Pace(5000, 60.0), 32)):
        lane.window.follow(pace)
        assert lane.room(0.0) == places
    lane.window.follow(Pace(1, 60.0))
    for _ in range(6):
        lane.push(CLAIM)
    assert len(lane.empty_out(keep=lane.places)) == 2 and lane.room(0.0) == 0
