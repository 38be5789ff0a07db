"""One answer after another: when a change is one, and when a blip is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.polling import Heard, Poll, heard, watching
from gateway.domain.vocabulary import Outcome

UP, OTHER_UP = ("2xx UP", Outcome.OK), ("2xx ready", Outcome.OK)
DOWN, GONE = ("5xx DOWN", Outcome.FAILED), ("unreached", Outcome.FAILED)
SLOW, STRANGE = ("2xx degraded", Outcome.WARNING), ("2xx 1.2.3", None)
ANSWERS = (UP, OTHER_UP, DOWN, GONE, SLOW, STRANGE)

runs = st.lists(st.sampled_from(ANSWERS), max_size=40)
needs = st.integers(1, 4)


def through(answers, needed=3, poll=None):
    """The memory after answers at the times 1, 2, 3 and so on, and the turns with the time of each."""
    poll, turns = poll or Poll("s"), []
    for at, (compared, outcome) in enumerate(answers, 1):
        poll, turn = heard(poll, Heard(compared, outcome, float(at), "{}"), needed)
        if turn is not None:
            turns.append((at, turn))
    return poll, turns


def test_a_first_good_answer_is_remembered_and_tells_nothing():
    poll, turns = through([UP])
    assert (poll.settled, poll.outcome, poll.since, turns) == ("2xx UP", Outcome.OK, 1.0, [])


def test_a_first_answer_that_is_bad_counts_once_it_came_often_enough():
    poll, turns = through([DOWN, DOWN])
    assert (poll.settled, poll.candidate, poll.seen, turns) == (None, "5xx DOWN", 2, [])
    poll, ((at, turn),) = through([DOWN] * 5)
    assert (at, turn.number, turn.since, turn.before) == (3, 1, 1.0, None)
    assert (poll.settled, poll.since, poll.seen) == ("5xx DOWN", 1.0, 0)


def test_a_blip_is_no_change():
    assert through([UP, DOWN, DOWN, UP, DOWN, DOWN, UP])[1] == []


def test_a_change_and_the_way_back_are_two():
    _, turns = through([UP, DOWN, DOWN, DOWN, DOWN, UP, UP, UP])
    assert [(at, turn.number, turn.since, turn.before) for at, turn in turns] == [
        (4, 1, 2.0, "2xx UP"),
        (8, 2, 6.0, "5xx DOWN"),
    ]
    assert turns[1][1].before_outcome is Outcome.FAILED


def test_failures_of_several_sorts_are_a_failure():
    _, turns = through([UP, DOWN, GONE, DOWN])
    assert [at for at, _ in turns] == [4]
    assert through([UP, DOWN, SLOW, DOWN, DOWN])[1] == [], "a warning is something else"


def test_what_is_down_already_fails_anew_only_with_equal_answers():
    poll, _ = through([DOWN] * 3)
    assert through([GONE, DOWN, GONE, GONE, DOWN], poll=poll)[1] == []
    assert [at for at, _ in through([GONE] * 3, poll=poll)[1]] == [3]


def test_what_is_asked_otherwise_begins_anew_and_numbers_go_on():
    poll, _ = through([UP, *[DOWN] * 3])
    poll = replace(watching(poll, "another"), revision=7)
    assert watching(poll, "another") is poll
    assert (poll.settled, poll.changes, poll.untold) == (None, 1, "")
    _, ((_, turn),) = through([DOWN] * 3, poll=poll)
    assert (turn.number, turn.before) == (2, None)


@given(runs, needs)
def test_turns_are_numbered_and_each_changes_what_counts(answers, needed):
    poll, turns = through(answers, needed)
    assert [turn.number for _, turn in turns] == [*range(1, len(turns) + 1)]
    assert poll.changes == len(turns)
    settled = [answers[at - 1][0] for at, _ in turns]
    befores = [turn.before for _, turn in turns]
    assert all(before != now for before, now in zip(befores, settled, strict=True))
    assert befores[1:] == settled[:-1]


@given(runs, needs)
def test_no_turn_without_as_many_answers_that_differ_from_what_counted(answers, needed):
    for at, turn in through(answers, needed)[1]:
        last = answers[at - needed : at]
        assert len(last) == needed and all(compared != turn.before for compared, _ in last)
        assert len(set(last)) == 1 or all(outcome is Outcome.FAILED for _, outcome in last)


@given(runs, needs)
def test_so_many_equal_answers_count_at_last(answers, needed):
    at = 0
    for answer, equal in groupby(answers):
        length = len([*equal])
        at += length
        if length >= needed:
            assert through(answers[:at], needed)[0].settled == answer[0]


@given(runs, needs, st.integers(0, 40))
def test_a_memory_that_is_stored_in_between_goes_on_as_if_nothing_had_been(answers, needed, cut):
    poll, first = through(answers[:cut], needed)
    resumed, second = through(answers[cut:], needed, poll)
    whole, turns = through(answers, needed)
    assert [turn.number for _, turn in first + second] == [turn.number for _, turn in turns]
    assert (resumed.settled, resumed.candidate, resumed.seen) == (whole.settled, whole.candidate, whole.seen)


@pytest.mark.parametrize("first", [UP, STRANGE])
def test_whatever_is_not_bad_settles_first(first):
    assert through([first])[0].settled == first[0]
