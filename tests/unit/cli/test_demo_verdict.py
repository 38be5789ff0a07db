"""The demo's verdict misses nothing that went wrong."""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import replace
from email.message import EmailMessage

import pytest
from cloudevents.core.bindings.http import to_structured_event

from gateway.cli.demo import seed
from gateway.cli.demo.receivers import Arrival, Arrivals
from gateway.cli.demo.story import KINDS, Sent, acts
from gateway.cli.demo.verdict import Result, expected, missing
from gateway.cli.listening.receiver import Received

SOURCE_ID = "41cdb7d4-db3e-496b-b7df-d4ead362c412:api"


def mail_of(act, *, subject="", body="", details=None) -> EmailMessage:
    text = (
        f"{body}\n\nNotification details:\n\n{json.dumps(details, indent=3)}\n" if details else body or "text"
    )
    message = email.message_from_string("", EmailMessage, policy=email.policy.default)
    message["Subject"] = subject or str(act.event.get_extension("ibmendefaultshort"))
    message.set_content(text)
    return message


def perfect() -> tuple[list[Sent], list[Result], Arrivals]:
    """What a demo finds in which everything went well."""
    sent = [Sent(act, f"accepted-{number}", 0.0) for number, act in enumerate(acts(SOURCE_ID))]
    found, arrivals = [], Arrivals()
    for one in sent:
        for kind in KINDS if one.act.told else ():
            arrival = Arrival(f"{kind} {one.accepted_id}", 0.01, content(one.act, kind))
            getattr(arrivals, kind).append(arrival)
            found.append(Result(one, kind, {"state": "delivered"}, arrival))
    return sent, found, arrivals


def content(act, kind: str):
    if kind == "webhook":
        body = to_structured_event(act.event).body
        return Received("id", None, body, "v1,x", verified=True, repeat=False, at=0.0)
    if kind == "email":
        is_seed = act.event.get_extension("ibmendefaultlong") == seed.MAIL_BODY
        return mail_of(act, body=seed.MAIL_BODY, details=seed.MAIL_DETAILS) if is_seed else mail_of(act)
    return {}


def replaced(found: list[Result], index: int, **changes) -> list[Result]:
    return [*found[:index], replace(found[index], **changes), *found[index + 1 :]]


def test_a_demo_in_which_everything_went_well_misses_nothing():
    sent, found, arrivals = perfect()
    assert expected(sent) == len(found) == 69
    assert missing(sent, found, arrivals) == []


def test_what_did_not_arrive_is_missed():
    sent, found, arrivals = perfect()
    arrivals.email.pop(0)
    wrong = missing(
        sent, replaced(found, 1, arrival=None, delivery={"state": "dead", "detail": "refused"}), arrivals
    )
    assert wrong == ["IBM's sample, structured: nothing came by email; it is dead refused"]


def test_what_the_ledger_does_not_know_as_delivered_is_missed():
    sent, found, arrivals = perfect()
    wrong = missing(sent, replaced(found, 0, delivery={"state": "pending"}), arrivals)
    assert wrong == ["IBM's sample, structured: came by webhook, but is pending"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_twice_is_too_much(kind):
    sent, found, arrivals = perfect()
    getattr(arrivals, kind).append(getattr(arrivals, kind)[0])
    wrong = missing(sent, found, arrivals)
    assert f"24 came by {kind}, of which 23 are accounted for" in wrong


def test_an_event_that_was_routed_to_nobody_is_missed():
    sent, found, arrivals = perfect()
    arrivals.slack.remove(found[2].arrival)
    wrong = missing(sent, [*found[:2], *found[3:]], arrivals)
    assert wrong == [
        "IBM's sample, structured: deliveries to email, webhook instead of email, slack, webhook"
    ]


def test_an_event_that_nobody_was_to_be_told_of_is_too_much():
    sent, found, arrivals = perfect()
    stray = Result(sent[-1], "slack", {"state": "delivered"}, Arrival("stray", 0.1, {}))
    arrivals.slack.append(stray.arrival)
    assert missing(sent, [*found, stray], arrivals) == [
        "a backup that went well: deliveries to slack instead of nobody"
    ]


def test_a_changed_webhook_and_an_unsigned_one_are_noticed():
    sent, found, arrivals = perfect()
    received = found[0].arrival.content
    changed = replace(received, body=received.body.replace(b"medium", b"low"), verified=False)
    wrong = missing(sent, replaced(found, 0, arrival=replace(found[0].arrival, content=changed)), arrivals)
    assert wrong == [
        "IBM's sample, structured: the webhook does not carry the event as it was sent",
        "IBM's sample, structured: the webhook is not signed",
    ]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("title", {"subject": "Something else"}),
        ("body", {"body": "Something else."}),
        ("notification details", {"details": {"backup_policy": "another"}}),
    ],
)
def test_a_mail_that_is_not_ibms_is_noticed(part, change):
    sent, found, arrivals = perfect()
    index = next(at for at, row in enumerate(found) if row.kind == "email" and row.sent is sent[2])
    mail = mail_of(sent[2].act, **{"body": seed.MAIL_BODY, "details": seed.MAIL_DETAILS} | change)
    wrong = missing(
        sent, replaced(found, index, arrival=replace(found[index].arrival, content=mail)), arrivals
    )
    assert len(wrong) == 1 and f"the mail's {part}" in wrong[0]


def test_what_a_receiver_refused_is_said_first():
    sent, found, arrivals = perfect()
    arrivals.refused.append("a message that Slack would not take: no_text")
    assert missing(sent, found, arrivals) == ["a message that Slack would not take: no_text"]
