"""What `gateway.ports.Ledger` promises of appending and settling, on every store."""

from __future__ import annotations

import asyncio
import random

import pytest

from gateway.domain.delivery import Attempt, Settlement, State
from gateway.domain.errors import Unavailable
from gateway.domain.event import DataForm
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.ports import DeliveryFilter, EventFilter, Put, StaleRoutingError
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    PROBLEM,
    append,
    append_leased,
    attempt,
    claim_all,
    dead,
    delivered,
    entry,
    planned,
    require_true_counts,
    retry,
    states,
    untried,
)
from tests.waiting import until_async


async def event_count(store):
    return len((await store.ledger.events(INSTANCE, EventFilter(), limit=1000)).rows)


# Appending: what is written


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (DataForm.NONE, None),
        (DataForm.JSON, b"null"),
        (DataForm.JSON, b'{"b": 1.0, "a": "\xc3\xbc"}'),
        (DataForm.TEXT, b""),
        (DataForm.BINARY, bytes(range(256))),
    ],
)
async def test_an_event_is_read_back_as_it_was_appended(store, form, data):
    told = {"severity": Severity.ERROR, "outcome": Outcome.FAILED, "resources": ("vol-1", "crn:vol-1")}
    vocabulary = Vocabulary(**told, title="Backup failed", task_id="7", links={"log": "https://x.test"})
    one = entry(
        data=data,
        form=form,
        sequence=7,
        urgent=True,
        subject="ü☃",
        vocabulary=vocabulary,
        schema_revision="s@3",
    )
    await append(store, one)
    stored = await store.ledger.event(INSTANCE, one.accepted.id)
    assert stored.accepted == one.accepted
    assert (stored.schema_revision, stored.problems, stored.replaced_by) == ("s@3", (), None)
    assert stored.accepted.event.attributes["urgent"] is True


async def test_deliveries_are_read_back_as_planned(store, clock):
    plans = [
        planned("d-1", State.PENDING, recipient="a@x.test"),
        planned("d-2", State.LEASED),
        planned("d-3", State.HELD, reason="quiet_hours"),
        planned("d-4", State.SUPPRESSED, reason="silenced"),
    ]
    one = entry("1", *plans)
    await append(store, one)
    for plan in plans:
        row = await store.ledger.delivery(INSTANCE, plan.id)
        for name in ("id", "topic_id", "subscription_id", "destination_id", "recipient", "state", "reason"):
            assert getattr(row, name) == getattr(plan, name)
        assert (row.instance_id, row.event_id) == (INSTANCE, one.accepted.id)
        assert (row.attempts, row.rescues, row.created_at) == (0, 0, clock.now())
        assert row.settled_at == (clock.now() if plan.state.terminal else None)
    await require_true_counts(store)


async def test_an_event_that_nobody_wants_is_stored_all_the_same(store):
    (appended,) = await append(store, entry("1"))
    assert not appended.duplicate
    assert await store.ledger.event(INSTANCE, appended.event_id) is not None


async def test_appending_nothing_yields_nothing(store):
    assert list(await append(store)) == []


async def test_a_large_call_is_written_whole(store):
    entries = [entry(str(one), planned(), planned()) for one in range(700)]
    appended = await append(store, *entries)
    assert [one.event_id for one in appended] == [one.accepted.id for one in entries]
    assert len(await states(store)) == 1400


# Appending: repeats


async def test_a_known_key_writes_nothing_and_yields_the_first_id(store):
    first, second = entry("1", planned()), entry("1", planned(), data=b"other")
    await append(store, first)
    (appended,) = await append(store, second)
    assert (appended.event_id, appended.duplicate) == (first.accepted.id, True)
    assert await store.ledger.event(INSTANCE, second.accepted.id) is None
    assert set(await states(store)) == {plan.id for plan in first.planned}


async def test_the_second_of_two_equal_entries_in_one_call_is_a_duplicate(store):
    first, second, other = entry("1", planned()), entry("1", planned()), entry("2")
    appended = await append(store, first, second, other)
    assert [(one.event_id, one.duplicate) for one in appended] == [
        (first.accepted.id, False), (first.accepted.id, True), (other.accepted.id, False),
    ]  # fmt: skip
    assert len(await states(store)) == 1


