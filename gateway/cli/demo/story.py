"""What the demo does to the gateway: a source, a topic, three destinations, and the events.

Everything goes over HTTP, and the events with the source's own key, as a sender would have it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudevents.core.base import BaseCloudEvent

from gateway.cli.client import Client, segment
from gateway.cli.cloudevent import JSON, Mode, build, encode
from gateway.cli.demo import seed
from gateway.cli.demo.receivers import Receivers
from gateway.cli.places import Place
from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict

RULE = f"type starts-with {seed.SOURCE}. and severity >= error"
RECIPIENT, SENDER = "ops@demo.example", "tocsin@demo.example"
KINDS = ("webhook", "email", "slack")

EVENTS, NOTIFICATIONS = "events", "notifications"


@dataclass(frozen=True, slots=True)
class Act:
    """One event to send. `told` says whether anybody is to be told of it, `route` where it is posted."""

    label: str
    event: BaseCloudEvent
    mode: Mode = "structured"
    route: str = EVENTS
    told: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that was accepted, under this id; `at` is when it was posted, in monotonic seconds."""

    act: Act
    accepted_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Stage:
    """What was set up: who sends, and the kind of each destination by its id."""

    sender: Client
    kinds: dict[str, str]


def set_up(client: Client, receivers: Receivers) -> tuple[Stage, str]:
    """Register the source as IBM documents it, and everything that leads from it to the receivers.

    Returns the stage and the id of the source. Raises Refused as the gateway does.
    """
    source = client.post("sources", seed.registration(client.place.instance))
    if not source.get("event_notifications_instance_crn"):
        raise Conflict("crn_missing", "the answer to the registration lacks the CRN of the instance")
    key = client.post(f"sources/{segment(source['id'])}/keys", {"name": "demo"})
    feed = {"id": source["id"], "rules": [{"rule": RULE}]}
    topic = client.post("topics", {"name": "backup failures", "sources": [feed]})
    kinds = {}
    for kind, params, attributes in _destinations(receivers):
        destination = client.post("destinations", {"name": kind, "type": kind, "config": {"params": params}})
        kinds[destination["id"]] = kind
        if kind == "webhook":
            receivers.receiver.secrets = [destination["generated"]["signing_secret"]]
        client.post(
            "subscriptions",
            {
                "name": kind,
                "topic_id": topic["id"],
                "destination_id": destination["id"],
                "attributes": attributes,
            },
        )
    return Stage(Client(Place(client.place.url, key["key"], client.place.instance)), kinds), source["id"]


def _destinations(receivers: Receivers) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    web = f"http://127.0.0.1:{receivers.web_port}"
    yield "webhook", {"url": f"{web}/webhook", "verb": "post"}, {"signing_enabled": True}
    server = {"host": "127.0.0.1", "port": receivers.mail_port, "security": "none", "from_address": SENDER}
    yield "email", server, {"invited": [RECIPIENT], "add_notification_payload": True}
    yield "slack", {"url": f"{web}/slack", "type": "incoming_webhook", "format": "blocks"}, {}


def acts(source_id: str) -> Iterator[Act]:
    """Every event of the demo, in the order in which it is sent."""
    yield Act("IBM's sample, structured", _event(seed.sample(seed.SAMPLE_ID, source_id)))
    yield Act("IBM's sample, binary", _event(seed.sample(str(uuid.uuid4()), source_id)), mode="binary")
    mail = _common(seed.TYPE, source_id) | {
        "ibmendefaultshort": seed.MAIL_TITLE,
        "ibmendefaultlong": seed.MAIL_BODY,
    }
    yield Act("the event behind IBM's mail", _event(mail, seed.MAIL_DETAILS), route=NOTIFICATIONS)
    for number, failure in enumerate(seed.failures(), 1):
        attributes = _common(failure.type, source_id) | {"ibmendefaultshort": failure.title}
        label = f"{failure.resource_type} {failure.job_type}: {failure.reason}"
        yield Act(label, _event(attributes, failure.details(number)), route=NOTIFICATIONS)
    routine = _common("backup.completed", source_id) | {"severity": "info"}
    yield Act("a backup that went well", _event(routine), told=False)


def _common(type: str, source_id: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": seed.SOURCE,
        "type": type,
        "time": datetime(2024, 4, 22, 20, 59, 34, tzinfo=UTC),
        "ibmenseverity": "medium",
        "ibmensourceid": source_id,
    }


def _event(attributes: dict[str, Any], data: dict[str, Any] | None = None) -> BaseCloudEvent:
    moment = attributes["time"]
    attributes = attributes | {"time": datetime.fromisoformat(moment) if isinstance(moment, str) else moment}
    return build(attributes | ({"datacontenttype": JSON} if data else {}), data)


def send_all(sender: Client, source_id: str, clock: Clock) -> tuple[list[Sent], list[str]]:
    """Post every event, and the first one a second time. Returns what was sent and what went wrong."""
    sent = [_post(sender, act, clock) for act in acts(source_id)]
    repeat = _post(sender, sent[0].act, clock)
    if repeat.accepted_id != sent[0].accepted_id:
        return sent, ["a repeat of the first event was accepted as another event"]
    return sent, []


def _post(sender: Client, act: Act, clock: Clock) -> Sent:
    headers, body = encode(act.event, act.mode)
    began = clock.monotonic()
    answer = sender.send("POST", sender.target(act.route), body, headers)
    return Sent(act, str(answer["notification_id"]), began)
