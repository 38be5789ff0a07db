"""Unsubscribing as a change of the configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.destination import Destination, Subscription
from gateway.ports import Cancel
from gateway.security.unsubscribing import Unsubscription
from gateway.service.subscriptions import MAX_RECIPIENTS, Subscriptions
from tests.unit.service.configuring import configured, topic

MAIL = Destination("d", "i", "d", "smtp_ibm", 1.0, 1.0)
SUBSCRIPTION = Subscription("u", "i", "u", "t", "d", 1.0, 1.0)
ONE = Unsubscription("i", "u", "One@x.test")


async def unsubscribed(address, wanted=ONE):
    """What becomes of the address, what is cancelled, and whether anything was changed."""
    registry, _, configurator = await configured(topic(), MAIL, replace(SUBSCRIPTION, address=address))
    applied, cancelled = registry.apply, []

    async def apply(changes, effects=(), *, expected):
        cancelled.extend(effects)
        return await applied(changes, effects, expected=expected)

    registry.apply = apply
    changed = await Subscriptions(configurator).unsubscribe(wanted)
    lists = registry.entities["u"].address
    return (
        {name: list(lists.get(name, ())) for name in ("invited", "subscribed", "unsubscribed")},
        cancelled,
        changed,
    )


@pytest.mark.parametrize("listed", ["invited", "subscribed"])
async def test_a_recipient_moves_to_those_who_unsubscribed(listed):
    lists, cancelled, changed = await unsubscribed({listed: ["two@x.test", "one@x.test"]}, ONE)
    other = {"invited": "subscribed", "subscribed": "invited"}[listed]
    assert lists == {listed: ["two@x.test"], other: [], "unsubscribed": ["One@x.test"]}
    assert cancelled == [Cancel("unsubscribed", "d", "u", ("one@x.test",))]
    assert changed


async def test_twice_changes_nothing_more():
    address = {"invited": ["two@x.test"], "unsubscribed": ["one@x.test"]}
    assert await unsubscribed(address) == (address | {"subscribed": []}, [], False)


async def test_of_a_subscription_that_is_gone_nothing_is_left_to_do():
    _, cancelled, changed = await unsubscribed({}, ONE._replace(subscription_id="gone"))
    assert (cancelled, changed) == ([], False)


async def test_a_full_list_forgets_the_first_of_them():
    gone = [f"{number}@x.test" for number in range(MAX_RECIPIENTS)]
    lists, _, _ = await unsubscribed({"invited": ["one@x.test"], "unsubscribed": gone})
    assert lists["unsubscribed"] == [*gone[1:], "One@x.test"]
    assert lists["invited"] == []