async def test_fifty_concurrent_appends_of_one_key_store_one_event(store):
    entries = [entry("1", planned()) for _ in range(50)]
    answers = await asyncio.gather(*(append(store, one) for one in entries))
    appended = [answer[0] for answer in answers]
    assert [one.duplicate for one in appended].count(False) == 1
    assert len({one.event_id for one in appended}) == 1
    assert await event_count(store) == 1
    assert len(await states(store)) == 1


async def test_keys_are_what_makes_a_repeat_not_ids(store):
    await append(store, entry("1", key="one source"), entry("1", key="another source"))
    assert await event_count(store) == 2


async def test_a_valid_entry_replaces_a_quarantined_one_of_its_key(store):
    refused, corrected = entry("1", problems=(PROBLEM,)), entry("1", planned())
    await append(store, refused)
    (appended,) = await append(store, corrected)
    assert (appended.event_id, appended.duplicate) == (corrected.accepted.id, False)
    stored = await store.ledger.event(INSTANCE, refused.accepted.id)
    assert (stored.problems, stored.replaced_by) == ((PROBLEM,), corrected.accepted.id)
    assert len(await states(store)) == 1
    (repeat,) = await append(store, entry("1"))
    assert (repeat.event_id, repeat.duplicate) == (corrected.accepted.id, True)


async def test_a_quarantined_entry_replaces_nothing(store):
    valid, quarantined = entry("1"), entry("2", problems=(PROBLEM,))
    await append(store, valid, quarantined)
    for first in (valid, quarantined):
        (appended,) = await append(store, entry(first.accepted.event.id, problems=(PROBLEM,)))
        assert (appended.event_id, appended.duplicate) == (first.accepted.id, True)
    assert await event_count(store) == 2


async def test_a_correction_in_the_same_call_replaces_too(store):
    refused, corrected, repeated = entry("1", problems=(PROBLEM,)), entry("1", planned()), entry("1")
    appended = await append(store, refused, corrected, repeated)
    assert [(one.event_id, one.duplicate) for one in appended] == [
        (refused.accepted.id, False), (corrected.accepted.id, False), (corrected.accepted.id, True),
    ]  # fmt: skip
    assert (await store.ledger.event(INSTANCE, refused.accepted.id)).replaced_by == corrected.accepted.id


# Appending: all or none, whoever else shares the commit


async def test_a_call_that_fails_writes_nothing_and_costs_nobody_else_anything(store):
    taken = entry("0")
    await append(store, taken)
    culprit = [
        entry("bad-1", planned()),
        entry("bad-2", event_id=taken.accepted.id),
        entry("bad-3", planned()),
    ]
    good = [[entry(f"{call}-{one}", planned()) for one in range(3)] for call in range(20)]
    calls = [*good[:10], culprit, *good[10:]]
    answers = await asyncio.gather(*(append(store, *call) for call in calls), return_exceptions=True)
    assert isinstance(answers.pop(10), Exception)
    assert all(not one.duplicate for answer in answers for one in answer)
    assert await event_count(store) == 1 + 60
    assert len(await states(store)) == 60
    (again,) = await append(store, entry("bad-1"))
    assert not again.duplicate
    await require_true_counts(store)


async def test_results_that_share_the_commit_of_a_failing_call_are_written(store):
    leased = await append_leased(store, 5)
    taken = entry("0")
    await append(store, taken)
    answers = await asyncio.gather(
        *(store.ledger.settle(delivered(one)) for one in leased),
        append(store, entry("bad", event_id=taken.accepted.id)),
        return_exceptions=True,
    )
    assert answers[:5] == [True] * 5
    assert isinstance(answers[5], Exception)
    assert set((await states(store)).values()) == {State.DELIVERED}
    await require_true_counts(store)


