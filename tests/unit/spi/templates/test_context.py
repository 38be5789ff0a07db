"""What templates see of an event."""

import json

import orjson
import pytest

from gateway.domain.delivery import AcceptedEvent
from gateway.spi import message as messages
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode
from gateway.spi.message import Message
from gateway.spi.templates import Target, compile_template, context_of, looks_like_json

EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/s",
    "type": "backup.failed",
    "subject": "vm/7",
    "severity": "error",
    "title": "It failed",
    "ibmendefaultshort": "short",
    "data": {"summary": "No space", "list": [{"x": "y"}], "odd.key": 1, "task_url": "https://h/t",
             "links": {"task_log": "https://h/l"}},
}  # fmt: skip


def message(**changed):
    event = decode(orjson.dumps({name: one for name, one in {**EVENT, **changed}.items() if one is not None}))
    accepted = AcceptedEvent("n-1", "i", "s", event, meaning(event, payload(event)), 1_747_792_475.0, 1)
    return Message("d-1", accepted, "j@x.test", "https://t")


def shown(text, extra=None, **changed):
    return compile_template(text, Target.TEXT).render(context_of(message(**changed), extra=extra or {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{{event.type}} {{event.severity}} {{event.subject}} {{event.summary}}",
            "backup.failed error It failed No space",
        ),
        ("{{event.timestamp}} {{event.event_id}} {{event.resource}}", "2025-05-21T01:54:35Z e-1 vm/7"),
        ("{{event.task_url}} {{event.links.task_log}} {{event.actor}}", "https://h/t https://h/l "),
        ("{{type}} {{subject}} {{severity}} {{id}} {{title}}", "backup.failed vm/7 error e-1 It failed"),
        ("{{data.list.[0].x}} {{data.[odd.key]}} {{data.missing.more}}", "y 1 "),
        ("{{ibmendefaultshort}} {{ibmendefaultlong}} {{notification_id}}", "short No space n-1"),
        (
            "{{message}} {{message.title}} {{message.state}} {{message.color}}",
            "No space It failed problem #E74C3C",
        ),
        (
            "{{#each message.facts}}{{name}}={{value}};{{/each}}",
            "Severity=error;Outcome=failed;Type=backup.failed;Source=/s;",
        ),
        ("{{#each message.links}}{{label}} {{/each}}", "Task Task log Event "),
        ("{{timestamp}} {{fields.severity}} {{recipient}}", "1747792475 error j@x.test"),
        ("{{missing}}{{event.missing}}{{message.missing}}", ""),
    ],
)
def test_names_mean_what_the_page_says(text, expected):
    assert shown(text) == expected


def test_extra_names_come_before_all_others():
    assert (
        shown("{{ibmen_unsubscription}} {{type}}", {"ibmen_unsubscription": "https://u", "type": "x"})
        == "https://u x"
    )


def test_event_payload_is_the_whole_event():
    assert (
        json.loads(shown("{{event_payload}}")) == EVENT | {"datacontenttype": "application/json"}
        or json.loads(shown("{{event_payload}}")) == EVENT
    )
    inside = compile_template('{"text": "{{event_payload}}", "event": {{event_payload}}}', Target.JSON)
    made = json.loads(inside.render(context_of(message())))
    assert json.loads(made["text"]) == made["event"]


def test_the_context_itself_can_be_written():
    whole = json.loads(shown("{{json this}}"))
    assert whole["event"]["subject"] == "It failed"
    assert whole["data"] == EVENT["data"]


def test_data_is_parsed_only_for_a_template_that_reads_it(monkeypatch):
    asked = []
    monkeypatch.setattr(messages, "payload", lambda event: asked.append(1) or payload(event))
    assert shown("{{event.subject}} {{message.title}} {{type}}") == "It failed It failed backup.failed"
    assert not asked
    assert shown("{{data.summary}}{{data.list.length}}") == "No space1"
    assert len(asked) == 1


def test_an_event_without_json_data_has_none():
    assert shown("{{#if data}}x{{else}}none{{/if}}{{data.x}}", data=None) == "none"


@pytest.mark.parametrize(
    ("text", "expected"), [(" {", True), ("{{a}}{", True), ("{{a", False), ("", False), ("a{", False)]
)
def test_what_looks_like_json(text, expected):
    assert looks_like_json(text) is expected
