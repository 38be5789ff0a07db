"""Bodies: what is taken, what is refused and where, and answers that never fail on what is stored."""

import json
import math

import pytest
from pydantic import ValidationError

from gateway.api.invoke import answer
from gateway.api.problem import invalid_body
from gateway.api.shapes.base import timestamp
from gateway.api.shapes.destinations import DestinationCreate, DestinationUpdate
from gateway.api.shapes.keys import InstanceKeyCreate
from gateway.api.shapes.records import event_detail
from gateway.domain.delivery import AcceptedEvent
from gateway.domain.event import DataForm, Event
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.snapshot import build
from gateway.ports import Configuration, StoredEvent
from gateway.service.ledger import EventWithDeliveries

DAY = 86_400.0
NUMBERS = b'{"a": 1.10, "b": 1e999, "c": ' + b"9" * 400 + b', "d": null, "e": -0.0}'
ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def refused(model, given):
    """Where a body is refused."""
    with pytest.raises(ValidationError) as error:
        model.model_validate(given)
    refusal = invalid_body(error.value, given)
    assert refusal.status == 400
    return [problem.pointer for problem in refusal.problems]


@pytest.mark.parametrize(
    ("schedule", "pointer"),
    [
        ([1, 0], "/1"),
        ([0.001], "/0"),
        ([7 * DAY + 1], "/0"),
        ([math.inf], "/0"),
        ([math.nan], "/0"),
        ([-5.0], "/0"),
        ([1] * 51, ""),
        ([7 * DAY] * 5, ""),
    ],
)
def test_a_retry_schedule_out_of_bounds_is_refused_where_it_is_wrong(schedule, pointer):
    whole = {"name": "n", "type": "webhook", "retry_schedule": schedule}
    assert set(refused(DestinationCreate, whole)) == {f"/retry_schedule{pointer}"}
    assert set(refused(DestinationUpdate, {"retry_schedule": schedule})) == {f"/retry_schedule{pointer}"}


@pytest.mark.parametrize("schedule", [[], [0.01], [1] * 50, [7 * DAY] * 4 + [2 * DAY]])
def test_a_retry_schedule_within_its_bounds_is_taken(schedule):
    assert DestinationUpdate(retry_schedule=schedule).retry_schedule == schedule


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1.5, "1970-01-01T00:00:01.500Z"),
        (-1e300, "1970-01-01T00:00:00.000Z"),
        (1e300, "9999-12-31T23:59:59.000Z"),
        (math.inf, "9999-12-31T23:59:59.000Z"),
        (math.nan, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_any_time_can_be_shown(seconds, shown):
    assert timestamp(seconds) == shown


@pytest.mark.parametrize("role", ["source", "operator", "root", "", None, 1])
def test_a_key_of_the_instance_is_an_admins_or_a_senders(role):
    assert refused(InstanceKeyCreate, {"role": role}) == ["/role"]
    assert InstanceKeyCreate.model_validate({"role": "sender"}).role == "sender"


def shown(data, form):
    accepted = AcceptedEvent("e", "i", "s", Event(ATTRIBUTES, data, form), Vocabulary(), 1.0, 1)
    found = EventWithDeliveries(StoredEvent(accepted), (), "next")
    return answer(200, event_detail(found, build(Configuration(1, ()), ""))).body


def test_the_data_of_an_event_is_answered_as_the_bytes_that_came():
    body = shown(NUMBERS, DataForm.JSON)
    assert b'"data":' + NUMBERS + b"}" in body
    told = json.loads(body)
    assert told["cloudevent"]["data"]["d"] is None and told["deliveries_cursor"] == "next"
    assert json.loads(shown(b"\xff", DataForm.BINARY))["cloudevent"]["data_base64"] == "/w=="
    assert json.loads(shown(b"x", DataForm.TEXT))["cloudevent"]["data"] == "x"
    assert json.loads(shown(None, DataForm.NONE))["cloudevent"] == ATTRIBUTES