async def test_a_cancelled_caller_leaves_no_lease_behind(store, clock):
    calls = [
        asyncio.ensure_future(append(store, entry(str(one), planned(state=State.LEASED))))
        for one in range(20)
    ]
    while not any(call.done() for call in calls):
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    kept = [call for call in calls if not call.cancelled()]

    async def only_the_kept_are_leased():
        found = list((await states(store)).values())
        return found.count(State.LEASED) == len(kept)

    await until_async(only_the_kept_are_leased)
    await require_true_counts(store)


# Appending: no stale routing


async def test_entries_routed_with_an_older_version_are_refused_and_nothing_is_written(store):
    await store.registry.apply([Put(Source("source-1", INSTANCE, "vault", 1.0, 1.0))], expected=0)
    for version in (0, 2):
        with pytest.raises(StaleRoutingError):
            await append(store, entry("1", planned()), routed_with=version)
    assert await event_count(store) == 0
    assert await states(store) == {}
    (appended,) = await append(store, entry("1", planned(), version=1), routed_with=1)
    assert not appended.duplicate


async def test_stale_entries_do_not_disturb_others_in_the_same_commit(store):
    await store.registry.apply([Put(Source("source-1", INSTANCE, "vault", 1.0, 1.0))], expected=0)
    answers = await asyncio.gather(
        *(append(store, entry(str(one), version=one % 2), routed_with=one % 2) for one in range(40)),
        return_exceptions=True,
    )
    assert all(isinstance(one, StaleRoutingError) for one in answers[::2])
    assert await event_count(store) == 20
    assert not any(one[0].duplicate for one in answers[1::2])


@pytest.mark.parametrize("seed", range(3))
async def test_no_event_is_stored_with_a_version_older_than_one_applied_before_its_append(store, seed):
    chance = random.Random(seed)
    applied = answered = 0
    newest_at_call = {}
    running = True

    async def change():
        nonlocal applied
        while running:
            applied = await store.registry.apply(
                [Put(Source("s", INSTANCE, "vault", 1.0, 1.0))], expected=applied
            )
            some_more = answered + chance.randrange(12)
            while running and answered < some_more:
                await asyncio.sleep(0)

    async def send(name):
        nonlocal answered
        for number in range(25):
            guess = max(0, applied - chance.randrange(2))
            one = entry(f"{name}-{number}", planned(), version=guess)
            newest_at_call[one.accepted.id] = applied
            try:
                await append(store, one, routed_with=guess)
            except StaleRoutingError:
                newest_at_call.pop(one.accepted.id)
            answered += 1

    changing = asyncio.ensure_future(change())
    await asyncio.gather(*(send(name) for name in range(8)))
    running = False
    await changing
    stored = (await store.ledger.events(INSTANCE, EventFilter(), limit=1000)).rows
    assert stored
    assert {one.accepted.id for one in stored} == set(newest_at_call)
    for one in stored:
        assert one.accepted.registry_version >= newest_at_call[one.accepted.id]


# Settling


async def test_a_delivery_is_born_leased_with_epoch_1_and_settled_as_delivered(store, clock):
    (leased,) = await append_leased(store)
    clock.advance(1)
    assert await store.ledger.settle(delivered(leased, sent=b"POST /hook"))
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.reason, row.attempts, row.settled_at) == (State.DELIVERED, "", 1, clock.now())
    assert (row.code, row.detail, row.duration, row.sent) == ("200", "accepted", 0.25, b"POST /hook")
    assert await store.ledger.attempts(leased) == [attempt(1, code="200", detail="accepted", excerpt="ok")]


async def test_a_failed_try_is_due_again_and_stays_listed(store, clock):
    (leased,) = await append_leased(store)
    assert await store.ledger.settle(retry(leased, NOW + 60, sent=b"first"))
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.reason, row.attempts, row.due_at) == (State.PENDING, "unavailable", 1, NOW + 60)
    assert (row.code, row.detail, row.settled_at, row.sent) == ("503", "try later", None, b"first")
    clock.advance(60)
    (claim,) = await claim_all(store.ledger)
    assert (claim.epoch, claim.attempts) == (2, 1)
    assert await store.ledger.settle(delivered(leased, 2, number=2, sent=b"second"))
    tried = await store.ledger.attempts(leased)
    assert [(one.number, one.reason, one.code, one.excerpt) for one in tried] == [
        (1, "unavailable", "503", "busy"), (2, "", "200", "ok"),
    ]  # fmt: skip
    assert (await store.ledger.delivery(INSTANCE, leased)).sent == b"second"


