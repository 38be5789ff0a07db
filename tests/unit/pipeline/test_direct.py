"""Who is told of an event that names its own recipient: a plain address, of a domain that is allowed."""

from dataclasses import replace

import pytest

from gateway.domain.destination import Destination, Subscription
from gateway.domain.event import Event
from gateway.domain.topic import SourceRule, Topic
from gateway.domain.view import MISSING, EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.direct import direct_recipients, pointed
from gateway.pipeline.route import RouteTable, exit_of, exits_of, plan

DIRECT = Subscription(
    "s", "i", "s", "t", "d", 0.0, 0.0, recipient_from="/mail", recipient_domains=("example.com", "b.example")
)


def told(mail):
    event = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})
    return direct_recipients(DIRECT, EventView(event, Vocabulary(), {"mail": mail}))


@pytest.mark.parametrize(
    "mail", ["a@example.com", " a@example.com ", "a.b+c@EXAMPLE.com", "o'neill@b.example"]
)
def test_an_address_of_an_allowed_domain_is_told(mail):
    assert told(mail) == (mail.strip(),)


@pytest.mark.parametrize(
    "mail",
    [
        "", "a", "@example.com", "a@", "a@evil.test", "a@sub.example.com", "a@example.com.evil.test",
        "a@evil.test@example.com", "a@example.com, b@evil.test", "a b@example.com", "A <a@example.com>",
        "a@example.com\r\nBcc: b@evil.test", "a@ex\u0430mple.com", None, 7,
        "x" * 65 + "@example.com", ["a@example.com"],
        "x@" + "a" * 300 + ".example.com",
    ],
)  # fmt: skip
def test_anything_else_reaches_nobody(mail):
    assert told(mail) == ()


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("/a/b", 1),
        ("/a/nothing", None),
        ("/A/B", 1),
        ("/odd/one", 3),
        ("/odd/TWO", 4),
        ("/many/K7", None),
        ("/list/1", "y"),
        ("/list/9", None),
        ("/list/99999999999999999999", None),
        ("/fields/Email", "e"),
        ("/fields/e-mail", "f"),
        ("/fields/none", None),
        ("/x~1y", 2),
        ("/a/b/c", None),
    ],
)
def test_a_pointer_finds_members_elements_and_named_rows(pointer, found):
    rows = [{"name": " email", "value": "e"}, {"name": "E-Mail", "value": "f"}, {"name": 3}, "no row"]
    odd, many = {"One": 1, "one": 3, "Two": 4}, {f"k{number}": number for number in range(101)}
    value = {"a": {"b": 1}, "list": ["x", "y"], "fields": rows, "x/y": 2, "odd": odd, "many": many}
    assert pointed(value, pointer) == found


def test_there_is_nothing_in_an_event_without_data():
    assert pointed(MISSING, "/fields/Email") is None


def test_whoever_has_unsubscribed_is_told_no_more():
    left = replace(DIRECT, address={"unsubscribed": ["A@example.com"]})
    event = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})
    for mail, reached in (("a@example.com", ()), ("b@example.com", ("b@example.com",))):
        assert direct_recipients(left, EventView(event, Vocabulary(), {"mail": mail})) == reached


@pytest.mark.parametrize(("mail", "state"), [("a@example.com", "pending"), ("a@evil.test", "suppressed")])
@pytest.mark.parametrize("enabled", [True, False])
def test_whoever_may_not_be_told_leaves_a_row_that_says_so(mail, state, enabled):
    destination = Destination("d", "i", "d", "email", 0.0, 0.0, enabled=enabled)
    exits = exits_of([exit_of(DIRECT, destination, ("",))])
    table = RouteTable([(Topic("t", "i", "t", 0.0, 0.0), [SourceRule("r")], exits)])
    event = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})
    (row,) = plan(table, EventView(event, Vocabulary(), {"mail": mail})).deliveries
    if state == "suppressed":
        assert (row.recipient, row.state, row.reason) == ("", "suppressed", "no_allowed_recipient")
    else:
        assert (row.recipient, row.state) == (mail, state if enabled else "held")
