"""Changing who gets mail, in the forms that IBM's clients send."""

import pytest

from gateway.domain.errors import Invalid
from gateway.service.subscriptions import merge_address

KNOWN = {"invited": ["a@x.test", "B@x.test"], "subscribed": ["c@x.test"], "unsubscribed": ["d@x.test"]}


def test_what_is_not_given_stays():
    assert merge_address(KNOWN, {}) == KNOWN
    assert merge_address(KNOWN, {"from_name": "Backups"}) == KNOWN | {"from_name": "Backups"}


def test_a_plain_list_replaces_the_known_one():
    assert merge_address(KNOWN, {"invited": ["e@x.test"]}) == KNOWN | {"invited": ["e@x.test"]}


def test_added_ones_come_last_and_once():
    merged = merge_address(KNOWN, {"invited": {"add": ["e@x.test", "a@x.test", "e@x.test"]}})
    assert merged == KNOWN | {"invited": ["a@x.test", "B@x.test", "e@x.test"]}


def test_invited_counts_as_subscribed_when_one_is_removed():
    merged = merge_address(KNOWN, {"subscribed": {"remove": ["a@x.test", "b@X.test"]}})
    assert merged == KNOWN | {"invited": []}
    merged = merge_address(KNOWN, {"invited": {"remove": ["c@x.test"]}})
    assert merged == KNOWN | {"subscribed": []}


def test_the_unsubscribed_are_a_list_of_their_own():
    merged = merge_address(KNOWN, {"unsubscribed": {"remove": ["d@x.test", "a@x.test"]}})
    assert merged == KNOWN | {"unsubscribed": []}


def test_removed_and_added_at_once_is_there():
    merged = merge_address(KNOWN, {"invited": {"remove": ["a@x.test"]}, "subscribed": {"add": ["a@x.test"]}})
    assert merged == KNOWN | {"invited": ["B@x.test"], "subscribed": ["c@x.test", "a@x.test"]}


def test_a_kind_without_lists_gets_none():
    assert merge_address({"signing_enabled": True}, {"signing_enabled": False}) == {"signing_enabled": False}


@pytest.mark.parametrize(
    "edit", [{"add": "a@x.test"}, {"add": [1]}, {"remove": {"a": 1}}, {"drop": ["a@x.test"]}]
)
def test_an_edit_that_is_none_is_refused(edit):
    with pytest.raises(Invalid) as caught:
        merge_address(KNOWN, {"invited": edit})
    assert caught.value.problems[0].pointer == "/attributes/invited"


CHANNELS = {"channels": [{"id": "C1"}, {"id": "C2"}]}


def test_rows_with_an_operation_are_edits():
    rows = [{"id": "C1", "operation": "remove"}, {"id": "C3", "operation": "add"}]
    assert merge_address(CHANNELS, {"channels": rows}) == {"channels": [{"id": "C2"}, {"id": "C3"}]}
    again = [{"id": "C2", "operation": "add"}, {"id": "C9", "operation": "remove"}]
    assert merge_address(CHANNELS, {"channels": again}) == CHANNELS
    assert merge_address({}, {"channels": again}) == {"channels": [{"id": "C2"}]}


def test_rows_without_an_operation_replace_the_known_ones():
    assert merge_address(CHANNELS, {"channels": [{"id": "C3"}]}) == {"channels": [{"id": "C3"}]}


@pytest.mark.parametrize(
    "row",
    [
        {"id": "C1", "operation": "drop"},
        {"operation": "add"},
        {"id": 1, "operation": "add"},
        "C1",
        {"id": "C1"},
    ],
)
def test_a_row_that_is_no_edit_among_edits_is_refused(row):
    with pytest.raises(Invalid) as caught:
        merge_address(CHANNELS, {"channels": [{"id": "C3", "operation": "add"}, row]})
    assert caught.value.problems[0].pointer == "/attributes/channels"