async def test_a_dead_letter_keeps_its_reason_and_is_not_claimed(store, clock):
    (leased,) = await append_leased(store)
    assert await store.ledger.settle(dead(leased))
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.reason, row.attempts, row.settled_at) == (State.DEAD, "rejected", 1, clock.now())
    clock.advance(1e9)
    assert await claim_all(store.ledger) == []
    assert [one.reason for one in await store.ledger.attempts(leased)] == ["rejected"]


async def test_what_is_given_back_untried_counts_as_no_try(store, clock):
    (leased,) = await append_leased(store)
    assert await store.ledger.settle(untried(leased, clock.now()))
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.reason, row.attempts, row.rescues) == (State.PENDING, "paused", 0, 0)
    assert await store.ledger.attempts(leased) == []
    (claim,) = await claim_all(store.ledger)
    assert (claim.epoch, claim.attempts) == (2, 0)


async def test_a_delivery_may_die_untried(store):
    (leased,) = await append_leased(store)
    assert await store.ledger.settle(Settlement(leased, 1, State.DEAD, "misconfigured"))
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.reason, row.attempts) == (State.DEAD, "misconfigured", 0)


async def test_a_result_with_an_older_epoch_writes_nothing(store, clock):
    (leased,) = await append_leased(store)
    await store.ledger.settle(untried(leased, clock.now()))
    (claim,) = await claim_all(store.ledger)
    assert claim.epoch == 2
    assert not await store.ledger.settle(delivered(leased, 1))
    assert not await store.ledger.settle(retry(leased, NOW + 9, 1, sent=b"late"))
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.attempts, row.sent) == (State.LEASED, 0, b"")
    assert await store.ledger.attempts(leased) == []
    assert await store.ledger.settle(delivered(leased, 2))


async def test_only_the_first_of_two_results_of_one_lease_is_written(store):
    (leased,) = await append_leased(store)
    answers = await asyncio.gather(*(store.ledger.settle(one) for one in (dead(leased), delivered(leased))))
    assert answers == [True, False]
    assert (await states(store))[leased] is State.DEAD
    await require_true_counts(store)


async def test_what_is_not_leased_or_not_there_cannot_be_settled(store):
    waiting = planned()
    await append(store, entry("1", waiting))
    for epoch in (0, 1):
        assert not await store.ledger.settle(delivered(waiting.id, epoch))
    assert not await store.ledger.settle(delivered("nowhere"))
    await require_true_counts(store)


async def test_each_of_many_results_in_one_commit_has_its_own_answer(store):
    leased = await append_leased(store, 60)
    stale = set(leased[::7])
    settlements = [
        delivered(one, 9 if one in stale else 1)
        if place % 2
        else retry(one, NOW + 5, 9 if one in stale else 1)
        for place, one in enumerate(leased)
    ]
    answers = await asyncio.gather(*(store.ledger.settle(one) for one in settlements))
    assert answers == [one not in stale for one in leased]
    after = await states(store)
    assert {after[one] for one in stale} == {State.LEASED}
    assert {after[one] for one in leased if one not in stale} == {State.DELIVERED, State.PENDING}
    await require_true_counts(store)


async def test_a_result_is_written_even_if_its_caller_is_cancelled(store):
    (leased,) = await append_leased(store)
    settling = asyncio.ensure_future(store.ledger.settle(delivered(leased)))
    await asyncio.sleep(0)
    settling.cancel()

    async def it_is_delivered():
        return (await states(store))[leased] is State.DELIVERED

    await until_async(it_is_delivered)


@pytest.mark.parametrize("state", [State.LEASED, State.SUPPRESSED, State.FOLDED])
async def test_a_state_that_cannot_follow_a_lease_is_an_error(store, state):
    (leased,) = await append_leased(store)
    with pytest.raises(ValueError, match="leased"):
        await store.ledger.settle(Settlement(leased, 1, state))


