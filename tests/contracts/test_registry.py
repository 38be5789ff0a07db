"""What `gateway.ports.Registry` promises, on every store."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.delivery import State
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Unavailable
from gateway.domain.noise import Digest, Frequency, NoisePolicy, RateLimit
from gateway.domain.schema import Schema, SchemaMode, SchemaTarget
from gateway.domain.source import Instance, Key, Role, Source
from gateway.domain.template import Template
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.ports import (
    Cancel,
    Configuration,
    Hold,
    NameTakenError,
    Put,
    RegistryConflictError,
    Remove,
    Unhold,
)
from tests.contracts.ledger_values import (
    INSTANCE,
    OTHER_INSTANCE,
    append,
    append_leased,
    claim_all,
    delivered,
    entry,
    planned,
    require_true_counts,
    states,
)

EVERY_KIND = (
    Instance("instance-1", "main", 1.0, 2.0),
    Source("source-1", INSTANCE, "vault", 1.0, 2.0, "d", "crn:v1", allowed_types=("a.*",), enabled=False),
    Key("key-1", INSTANCE, "ci", Role.SOURCE, "0" * 64, 1.0, 2.0, "source-1"),
    Topic(
        "topic-1", INSTANCE, "failures", 1.0, 2.0, "d", True,
        (TopicSource("source-1", (SourceRule("rule-1", rule="severity >= error", updated_at=3.5),)),),
        NoisePolicy(RateLimit(10, 1.5, fold=True), True, Digest(frequency=Frequency.WEEKLY), False),
    ),
    Destination(
        "destination-1", INSTANCE, "ops", "webhook", 1.0, 2.0, retry_schedule=(5.0, 60.5),
        config={"url": "https://example.test/ü", "headers": {"X": "1"}, "verify": True},
        secrets={"key": "v1:a:b"},
    ),
    Subscription(
        "subscription-1", INSTANCE, "s", "topic-1", "destination-1", 1.0, 2.0, address={"to": ["a@b.test"]},
    ),
    Schema(
        "schema-1", INSTANCE, "backup", 1.0, 2.0, ("backup.*",), {"type": "object", "required": ["size"]},
        "source-1", SchemaTarget.EVENT, SchemaMode.QUARANTINE,
    ),
    Template(
        "template-1", INSTANCE, "short", "slack.notification", 1.0, 2.0, "d", "slack",
        {"body": "{{event.subject}}"},
    ),
)  # fmt: skip


def source(id="source-1", name="vault", instance=INSTANCE):
    return Source(id, instance, name, 1.0, 2.0)


async def test_a_new_store_is_at_version_0_and_empty(store):
    assert await store.registry.version() == 0
    assert await store.registry.load() == Configuration(0, ())


async def test_entities_of_every_kind_are_read_back_as_they_were_put(store):
    assert await store.registry.apply([Put(one) for one in EVERY_KIND], expected=0) == 1
    loaded = await store.registry.load()
    assert loaded.version == 1
    assert {entity.id: entity for entity in loaded.entities} == {entity.id: entity for entity in EVERY_KIND}


async def test_configuration_survives_a_restart(house, store):
    await store.registry.apply([Put(one) for one in EVERY_KIND], expected=0)
    await house.crash(store)
    reopened = await house.open()
    assert set(await names(reopened)) == {"main", "vault", "ci", "failures", "ops", "s", "backup", "short"}
    assert await reopened.registry.version() == 1


async def test_each_change_makes_a_new_version_and_every_version_stays_readable(store):
    registry = store.registry
    assert await registry.apply([Put(source(name="first"))], expected=0) == 1
    assert await registry.apply([Put(source(name="second"))], expected=1) == 2
    assert await registry.apply([Remove(source())], expected=2) == 3
    assert await registry.apply([Put(source(name="third"))], expected=3) == 4
    assert await registry.version() == 4
    by_version = [await names(store, version) for version in range(5)]
    assert by_version == [[], ["first"], ["second"], [], ["third"]]


async def test_a_version_to_come_is_not_invented(store):
    with pytest.raises(ValueError, match="no registry version 1"):
        await store.registry.load(1)


async def test_a_change_for_another_version_is_a_conflict_and_changes_nothing(store):
    await store.registry.apply([Put(source(name="first"))], expected=0)
    for expected in (0, 2):
        with pytest.raises(RegistryConflictError):
            await store.registry.apply([Put(source(name="second"))], expected=expected)
    assert await names(store) == ["first"]
    assert await store.registry.version() == 1


async def test_of_concurrent_changes_for_one_version_one_is_made(store):
    outcomes = await asyncio.gather(
        *(store.registry.apply([Put(source(f"source-{one}"))], expected=0) for one in range(10)),
        return_exceptions=True,
    )
    assert outcomes.count(1) == 1
    assert sum(isinstance(one, RegistryConflictError) for one in outcomes) == 9
    assert len(await names(store)) == 1


async def test_removing_what_is_not_there_is_a_conflict_and_changes_nothing(store):
    with pytest.raises(RegistryConflictError):
        await store.registry.apply([Put(source()), Remove(source("source-2"))], expected=0)
    assert await store.registry.load() == Configuration(0, ())


async def test_a_text_that_another_entity_holds_is_refused_by_name_and_nothing_changes(store):
    await store.registry.apply([Put(source("source-1"), unique=("vault", "crn:v1"))], expected=0)
    with pytest.raises(NameTakenError) as caught:
        await store.registry.apply([Put(source("source-2"), unique=("other", "crn:v1"))], expected=1)
    assert caught.value.args[0] == "crn:v1"
    assert await names(store) == ["vault"]
    assert await store.registry.apply([Put(source("source-2"), unique=("other",))], expected=1) == 2


async def test_texts_are_unique_per_kind_and_instance_only(store):
    puts = [
        Put(source("source-1"), unique=("vault",)),
        Put(source("source-2", instance=OTHER_INSTANCE), unique=("vault",)),
        Put(Topic("topic-1", INSTANCE, "vault", 1.0, 2.0), unique=("vault",)),
    ]
    assert await store.registry.apply(puts, expected=0) == 1


async def test_texts_of_instances_are_unique_among_those_of_one_id_only(store):
    first, second = Instance("a", "main", 1.0, 1.0), Instance("b", "main", 1.0, 1.0)
    assert await store.registry.apply([Put(first, ("main",)), Put(second, ("main",))], expected=0) == 1


async def test_an_entity_keeps_its_own_texts_and_gives_up_those_it_no_longer_names(store):
    registry = store.registry
    await registry.apply([Put(source("source-1"), unique=("a", "b"))], expected=0)
    await registry.apply([Put(source("source-1"), unique=("b", "c"))], expected=1)
    await registry.apply([Put(source("source-2"), unique=("a",))], expected=2)
    with pytest.raises(NameTakenError):
        await registry.apply([Put(source("source-3"), unique=("c",))], expected=3)


async def test_removing_an_entity_frees_its_texts(store):
    registry = store.registry
    await registry.apply([Put(source("source-1"), unique=("vault",))], expected=0)
    await registry.apply([Remove(source("source-1"))], expected=1)
    assert await registry.apply([Put(source("source-2"), unique=("vault",))], expected=2) == 3


async def test_two_entities_may_exchange_their_texts_in_one_call(store):
    registry = store.registry
    await registry.apply(
        [Put(source("a"), unique=("left",)), Put(source("b"), unique=("right",))], expected=0
    )
    await registry.apply(
        [Put(source("a"), unique=("right",)), Put(source("b"), unique=("left",))], expected=1
    )
    with pytest.raises(NameTakenError):
        await registry.apply([Put(source("c"), unique=("left",))], expected=2)


async def test_a_cancellation_ends_what_is_not_terminal_of_a_destination(store, clock):
    gone = [
        planned("gone", State.PENDING),
        planned("gone", State.HELD, reason="quiet"),
        planned("gone", State.LEASED),
    ]
    ended, other = planned("gone", State.LEASED), planned("kept", State.PENDING)
    await append(store, entry("1", *gone, ended, other))
    await store.ledger.settle(delivered(ended.id))
    await store.registry.apply([Put(source())], [Cancel("deleted", "gone")], expected=0)
    after = await states(store)
    assert [after[one.id] for one in gone] == [State.CANCELLED] * 3
    assert (after[ended.id], after[other.id]) == (State.DELIVERED, State.PENDING)
    row = await store.ledger.delivery(INSTANCE, gone[0].id)
    assert (row.reason, row.settled_at) == ("deleted", clock.now())
    await require_true_counts(store)


async def test_a_cancellation_of_a_subscription_may_name_one_recipient(store):
    mine = [planned(subscription="mine", recipient=one) for one in ("a@x.test", "b@x.test")]
    theirs = planned(subscription="theirs", recipient="a@x.test")
    await append(store, entry("1", *mine, theirs))
    cancel = Cancel("unsubscribed", "destination-1", "mine", ("a@x.test",))
    await store.registry.apply([], [cancel], expected=0)
    after = await states(store)
    assert [after[one.id] for one in (*mine, theirs)] == [State.CANCELLED, State.PENDING, State.PENDING]
    await store.registry.apply([], [Cancel("unsubscribed", "destination-1", "mine")], expected=0)
    assert (await states(store))[mine[1].id] is State.CANCELLED
    await require_true_counts(store)


async def test_the_late_result_of_a_cancelled_delivery_is_refused(store):
    (leased,) = await append_leased(store)
    await store.registry.apply([], [Cancel("deleted", "destination-1")], expected=0)
    assert not await store.ledger.settle(delivered(leased))
    assert (await states(store))[leased] is State.CANCELLED
    assert await store.ledger.attempts(leased) == []


async def test_a_change_that_fails_takes_its_effects_with_it(store):
    waiting = planned("gone")
    await append(store, entry("1", waiting))
    await store.registry.apply([Put(source("source-1"), unique=("vault",))], expected=0)
    cancel = Cancel("deleted", "gone")
    with pytest.raises(NameTakenError):
        await store.registry.apply([Put(source("source-2"), unique=("vault",))], [cancel], expected=1)
    with pytest.raises(RegistryConflictError):
        await store.registry.apply([], [cancel], expected=0)
    assert await states(store) == {waiting.id: State.PENDING}


async def test_effects_without_a_change_make_no_new_version(store):
    assert await store.registry.apply([], [Hold("destination-1", "disabled")], expected=0) == 0
    assert await store.registry.version() == 0


async def test_what_is_held_is_not_claimed_until_a_release_with_the_same_reason(store, clock):
    pending, other = planned("off"), planned("on")
    (leased,) = await append_leased(store, destination="off")
    await append(store, entry("1", pending, other))
    await store.registry.apply([], [Hold("off", "disabled")], expected=0)
    after = await states(store)
    assert (after[pending.id], after[leased]) == (State.HELD, State.LEASED)
    assert [one.delivery_id for one in await claim_all(store.ledger)] == [other.id]
    await store.registry.apply([], [Unhold("off", "another reason")], expected=0)
    assert await claim_all(store.ledger) == []
    clock.advance(60)
    await store.registry.apply([], [Unhold("off", "disabled")], expected=0)
    row = await store.ledger.delivery(INSTANCE, pending.id)
    assert (row.state, row.due_at) == (State.PENDING, clock.now())
    assert [one.delivery_id for one in await claim_all(store.ledger)] == [pending.id]
    await require_true_counts(store)


async def test_a_closed_store_answers_unavailable(house, store):
    registry = store.registry
    await house.crash(store)
    with pytest.raises(Unavailable):
        await registry.apply([Put(source())], expected=0)
    with pytest.raises(Unavailable):
        await registry.load()


async def names(store, version=None):
    return sorted(entity.name for entity in (await store.registry.load(version)).entities)
