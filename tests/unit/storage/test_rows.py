"""Domain values as JSON text and back."""

from __future__ import annotations

from types import MappingProxyType
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.destination import Subscription
from gateway.domain.errors import Problem
from gateway.domain.event import DataForm, Event
from gateway.domain.noise import (
    Digest,
    DuplicateWindow,
    Escalation,
    Frequency,
    NoisePolicy,
    QuietHours,
    Unless,
)
from gateway.domain.severity import Severity
from gateway.domain.source import Instance, Source
from gateway.domain.topic import Topic
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.ports import Entity
from gateway.storage import rows

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
ATTRIBUTES = st.dictionaries(TEXT, TEXT | st.booleans() | st.integers(-(2**31), 2**31 - 1))
VOCABULARIES = st.builds(
    Vocabulary,
    severity=st.none() | st.sampled_from(Severity),
    outcome=st.none() | st.sampled_from(Outcome),
    title=st.none() | TEXT,
    resources=st.lists(TEXT).map(tuple),
    links=st.dictionaries(TEXT, TEXT),
)


def test_every_kind_of_entity_has_a_name():
    assert set(rows.KINDS.values()) == set(get_args(Entity))
    assert all(kind.__name__.lower() == name for name, kind in rows.KINDS.items())


def test_an_instance_belongs_to_itself():
    assert rows.instance_of(Instance("i", "main", 1.0, 1.0)) == "i"
    assert rows.instance_of(Source("s", "i", "vault", 1.0, 1.0)) == "i"


def test_members_that_a_row_lacks_take_their_defaults_and_unknown_ones_are_ignored():
    body = '{"id": "s", "instance_id": "i", "name": "n", "created_at": 1, "updated_at": 2, "later": []}'
    assert rows.entity("source", body) == Source("s", "i", "n", 1.0, 2.0)


def test_any_mapping_can_be_kept():
    address = MappingProxyType({"card": MappingProxyType({"colour": "red"})})
    way = Subscription("s", "i", "n", "t", "d", 1.0, 2.0, address=address)
    assert rows.entity("subscription", rows.to_text(way)).address == {"card": {"colour": "red"}}


def test_a_policy_is_read_back_as_it_was():
    policy = NoisePolicy(
        rate_limit=True,
        duplicates=DuplicateWindow(9.0, ("resource",)),
        digest=Digest("severity = info", Frequency.WEEKLY),
        quiet_hours=QuietHours(let_through=Severity.ERROR, days=("mon",)),
        escalation=Escalation("s", 5.0, Unless.DELIVERED),
        fallback=False,
    )
    topic = Topic("t", "i", "n", 1.0, 2.0, policy=policy)
    assert rows.entity("topic", rows.to_text(topic)) == topic


def test_what_is_no_value_of_the_domain_is_an_error():
    with pytest.raises(TypeError, match="object"):
        rows.to_text({"a": object()})


def test_problems_are_read_back_and_null_is_none():
    problems = (Problem("a", "b", "/c", "d"), Problem("e", "f"))
    assert rows.problems(rows.to_text(problems)) == problems
    assert rows.problems(None) == ()


@given(attributes=ATTRIBUTES, vocabulary=VOCABULARIES, form=st.sampled_from(DataForm), data=st.binary())
def test_an_event_is_read_back_as_it_was(attributes, vocabulary, form, data):
    accepted = rows.accepted_event(
        "e", "i", "s", 1.5, 7, form.value, rows.to_text(attributes), rows.to_text(vocabulary), data
    )
    assert accepted.event == Event(attributes, data, form)
    assert accepted.vocabulary == vocabulary
    assert all(type(accepted.event.attributes[name]) is type(value) for name, value in attributes.items())
