"""The sliding log of a limit: never more than it allows in any stretch, and all of that given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.ports import RateAsk
from gateway.storage import sliding

NOW = 1_800_000_000.0

limits = st.one_of(st.integers(1, 12), st.integers(60, 70), st.integers(200, 5000))
moves = st.lists(
    st.tuples(st.floats(0.0, 70.0, allow_nan=False), st.integers(1, 400)), min_size=1, max_size=60
)


def given_by(limit, seconds, moves):
    """Who took when how many, and what was left undecided."""
    log, now, taken = "", NOW, []
    for pause, tokens in moves:
        now += pause
        done = sliding.take(log, RateAsk("s", tokens, limit, seconds), now)
        log = done.log
        taken.append((now, tokens, done.grant))
    return taken


@given(limits, st.floats(0.5, 90.0), moves)
def test_in_no_stretch_more_is_given_than_the_limit_allows(limit, seconds, moves):
    taken = given_by(limit, seconds, moves)
    for begin, _, _ in taken:
        given = sum(grant.tokens for at, _, grant in taken if begin <= at and at < begin + seconds)
        assert given <= limit


@given(limits, st.floats(0.5, 90.0), moves)
def test_what_is_asked_is_given_as_long_as_the_limit_allows(limit, seconds, moves):
    """But for the part of a stretch that a high limit is rounded by."""
    coarse = seconds / sliding.PARTS if limit > sliding.PARTS else 0.0
    taken = given_by(limit, seconds, moves)
    for place, (now, tokens, grant) in enumerate(taken):
        before = taken[:place]
        used = sum(one.tokens for at, _, one in before if at + seconds + coarse > now - 1e-6)
        assert grant.tokens >= min(tokens, limit - used)
        assert 0 <= grant.tokens <= tokens
        assert (grant.again_at > now) == (grant.tokens < tokens)


@given(limits, st.floats(0.5, 90.0), moves)
def test_when_it_says_so_there_is_one_again(limit, seconds, moves):
    log, now = "", NOW
    for pause, tokens in moves:
        now += pause
        done = sliding.take(log, RateAsk("s", tokens, limit, seconds), now)
        log = done.log
        if done.grant.again_at:
            then = sliding.take(log, RateAsk("s", 1, limit, seconds), done.grant.again_at)
            assert then.grant.tokens == 1
            assert not sliding.take(log, RateAsk("s", 1, limit, seconds), now).grant.tokens


@given(limits, moves)
def test_a_log_stays_short(limit, moves):
    log, now = "", NOW
    for pause, _ in moves * 10:
        now += pause / 100
        log = sliding.take(log, RateAsk("s", 1, limit, 60.0), now).log
    assert log.count("[") <= sliding.PARTS + 3


@given(limits, st.floats(1.0, 86_400.0), st.floats(1.0, 60.0))
def test_a_clock_set_back_stops_it_for_one_stretch_at_most(limit, back, seconds):
    log = sliding.take("", RateAsk("s", limit, limit, seconds), NOW).log
    set_back = sliding.take(log, RateAsk("s", 1, limit, seconds), NOW - back)
    assert not set_back.grant.tokens
    assert set_back.grant.again_at <= NOW - back + seconds * (1 + 2 / sliding.PARTS)
