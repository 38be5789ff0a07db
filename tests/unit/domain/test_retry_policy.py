"""When a failed delivery is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.policy import JITTER, STANDARD_SCHEDULE, RetryPolicy

schedules = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20).map(tuple)


def test_the_usual_schedule_spans_more_than_a_day():
    assert RetryPolicy().span > 86_400


@given(schedules, st.floats(0, 1, exclude_max=True), st.data())
def test_a_wait_is_the_scheduled_one_give_or_take_a_fifth(schedule, chance, data):
    attempts = data.draw(st.integers(1, len(schedule)))
    wait = RetryPolicy(schedule).delay(attempts, chance)
    planned = schedule[attempts - 1]
    assert wait is not None and planned * (1 - JITTER) <= wait <= planned * (1 + JITTER)


@given(schedules, st.integers(0, 100))
def test_after_the_last_retry_there_is_none(schedule, beyond):
    assert RetryPolicy(schedule).delay(len(schedule) + 1 + beyond, 0.5) is None


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1e6))
def test_what_the_receiver_asks_for_is_never_undercut(chance, asked):
    wait = RetryPolicy().delay(1, chance, floor=asked)
    assert wait is not None and wait >= asked


def test_the_first_retry_comes_soon_and_the_last_one_late():
    assert STANDARD_SCHEDULE[0] <= 10
    assert list(STANDARD_SCHEDULE) == sorted(STANDARD_SCHEDULE)