async def test_nothing_is_delivered_without_an_attempt(store):
    (leased,) = await append_leased(store)
    with pytest.raises(ValueError, match="attempt"):
        await store.ledger.settle(Settlement(leased, 1, State.DELIVERED))


async def test_what_was_sent_is_kept_within_bounds(store):
    (leased,) = await append_leased(store)
    await store.ledger.settle(delivered(leased, sent=b"x" * 1_000_000))
    row = await store.ledger.delivery(INSTANCE, leased)
    assert row.sent == b"x" * (16 << 10)


# Replay


async def test_a_replay_keeps_the_id_and_lists_earlier_attempts(store, clock):
    (leased,) = await append_leased(store)
    await store.ledger.settle(retry(leased, clock.now()))
    (claim,) = await claim_all(store.ledger)
    await store.ledger.settle(delivered(leased, claim.epoch, number=2))
    clock.advance(10)
    assert await store.ledger.replay(INSTANCE, leased)
    row = await store.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.attempts, row.due_at, row.settled_at) == (State.PENDING, 0, clock.now(), None)
    assert [one.number for one in await store.ledger.attempts(leased)] == [1, 2]
    (claim,) = await claim_all(store.ledger)
    assert (claim.delivery_id, claim.epoch, claim.attempts, claim.rescues) == (leased, 3, 0, 0)
    assert await store.ledger.settle(delivered(leased, 3))
    assert [(one.number, one.reason) for one in await store.ledger.attempts(leased)] == [
        (1, "unavailable"), (2, ""), (1, ""),
    ]  # fmt: skip
    await require_true_counts(store)


async def test_only_what_is_terminal_and_of_the_instance_is_replayed(store):
    waiting, held, folded = planned(), planned(state=State.HELD), planned(state=State.FOLDED)
    (leased,) = await append_leased(store)
    (other,) = await append_leased(store, instance="instance-2")
    await append(store, entry("1", waiting, held, folded))
    await store.ledger.settle(dead(other))
    for one in (waiting.id, held.id, folded.id, leased, other, "nowhere"):
        assert not await store.ledger.replay(INSTANCE, one)
    assert await store.ledger.replay("instance-2", other)
    await require_true_counts(store)


@pytest.mark.parametrize("state", [State.SUPPRESSED, State.CANCELLED, State.DEAD])
async def test_what_ended_unsent_can_be_replayed(store, state):
    one = planned(state=state, reason="why")
    await append(store, entry("1", one))
    assert await store.ledger.replay(INSTANCE, one.id)
    assert [claim.delivery_id for claim in await claim_all(store.ledger)] == [one.id]


# Restart


async def test_what_was_answered_survives_a_crash(house, store):
    entries = [entry(str(one), planned(), planned(state=State.LEASED)) for one in range(50)]
    await asyncio.gather(*(append(store, one) for one in entries))
    await store.ledger.settle(delivered(entries[0].planned[1].id))
    await house.crash(store)
    reopened = await house.open()
    for one in entries:
        assert (await reopened.ledger.event(INSTANCE, one.accepted.id)).accepted == one.accepted
    assert list((await states(reopened)).values()).count(State.DELIVERED) == 1
    (repeat,) = await append(reopened, entry("7"))
    assert (repeat.event_id, repeat.duplicate) == (entries[7].accepted.id, True)
    await require_true_counts(reopened)


async def test_opening_ends_the_earlier_incarnation_and_its_leases_at_once(house, store, clock):
    (leased,) = await append_leased(store)
    owner = store.ledger.owner
    await house.crash(store)
    clock.advance(5)
    reopened = await house.open()
    assert reopened.ledger.owner != owner
    row = await reopened.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.due_at, row.attempts, row.rescues) == (State.PENDING, clock.now(), 0, 1)
    assert not await reopened.ledger.settle(delivered(leased, 1))
    (claim,) = await claim_all(reopened.ledger)
    assert (claim.delivery_id, claim.epoch, claim.rescues) == (leased, 2, 1)
    await require_true_counts(reopened)


