"""The time of the database, counted on by the node's monotonic clock."""

from gateway.storage.postgres.database_clock import LONGEST_WAY, DatabaseClock
from tests.fakes.clock import FakeClock


def test_it_shows_the_databases_time_whatever_the_nodes_own_clock_shows():
    own = FakeClock(1000.0)
    shared = DatabaseClock(own)
    shared.observe(5000.0, own.monotonic())
    own.advance(7)
    own.set_now(9)
    assert shared.now() == 5007.0


def test_an_answer_is_as_old_as_half_the_way():
    own = FakeClock()
    shared = DatabaseClock(own)
    asked_at = own.monotonic()
    own.advance(0.5)
    shared.observe(5000.0, asked_at)
    assert shared.now() == 5000.25


def test_an_answer_that_took_long_changes_nothing_once_the_time_is_known():
    own = FakeClock()
    shared = DatabaseClock(own)
    shared.observe(5000.0, own.monotonic())
    asked_at = own.monotonic()
    own.advance(LONGEST_WAY + 7)
    shared.observe(4000.0, asked_at)
    assert shared.now() == 5000.0 + LONGEST_WAY + 7
