"""Templates from outside: IBM's SDK makes them, previews show them, subscriptions hold on to them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from ibm_eventnotifications import event_notifications_v1 as ibm

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, cloudevent
from tests.ibm_sdk import Sdk
from tests.waiting import until

BODY = '{"text": "{{event.subject}} ({{data.code}})"}'


def params(body: str = BODY, **more: str) -> dict[str, str]:
    return {"body": base64.b64encode(body.encode()).decode(), **more}


async def test_templates_are_created_read_changed_and_removed_by_ibms_sdk(sdk: Sdk):
    config = ibm.TemplateConfigOneOfWebhookTemplateConfig(**params())
    made = await sdk.answer(
        201, ibm.TemplateResponse, "create_template", "t", "webhook.notification", config, description="d"
    )
    assert (made.name, made.type, made.description) == ("t", "webhook.notification", "d")
    read = await sdk.answer(200, ibm.Template, "get_template", made.id)
    assert (read.subscription_count, read.subscription_names) == (0, [])
    changed = await sdk.answer(
        200, ibm.Template, "replace_template", made.id, name="u", type="slack.notification", params=config
    )
    assert (changed.name, changed.type, changed.description) == ("u", "slack.notification", "d")
    listed = await sdk.answer(200, ibm.TemplateList, "list_templates", search="u")
    assert [row.id for row in listed.templates] == [made.id]
    await sdk.removed("delete_template", made.id)
    await sdk.refused(404, "template_not_found", "get_template", made.id)


async def test_mail_templates_have_a_subject_and_types_are_ibms(sdk: Sdk):
    for kind in ("smtp_custom.notification", "smtp_custom.invitation"):
        body = "<h1>{{ibmendefaultshort}}</h1>{{ibmen_unsubscription}}{{ibmen_invitation}}"
        config = ibm.TemplateConfigOneOfEmailTemplateConfig(**params(body, subject="{{event.subject}}"))
        made = await sdk.answer(201, ibm.TemplateResponse, "create_template", kind, kind, config)
        assert made.params["subject"] == "{{event.subject}}"
    message = await sdk.refused(
        422, "template_type", "create_template", "t", "pigeon.notification", {"body": params()["body"]}
    )
    assert "no templates of this type" in message


async def test_presets_are_ibms_predefined_templates(sdk: Sdk):
    listed = await sdk.answer(
        200, ibm.PredefinedTemplatesList, "list_pre_defined_templates", type="slack.notification"
    )
    assert [row.id for row in listed.templates] == ["kymaros-slack"]
    shown = await sdk.answer(200, ibm.GetPredefinedTemplate, "get_pre_defined_template", "ironcore-custom")
    assert shown.type == "webhook.notification"


async def test_what_cannot_be_compiled_is_refused_when_it_is_saved(tenant: Client):
    for body, code in (("{{#if a}}", "template_syntax"), ('{"a":1{{b}}}', "template_place")):
        wanted = {"name": "t", "type": "webhook.notification", "params": params(body)}
        status, answer = await tenant.call("POST", "templates", wanted)
        assert (status, answer["code"], answer["problems"][0]["pointer"]) == (422, code, "/params/body")
        assert "line 1, column" in answer["detail"]
    wanted = {"name": "t", "type": "webhook.notification", "params": {"body": "no base64!"}}
    assert (await tenant.call("POST", "templates", wanted))[1]["code"] == "template_encoding"


async def test_a_template_in_use_cannot_be_deleted(tenant: Client, sink: HttpSink):
    template = await tenant.create("templates", name="t", type="webhook.notification", params=params())
    route = await tenant.webhook_route(sink.url("/hook"))
    place, subscription = f"templates/{template['id']}", f"subscriptions/{route['subscription']}"
    using = {"attributes": {"template_id_notification": template["id"]}}
    assert (await tenant.call("PATCH", subscription, using))[0] == 200
    status, answer = await tenant.call("DELETE", place)
    assert (status, answer["code"]) == (409, "in_use")
    assert (await tenant.get(place))["subscription_count"] == 1
    await tenant.call("PATCH", subscription, {"attributes": {"template_id_notification": ""}})
    assert (await tenant.call("DELETE", place))[0] == 204
    status, answer = await tenant.call("PATCH", subscription, using)
    assert (status, answer["code"]) == (400, "wrong_template_id")


async def test_a_preview_shows_any_event_and_sends_nothing(tenant: Client, sink: HttpSink):
    source = await tenant.create("sources", name="s")
    sent = cloudevent("1", type="backup.failed", data={"code": 7}, title='A "quote"')
    _, accepted = await tenant.send(sent, source["id"])
    draft = {"type": "webhook.notification", "params": params()}
    for event in ({"event_id": accepted["notification_id"]}, {"event": sent}):
        status, made = await tenant.call("POST", "templates/preview", {**draft, **event})
        assert (status, json.loads(made["parts"]["body"])) == (200, {"text": 'A "quote" (7)'})
    status, made = await tenant.call("POST", "templates/preview", {"preset": "ibm-mail"})
    assert made["parts"]["title"] == "Backup failed for vm/12345"
    broken = {"type": "webhook.notification", "params": params('{"a":1,{{#if no}}"b":2{{/if}}}')}
    status, answer = await tenant.call("POST", "templates/preview", broken)
    assert (status, answer["code"]) == (422, "template_not_json")
    assert (await tenant.call("POST", "templates/preview", {}))[1]["code"] == "template_missing"
    assert not sink.requests


async def test_commands_make_change_preview_and_delete_templates(shell: Shell, tmp_path: Path):
    body = tmp_path / "body.hbs"
    body.write_text(BODY, encoding="utf-8")
    event = tmp_path / "event.json"
    event.write_text(
        json.dumps(
            {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "title": "T", "data": {"code": 7}}
        )
    )
    await shell.ok(
        "template", "create", "--name", "hook", "--type", "webhook.notification", "--file", str(body)
    )
    shown = await shell.ok("template", "preview", "hook", "--event-file", str(event))
    assert json.loads(shown.out) == {"text": "T (7)"}
    await shell.ok("template", "create", "--name", "line", "--preset", "kymaros-slack")
    body.write_text("{{upper event.subject}}", encoding="utf-8")
    await shell.ok("template", "update", "hook", "--file", str(body))
    assert (await shell.ok("template", "preview", "hook")).out == "BACKUP FAILED FOR VM/12345\n"
    assert {row["name"] for row in await shell.json("template", "list")} == {"hook", "line"}
    assert (await shell.json("template", "show", "line"))["type"] == "slack.notification"
    assert "kymaros-slack" in (await shell.ok("template", "presets")).out
    draft = ("--type", "slack.notification", "--file", str(body))
    assert (await shell.ok("template", "preview", *draft)).out == "BACKUP FAILED FOR VM/12345\n"
    await shell.ok("template", "delete", "hook")
    failed = await shell.run("template", "show", "hook")
    assert failed.code != 0


async def test_messages_go_out_in_the_words_of_the_subscriptions_template(tenant: Client, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/hook"))
    template = await tenant.create("templates", name="t", type="webhook.notification", params=params())
    using = {"attributes": {"template_id_notification": template["id"]}}
    await tenant.call("PATCH", f"subscriptions/{route['subscription']}", using)
    await tenant.send(cloudevent("1", title='A "quote"', data={"code": 7}), route["source"])
    await until(lambda: len(sink.requests) == 1)
    assert json.loads(sink.requests[0].body) == {"text": 'A "quote" (7)'}
    changed = {"params": params('{"n": {{#if data.code}}{{data.code}}{{/if}} }')}
    await tenant.call("PUT", f"templates/{template['id']}", changed)
    _, accepted = await tenant.send(cloudevent("2", data={}), route["source"])
    await until(lambda: len(sink.requests) == 2)
    assert json.loads(sink.requests[1].body)["id"] == "2", "the default form, because the template failed"
    event = await tenant.get(f"events/{accepted['notification_id']}")
    delivery = await tenant.get(f"deliveries/{event['deliveries'][0]['id']}")
    assert delivery["state"] == "delivered"
    assert "the template 't' failed, the default form was sent" in delivery["tries"][0]["detail"]


async def test_kymaros_lines_reach_slack_as_kymaros_writes_them(tenant: Client, sink: HttpSink):
    source = await tenant.create("sources", name="k8s", format="kymaros")
    rules = [{"rule": ""}]
    topic = await tenant.create("topics", name="restores", sources=[{"id": source["id"], "rules": rules}])
    chat = await tenant.create(
        "destinations", name="chat", type="slack", config={"params": {"url": sink.url("/services/T/B/x")}}
    )
    await tenant.create(
        "subscriptions",
        name="chat",
        topic_id=topic["id"],
        destination_id=chat["id"],
        attributes={"template_id_notification": "kymaros-slack"},
    )
    failed = {"testName": "webapp-nightly", "score": 42, "result": "FAILED", "message": "refused"}
    lost = {"testName": "webapp-nightly", "score": 71, "result": "REGRESSION"}
    lost["message"] = "Score regression: 85 -> 71"
    for number, payload in enumerate((failed, lost), 1):
        status, _ = await tenant.call("POST", f"sources/{source['id']}/events", payload)
        assert status == 200
        await until(lambda wanted=number: len(sink.requests) == wanted)
    assert [json.loads(one.body)["text"] for one in sink.requests] == [
        ":red_circle: webapp-nightly | Score: 42/100 | FAILED",
        ":warning: webapp-nightly | Score: 71/100 | REGRESSION (was 85)",
    ]
