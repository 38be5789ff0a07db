"""Group commit, over a commit that a test completes by hand."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import OutOfSpace, Unavailable
from gateway.storage.group import GroupCommit, GroupLimits


class Database:
    """Collects the groups it is to commit. Works that are exceptions spoil the group they are in."""

    def __init__(self, *, by_hand=False):
        self.groups = []
        self.committed = []
        self.by_hand = by_hand
        self._pending = None

    def commit(self, group):
        self.groups.append(group)
        self._pending = asyncio.get_running_loop().create_future()
        if not self.by_hand:
            asyncio.get_running_loop().call_soon(self.complete)
        return self._pending

    def complete(self):
        works = self.groups[-1].works
        culprits = [one for one in works if isinstance(one, Exception)]
        if culprits:
            self._pending.set_exception(culprits[0])
            return
        self.committed += works
        self._pending.set_result([f"did {one}" for one in works])

    def answer(self, outcomes):
        self._pending.set_result(outcomes)

    def fail(self, error):
        self._pending.set_exception(error)

    @property
    def sizes(self):
        return [len(group.works) for group in self.groups]


def group_commit(database, forsaken=None, **limits):
    lost = [] if forsaken is None else forsaken
    return GroupCommit(
        database.commit,
        forsaken=lambda work, result: lost.append((work, result)),
        limits=GroupLimits(**limits),
    )


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_lone_operation_is_committed_at_once():
    database = Database()
    future = group_commit(database).submit("a")
    await turns()
    assert future.result() == "did a"


async def test_operations_of_one_turn_share_a_commit():
    database = Database()
    commits = group_commit(database)
    assert await asyncio.gather(*(commits.submit(one) for one in range(9))) == [
        f"did {one}" for one in range(9)
    ]
    assert database.sizes == [9]


async def test_what_queues_during_a_commit_forms_the_next_group():
    database = Database(by_hand=True)
    commits = group_commit(database)
    futures = [commits.submit("a")]
    await turns()
    futures += [commits.submit(one) for one in ("b", "c")]
    await turns()
    assert database.sizes == [1]
    database.complete()
    await turns()
    assert database.sizes == [1, 2]
    database.complete()
    assert await asyncio.gather(*futures) == ["did a", "did b", "did c"]


async def test_groups_are_bounded_in_rows_and_in_bytes():
    database = Database()
    commits = group_commit(database, rows=10, size=100)
    await asyncio.gather(*(commits.submit(one, rows=4, size=1) for one in range(5)))
    assert database.sizes == [2, 2, 1]
    database.groups.clear()
    await asyncio.gather(*(commits.submit(one, rows=1, size=40) for one in range(5)))
    assert database.sizes == [2, 2, 1]


async def test_an_operation_over_the_bounds_goes_alone():
    database = Database()
    commits = group_commit(database, rows=10, size=100)
    await asyncio.gather(
        commits.submit("a"), commits.submit("huge", rows=5000, size=10_000), commits.submit("b")
    )
    assert [group.works for group in database.groups] == [["a"], ["huge"], ["b"]]


async def test_a_failing_group_is_halved_until_the_culprit_stands_alone():
    database = Database()
    commits = group_commit(database)
    culprit = ValueError("mine")
    works = [*range(6), culprit, *range(6, 12)]
    answers = await asyncio.gather(*(commits.submit(one) for one in works), return_exceptions=True)
    assert answers[6] is culprit
    assert [one for one in answers if one is not culprit] == [f"did {one}" for one in range(12)]
    assert database.committed == list(range(12))


async def test_a_refusal_goes_to_everyone_without_halving():
    database = Database(by_hand=True)
    commits = group_commit(database)
    futures = [commits.submit(one) for one in range(4)]
    await turns()
    database.fail(OutOfSpace("store_full", "full", retry_after=60))
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert {(type(one), one.code, one.detail, one.retry_after) for one in answers} == {
        (OutOfSpace, "store_full", "full", 60)
    }
    assert len({id(one) for one in answers}) == 4
    assert database.sizes == [4]


async def test_an_outcome_may_be_an_error_of_one_operation():
    database = Database(by_hand=True)
    commits = group_commit(database)
    futures = [commits.submit(one) for one in range(3)]
    await turns()
    database.answer(["x", KeyError("mine"), "z"])
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert (answers[0], type(answers[1]), answers[2]) == ("x", KeyError, "z")


async def test_a_full_queue_turns_away_what_is_not_lasting():
    database = Database(by_hand=True)
    commits = group_commit(database, queued_rows=3, queued_size=1000)
    futures = [commits.submit("in flight")]
    await turns()
    futures += [commits.submit(one) for one in range(3)]
    with pytest.raises(Unavailable) as caught:
        commits.submit("too many")
    assert (caught.value.code, caught.value.retry_after) == ("store_busy", 1)
    futures.append(commits.submit("result", lasting=True))
    database.by_hand = False
    database.complete()
    await asyncio.gather(*futures)
    with pytest.raises(Unavailable):
        for _ in range(3):
            commits.submit("large", size=600)


async def test_an_operation_larger_than_the_queue_is_taken_when_it_is_empty():
    database = Database()
    assert await group_commit(database, queued_rows=3).submit("large", rows=50) == "did large"


async def test_what_is_cancelled_in_the_queue_is_not_written_unless_it_is_lasting():
    database = Database(by_hand=True)
    commits = group_commit(database)
    first = commits.submit("in flight")
    await turns()
    commits.submit("event").cancel()
    commits.submit("result", lasting=True).cancel()
    database.by_hand = False
    database.complete()
    await first
    await turns(10)
    assert database.committed == ["in flight", "result"]


async def test_what_was_written_for_a_caller_who_is_gone_is_forsaken():
    database, forsaken = Database(by_hand=True), []
    commits = group_commit(database, forsaken)
    kept, gone = commits.submit("kept"), commits.submit("gone")
    await turns()
    gone.cancel()
    database.complete()
    assert await kept == "did kept"
    assert forsaken == [("gone", "did gone")]


async def test_a_commit_that_hangs_is_abandoned_and_what_waits_behind_it_fails():
    database, forsaken = Database(by_hand=True), []
    commits = group_commit(database, forsaken, timeout=0.04)
    first = commits.submit("a")
    await turns()
    second = commits.submit("b")
    answers = await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), 5)
    assert [one.code for one in answers] == ["store_timeout"] * 2
    assert database.groups[0].abandoned
    database.complete()
    await turns()
    assert forsaken == [("a", "did a")]
    assert database.committed == ["a"]
    database.by_hand = False
    assert await commits.submit("c") == "did c"
    assert database.committed == ["a", "c"]


async def test_closing_waits_for_what_is_queued_and_takes_no_more():
    database = Database()
    commits = group_commit(database, rows=2)
    futures = [commits.submit(one) for one in range(5)]
    await commits.close()
    assert all(one.done() for one in futures)
    with pytest.raises(Unavailable):
        commits.submit("late")


async def test_closing_an_idle_or_a_hanging_one_returns():
    await group_commit(Database()).close()
    commits = group_commit(Database(by_hand=True), timeout=0.04)
    future = commits.submit("a")
    await turns()
    await asyncio.wait_for(commits.close(), 5)
    assert isinstance(future.exception(), Unavailable)


async def test_a_commit_that_is_refused_at_once_is_answered():
    def refuse(group):
        raise Unavailable("store_closed", "closed")

    commits = GroupCommit(refuse, forsaken=lambda work, result: None)
    with pytest.raises(Unavailable):
        await commits.submit("a")


@given(
    culprits=st.sets(st.integers(0, 59), max_size=8),
    sizes=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 50)), min_size=60, max_size=60),
)
def test_every_operation_is_answered_for_itself_in_order_and_within_bounds(culprits, sizes):
    async def run():
        database = Database()
        commits = group_commit(database, rows=20, size=100)
        works = [ValueError(one) if one in culprits else one for one in range(60)]
        futures = [
            commits.submit(work, rows=rows, size=size)
            for work, (rows, size) in zip(works, sizes, strict=True)
        ]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for place, answer in enumerate(answers):
            assert answer is works[place] if place in culprits else answer == f"did {place}"
        assert database.committed == [one for one in range(60) if one not in culprits]
        for group in database.groups:
            rows = sum(one.rows for one in group.operations)
            assert len(group.operations) == 1 or (rows <= 20 and group.size <= 100)

    asyncio.run(run())
