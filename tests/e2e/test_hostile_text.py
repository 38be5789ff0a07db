"""Strings that have broken something somewhere, in every field that takes text: kept as they are, or refused.

The strings are in `tests/corpora/strings.py`; how answers are judged in `attacking.py`.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from gateway.domain.source import SELF
from tests.corpora.strings import STRINGS
from tests.e2e.attacking import INSTANCE, WAYS, Attacker, Way
from tests.fakes.http_sink import HttpSink
from tests.fakes.smtp_sink import SmtpSink
from tests.harness import Client
from tests.waiting import until

ATTRIBUTES = (
    "id",
    "source",
    "type",
    "subject",
    "time",
    "dataschema",
    "datacontenttype",
    "specversion",
    "ext",
)
TEXTS = ("name", "description")
BLANK = {"name": "a"}


async def routed(tenant: Client, attacker: Attacker, kind: str, params: dict, attributes: dict) -> None:
    topic = await tenant.create("topics", name="all", sources=[{"id": attacker.source_id, "rules": [{}]}])
    made = await tenant.create("destinations", name=kind, type=kind, config={"params": params})
    await tenant.create(
        "subscriptions",
        name="all",
        topic_id=topic["id"],
        destination_id=made["id"],
        attributes=attributes,
    )


async def test_attributes_are_shown_and_forwarded_as_they_came_or_refused(
    attacker: Attacker, tenant: Client, sink: HttpSink
):
    await routed(tenant, attacker, "webhook", {"url": sink.url("/"), "verb": "post"}, {})
    sent: dict[str, dict[str, Any]] = {}
    for attribute in ATTRIBUTES:
        for name, text in STRINGS.items():
            event = attacker.event(**{attribute: text}, key=f"{attribute}: {name}".encode().hex())
            answer = await attacker.send(WAYS["structured"], event)
            if answer.status == 202:
                shown = (await attacker.show(attacker.accepted[-1])).json["cloudevent"]
                assert shown == json.loads(event), (attribute, name)
                sent[shown["key"]] = shown
            else:
                assert answer.status == 400, (attribute, name, answer)
                assert answer.json["problems"][0]["pointer"] == f"/{attribute}"
                assert answer.json["problems"][0]["expected"]
    assert len(sent) > 2 * len(STRINGS)
    await until(lambda: len(sink.requests) == len(sent), 60)
    for request in sink.requests:
        event = json.loads(request.body)
        assert event == sent[event["key"]]


async def test_binary_mode_judges_strings_as_structured_mode_does(attacker: Attacker):
    binary = Way(f"{INSTANCE}/events", "text/plain")
    for attribute in ("id", "source", "type", "subject", "time", "dataschema", "specversion", "ext"):
        for name, text in STRINGS.items():
            judged = await attacker.send(WAYS["structured"], attacker.event(**{attribute: text}))
            attributes = {"specversion": "1.0", "id": attacker.fresh(), "source": "/binary", "type": "a"}
            headers = {
                f"ce_{key}": quote(value, safe="") for key, value in (attributes | {attribute: text}).items()
            }
            answer = await attacker.send(binary, b"", **headers)
            assert answer.status == judged.status, (attribute, name, judged, answer)
            if answer.status == 202:
                shown = (await attacker.show(attacker.accepted[-1])).json["cloudevent"]
                assert shown[attribute] == text, (attribute, name)


async def test_names_of_attributes_are_names_or_refused(attacker: Attacker):
    for name, text in STRINGS.items():
        event = attacker.event()[:-1] + b"," + json.dumps(text).encode() + b':"a"}'
        answer = await attacker.send(WAYS["structured"], event)
        lawful = text.isascii() and text.isalnum() and text == text.lower()
        assert answer.status == (202 if lawful else 400), (name, answer)


@pytest.mark.parametrize("way", ["notification", "notification of old", "bulk"])
async def test_members_of_notifications_take_any_text(attacker: Attacker, way: str):
    members = (
        "subject",
        "ibmendefaultshort",
        "ibmendefaultlong",
        "ibmenseverity",
        "ibmensubject",
        "ibmenmailto",
    )
    for name, text in STRINGS.items():
        event = attacker.event(
            json.dumps({"title": text, text: text}).encode(), **dict.fromkeys(members, text)
        )
        answer = await attacker.send(WAYS[way], WAYS[way].body(event))
        expected = (202,) if WAYS[way].lenient else (202, 400)
        assert answer.status in expected, (name, answer)
        if answer.status == 202:
            assert (await attacker.show(attacker.accepted[-1])).status == 200


async def test_a_source_named_like_this_in_a_notification_is_unknown(attacker: Attacker):
    for name, text in STRINGS.items():
        answer = await attacker.send(WAYS["notification"], attacker.event(ibmensourceid=text))
        assert answer.status in (400, 403), (name, answer)


async def test_words_in_the_data_are_shown_searched_and_mailed_harmlessly(attacker: Attacker, tenant: Client):
    async with SmtpSink() as mail:
        params = {"host": "127.0.0.1", "port": mail.port, "security": "none", "from_address": "a@example.com"}
        await routed(tenant, attacker, "email", params, {"subscribed": ["ops@example.com"]})
        for name, text in STRINGS.items():
            words = dict.fromkeys(
                ("title", "summary", "severity", "resource", "job", "actor", "task_id"), text
            )
            event = attacker.event(json.dumps(words | {"links": {text: text}, text: {text: text}}).encode())
            assert (await attacker.send(WAYS["structured"], event)).status == 202, name
            assert (await attacker.show(attacker.accepted[-1])).status == 200, name
            found = await attacker.request("GET", f"{INSTANCE}/inbox?search={quote(text[:100], safe='')}")
            assert found.status == 200, (name, found)
        await until(lambda: len(mail.mails) == len(STRINGS), 60)
    for sent in mail.mails:
        assert sent.recipients == ("ops@example.com",)
        assert not {"bcc", "x-injected"} & {header.lower() for header in sent.message}
        assert sent.message["To"] == "ops@example.com" and sent.message.get_body(("plain",)) is not None


CREATED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "sources": (BLANK, (*TEXTS, "source", "event_notifications_instance_crn")),
    "topics": (BLANK, TEXTS),
    "destinations": (
        BLANK | {"type": "webhook", "config": {"params": {"url": "http://127.0.0.1:9/"}}},
        TEXTS,
    ),
    "schemas": (BLANK | {"event_types": ["a"], "schema": {}}, ("name",)),
    "keys": (BLANK, ("name",)),
}


@pytest.mark.parametrize("noun", CREATED)
async def test_texts_of_things_are_kept_as_they_came_or_refused(attacker: Attacker, noun: str):
    blank, fields = CREATED[noun]
    for field in fields:
        for name, text in STRINGS.items():
            answer = await create(attacker, noun, blank | {field: text})
            if answer.status != 201:
                assert answer.status == 400, (field, name, answer)
                assert "\0" in text or len(text) > 255 or text == "", (field, name, answer)
                continue
            assert answer.json[field] == text, (field, name)
            id = answer.json["id"]
            if noun != "keys":
                shown = await attacker.request("GET", f"{INSTANCE}/{noun}/{{id}}", id=id)
                assert shown.json[field] == text
            if noun != "keys" and field == "name":
                searched = f"{INSTANCE}/{noun}?limit=100&search={quote(text[:100], safe='')}"
                listed = await attacker.request("GET", searched)
                assert listed.status == 200 and id in listed.text, (name, listed)
            place = f"{INSTANCE}/{noun}/{{{'key_id' if noun == 'keys' else 'id'}}}"
            assert (await attacker.request("DELETE", place, id=id)).status == 204


async def create(attacker: Attacker, noun: str, body: dict[str, Any]):
    return await attacker.request(
        "POST", f"{INSTANCE}/{noun}", json.dumps(body).encode(), Content_Type="application/json"
    )


async def test_ids_like_these_are_not_found(attacker: Attacker):
    for name, text in STRINGS.items():
        for noun in ("sources", "topics", "destinations", "subscriptions", "schemas", "events", "deliveries"):
            if noun == "sources" and text == SELF:
                continue
            answer = await attacker.request("GET", f"{INSTANCE}/{noun}/{{id}}", id=text)
            assert answer.status == 404, (noun, name, answer)


REFERRING = {
    "topics": ("sources", [{"id": None, "rules": [{}]}]),
    "subscriptions": ("topic_id", None),
    "schemas": ("source_id", None),
    "destinations": ("type", None),
    "sources": ("format", None),
}


@pytest.mark.parametrize("noun", REFERRING)
async def test_references_like_these_lead_nowhere(attacker: Attacker, noun: str):
    field, shape = REFERRING[noun]
    blank = {**CREATED.get(noun, (BLANK, ()))[0], "destination_id": "none"}
    if noun != "subscriptions":
        del blank["destination_id"]
    for name, text in STRINGS.items():
        if noun == "topics" and text == SELF:
            continue  # every instance has the gateway itself as a source
        value = json.loads(json.dumps(shape).replace("null", json.dumps(text)))
        answer = await create(attacker, noun, blank | {field: value})
        assert answer.status in (400, 404, 422), (name, answer)


@pytest.mark.parametrize("field", ["event_type_filter", "notification_filter", "rule"])
async def test_rules_like_these_are_rules_or_refused(attacker: Attacker, field: str):
    for name, text in STRINGS.items():
        for rule in (text, f"type == '{text}'", f'title matches "{text}"'):
            body = BLANK | {"sources": [{"id": attacker.source_id, "rules": [{field: rule}]}]}
            answer = await create(attacker, "topics", body)
            assert answer.status in (201, 400, 422), (name, answer)
            if answer.status == 422:
                assert answer.json["problems"][0]["pointer"] == f"/sources/0/rules/0/{field}", (name, answer)
            if answer.status == 201:
                sent = await attacker.send(WAYS["structured"], attacker.event(b'{"title":"a"}'))
                assert sent.status == 202
                assert (
                    await attacker.request("DELETE", f"{INSTANCE}/topics/{{id}}", id=answer.json["id"])
                ).status == 204


async def test_addresses_like_these_are_no_urls(attacker: Attacker):
    for name, text in STRINGS.items():
        for url in (text, f"http://{text}/", f"http://127.0.0.1:9/{text}", f"http://127.0.0.1:{text}/"):
            body = BLANK | {"type": "webhook", "config": {"params": {"url": url}}}
            answer = await create(attacker, "destinations", body)
            assert answer.status in (201, 400, 422), (name, answer)


async def test_headers_like_these_are_sent_as_one_or_refused(
    attacker: Attacker, tenant: Client, sink: HttpSink
):
    for name, text in STRINGS.items():
        for headers in ({"X-A": text}, {text: "a"}):
            params = {"url": sink.url("/"), "custom_headers": headers}
            made = await create(
                attacker, "destinations", BLANK | {"type": "webhook", "config": {"params": params}}
            )
            assert made.status in (201, 400, 422), (name, made)
            if made.status != 201:
                continue
            before = len(sink.requests)
            tried, told = await tenant.call("POST", f"destinations/{made.json['id']}/test")
            assert tried == 202 and told["status"] == "success", (name, told)
            attacker.accepted.append(told["notification_id"])
            [received] = sink.requests[before:]
            assert "X-Injected" not in received.headers
            assert json.loads(received.body)["type"] == "io.tocsin.test"


async def test_a_destination_named_like_this_is_tested_harmlessly(attacker: Attacker, tenant: Client):
    async with SmtpSink() as mail:
        params = {"host": "127.0.0.1", "port": mail.port, "security": "none", "from_address": "a@example.com"}
        for name, text in STRINGS.items():
            body = {"name": text, "type": "email", "config": {"params": params}}
            made = await create(attacker, "destinations", body)
            if made.status != 201:
                continue
            place = f"destinations/{made.json['id']}/test?recipient=ops@example.com"
            status, told = await tenant.call("POST", place)
            assert status == 200 and told["status"] == "success", (name, told)
            attacker.accepted.append(told["notification_id"])
        assert len(mail.mails) > len(STRINGS) - 10
    for sent in mail.mails:
        assert sent.recipients == ("ops@example.com",)
        assert not {"bcc", "x-injected"} & {header.lower() for header in sent.message}
