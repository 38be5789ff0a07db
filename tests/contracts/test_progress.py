"""How an event fares, counted over all its deliveries on every store, and told in IBM's words."""

import pytest

from gateway.api.shapes.records import status_answer
from gateway.domain.delivery import State
from gateway.domain.errors import NotFound
from gateway.domain.source import Instance
from gateway.service.ledger import COUNTED_ROWS, Records
from tests.contracts.ledger_values import (
    INSTANCE,
    NOW,
    OTHER_INSTANCE,
    PROBLEM,
    SOURCE,
    append,
    dead,
    delivered,
    entry,
    planned,
    retry,
)

HERE = Instance(INSTANCE, "n", NOW, NOW)


@pytest.fixture
def records(store):
    return Records(store.ledger, lambda: None)


async def appended(store, *deliveries, **more):
    [result] = await append(store, entry("1", *deliveries, **more))
    return result.event_id


async def told(records, event_id):
    answer = status_answer(await records.progress(HERE, event_id))
    return answer.status, answer.details.status_code


async def test_an_event_is_in_progress_until_its_last_delivery_has_ended(store, records):
    one, other = planned(state=State.LEASED), planned("destination-2", State.LEASED)
    event_id = await appended(store, one, other)
    assert await told(records, event_id) == ("inprogress", 202)
    await store.ledger.settle(delivered(one.id))
    assert await told(records, event_id) == ("inprogress", 202)
    await store.ledger.settle(retry(other.id, NOW + 60))
    assert await told(records, event_id) == ("inprogress", 202)


async def test_what_waits_for_a_disabled_destination_is_in_progress(store, records):
    event_id = await appended(store, planned(state=State.HELD, reason="destination_disabled"))
    assert await told(records, event_id) == ("inprogress", 202)


async def test_one_dead_delivery_makes_a_failure_once_all_have_ended(store, records):
    one, other = planned(state=State.LEASED), planned("destination-2", State.LEASED)
    event_id = await appended(store, one, other)
    await store.ledger.settle(dead(one.id))
    assert (await told(records, event_id))[0] == "inprogress"
    await store.ledger.settle(delivered(other.id))
    assert await told(records, event_id) == ("failure", 400)
    progress = await records.progress(HERE, event_id)
    assert status_answer(progress).details.status_message.startswith("1 dead, 1 delivered; rejected")


async def test_an_event_without_deliveries_is_a_success_and_a_quarantined_one_is_not(store, records):
    assert await told(records, await appended(store)) == ("success", 200)
    [quarantined] = await append(store, entry("2", problems=(PROBLEM,)))
    assert await told(records, quarantined.event_id) == ("failure", 422)


async def test_every_delivery_counts_however_many_there_are(store, records):
    many = [planned(recipient=str(number), state=State.LEASED) for number in range(COUNTED_ROWS + 1)]
    event_id = await appended(store, *many)
    for plan in (many[0], many[-1]):
        await store.ledger.settle(delivered(plan.id))
    progress = await records.progress(HERE, event_id)
    assert progress.states == {State.LEASED: COUNTED_ROWS - 1, State.DELIVERED: 2}
    assert progress.open == COUNTED_ROWS - 1


async def test_an_event_of_another_instance_or_another_source_is_not_there(store, records):
    event_id = await appended(store)
    assert (await records.progress(HERE, event_id, SOURCE)).open == 0
    for instance, source in ((Instance(OTHER_INSTANCE, "n", NOW, NOW), None), (HERE, "source-2")):
        with pytest.raises(NotFound, match="there is no event"):
            await records.progress(instance, event_id, source)
