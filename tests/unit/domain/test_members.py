"""Members that a CloudEvent has no room for: there when asked, whatever else a sender puts in their place."""

from __future__ import annotations

import json

import pytest

from gateway.domain.event import Event
from gateway.domain.members import CARRIER, as_sent, carried

PLAIN = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def test_nearly_every_event_carries_nothing():
    assert carried(Event(PLAIN)) == {}
    assert as_sent(Event(PLAIN)) is PLAIN


def test_members_are_seen_as_they_were_sent():
    members = {"message_subject": "a\nb", "source": "not a uri", "personalization": {"a@b": {"x": 1.5}}}
    event = Event({**PLAIN, CARRIER: json.dumps(members)})
    assert carried(event) == members
    assert as_sent(event) == {**PLAIN, **members}


@pytest.mark.parametrize("text", ["", "x", "[]", "null", '"a"', "[" * 100_000, '{"a":', 5, True])
def test_what_is_no_object_carries_nothing(text):
    event = Event({**PLAIN, CARRIER: text})
    assert carried(event) == {}
    assert as_sent(event).items() >= PLAIN.items()
