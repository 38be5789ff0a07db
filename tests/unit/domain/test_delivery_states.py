"""Which state of a delivery may follow which."""

from gateway.domain.delivery import TERMINAL, TRANSITIONS, State


def test_every_state_has_its_followers_listed():
    assert set(TRANSITIONS) == set(State)


def test_what_has_ended_is_only_reopened_by_a_replay():
    for state in TERMINAL:
        assert TRANSITIONS[state] <= {State.PENDING}
        assert state.terminal


def test_what_has_not_ended_can_be_cancelled():
    for state in set(State) - TERMINAL:
        assert State.CANCELLED in TRANSITIONS[state]
        assert not state.terminal


def test_only_a_leased_delivery_is_delivered_or_dies():
    for end in (State.DELIVERED, State.DEAD):
        assert [state for state in State if end in TRANSITIONS[state]] == [State.LEASED]