async def test_closing_gives_leases_back_without_calling_it_a_rescue(house, store, clock):
    (leased,) = await append_leased(store)
    clock.advance(5)
    await store.close()
    reopened = await house.open()
    row = await reopened.ledger.delivery(INSTANCE, leased)
    assert (row.state, row.due_at, row.rescues) == (State.PENDING, clock.now(), 0)
    await require_true_counts(reopened)


async def test_closing_writes_what_is_queued_and_takes_nothing_more(house, store):
    calls = [asyncio.ensure_future(append(store, entry(str(one)))) for one in range(200)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*calls)
    with pytest.raises(Unavailable):
        await append(store, entry("late"))
    with pytest.raises(Unavailable):
        await store.check()
    reopened = await house.open()
    assert await event_count(reopened) == 200


async def test_attempts_made_before_a_crash_still_count(house, store, clock):
    (leased,) = await append_leased(store)
    await store.ledger.settle(retry(leased, clock.now()))
    await claim_all(store.ledger)
    await house.crash(store)
    reopened = await house.open()
    (claim,) = await claim_all(reopened.ledger)
    assert (claim.attempts, claim.rescues) == (1, 1)
    assert len(await reopened.ledger.attempts(leased)) == 1


async def test_a_store_lists_who_works_on_it(store, clock):
    await append_leased(store, 3)
    (node,) = await store.nodes()
    assert (node.owner, node.leases, node.ended_at) == (store.ledger.owner, 3, None)
    assert node.opened_at == node.seen_at == clock.now()
    assert node.name


async def test_what_was_claimed_is_held_by_its_owner(store):
    await append(store, entry("1", planned()))
    (claim,) = await claim_all(store.ledger)
    assert claim.owner == store.ledger.owner
    assert store.ledger.holds(claim)
    assert not store.ledger.holds(claim._replace(owner="another"))


async def test_a_store_that_works_passes_its_check(store):
    await store.check()


async def test_attempts_are_those_of_one_delivery(store):
    first, second = await append_leased(store, 2)
    await store.ledger.settle(delivered(first))
    assert await store.ledger.attempts(second) == []
    assert await store.ledger.attempts("nowhere") == []
    assert all(isinstance(one, Attempt) for one in await store.ledger.attempts(first))
    found = await store.ledger.deliveries(INSTANCE, DeliveryFilter(state=State.DELIVERED))
    assert [row.id for row in found.rows] == [first]


# Quarantine: flags are kept, and it is ended once


async def test_flags_are_kept_beside_an_event_that_is_not_quarantined(store):
    flagged = entry("1", planned())._replace(flags=(PROBLEM,))
    await append(store, flagged)
    stored = await store.ledger.event(INSTANCE, flagged.accepted.id)
    assert (stored.flags, stored.problems, stored.quarantined) == ((PROBLEM,), (), False)
    listed = await store.ledger.events(INSTANCE, EventFilter(quarantined=False))
    assert [row.flags for row in listed.rows] == [(PROBLEM,)]


@pytest.mark.parametrize("end", [{"discarded": "noise"}, {"replaced_by": "event-2"}])
async def test_a_quarantine_ends_once_and_for_one_reason(store, end):
    quarantined, taken = entry("1", problems=(PROBLEM,)), entry("2")
    await append(store, quarantined, taken)
    event_id = quarantined.accepted.id
    assert not await store.ledger.end_quarantine("another", event_id, **end)
    assert not await store.ledger.end_quarantine(INSTANCE, taken.accepted.id, **end)
    assert (await store.ledger.event(INSTANCE, event_id)).quarantined
    assert await store.ledger.end_quarantine(INSTANCE, event_id, **end)
    assert not await store.ledger.end_quarantine(INSTANCE, event_id, discarded="again")
    stored = await store.ledger.event(INSTANCE, event_id)
    assert {"discarded": stored.discarded, "replaced_by": stored.replaced_by} == {
        "discarded": None, "replaced_by": None, **end
    }  # fmt: skip
    assert not stored.quarantined
    assert (await store.ledger.events(INSTANCE, EventFilter(quarantined=True))).rows == ()
    assert len((await store.ledger.events(INSTANCE, EventFilter(quarantined=False))).rows) == 2
