"""IBM's own Python SDK against the gateway: notifications, what arrives, and how they fare."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator
from ibm_eventnotifications import event_notifications_v1 as ibm

from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.smtp_sink import SmtpSink
from tests.harness import ADMIN_KEY, Client, GatewayProcess
from tests.ibm_sdk import Sdk, notification
from tests.waiting import until

EVERYTHING = [{"enabled": True, "event_type_filter": "$.*", "notification_filter": ""}]


async def route(
    sdk: Sdk, kind: str, params: dict[str, Any], attributes: dict[str, Any], rules: Any = EVERYTHING
) -> dict[str, str]:
    """A source, a topic of its own, a destination and the subscription that joins them: their ids."""

    async def made(operation: str, *args: Any, **kwargs: Any) -> str:
        return (await sdk.call(operation, *args, **kwargs)).get_result()["id"]

    source = await made("create_sources", name="s", enabled=True, description="")
    topic = await made("create_topic", "t", sources=[{"id": source, "rules": rules}])
    destination = await made("create_destination", "d", kind, config={"params": params})
    subscription = await made("create_subscription", "sub", destination, topic, attributes=attributes)
    return {"source": source, "topic": topic, "destination": destination, "subscription": subscription}


async def to_webhook(sdk: Sdk, sink: HttpSink, rules: Any = EVERYTHING) -> dict[str, str]:
    params = {"url": sink.url("/hook"), "verb": "post"}
    return await route(sdk, "webhook", params, {"signing_enabled": True}, rules)


async def send(sdk: Sdk, body: object, **options: Any) -> str:
    """Send it; return the notification's id."""
    answered = await sdk.answer(202, ibm.NotificationResponse, "send_notifications", body=body, **options)
    assert len(answered.notification_id) == 36
    return str(answered.notification_id)


async def fate(sdk: Sdk, notification_id: str, *, after: str = "inprogress") -> Any:
    """What the SDK tells of a notification once it is no longer `after`."""
    async with asyncio.timeout(10):
        while True:
            told = await sdk.answer(
                200, ibm.GetNotificationStatusResponse, "get_notifications_status", notification_id
            )
            if told.status != after:
                return told


async def test_a_structured_notification_arrives_as_it_was_sent(sdk: Sdk, sink: HttpSink):
    ids = await to_webhook(sdk, sink)
    body = notification(
        ids["source"],
        "n-1",
        time=ibm.string_to_datetime("2024-04-22T20:59:34Z"),
        ibmenseverity="HIGH",
        subject="volume/7",
        data={"volume": 7, "nested": {"list": [1, None, "x"]}},
        datacontenttype="application/json",
    )
    notification_id = await send(sdk, body)
    told = await fate(sdk, notification_id)
    assert (told.status, told.details.status_code, told.details.status_message) == (
        "success",
        200,
        "1 delivered",
    )
    assert [json.loads(request.body) for request in sink.requests] == [body.to_dict()]


async def test_attachments_and_personalization_are_taken(sdk: Sdk, sink: HttpSink):
    ids = await to_webhook(sdk, sink)
    attachment = ibm.EmailAttachment(
        content="aGVsbG8=", filename="a.txt", content_type="text/plain", disposition="attachment"
    )
    body = notification(
        ids["source"],
        "n-1",
        attachments=[attachment],
        personalization={"ops@example.com": {"name": "Ops"}},
        ibmenmailto='["ops@example.com"]',
        message_subject="an older name",
    )
    assert (await fate(sdk, await send(sdk, body))).status == "success"
    arrived = json.loads(sink.requests[0].body)
    assert json.loads(arrived["personalization"]) == {"ops@example.com": {"name": "Ops"}}
    assert json.loads(arrived["attachments"]) == [attachment.to_dict()]


async def test_binary_mode_is_headers_and_the_data(sdk: Sdk, sink: HttpSink):
    ids = await to_webhook(sdk, sink)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "n-1",
        "ce-source": "crn:v1:bluemix:public:is:us-south:a/1::backup-policy:",
        "ce-type": "com.example.backup:failed",
        "ce-ibmensourceid": ids["source"],
        "ce-ibmendefaultshort": "Sicherung gestört".encode(),
        "ce-ibmendefaultlong": "The backup failed.",
        "ce-ibmenpushto": '{"user_ids": ["u-1"]}',
    }
    assert (await fate(sdk, await send(sdk, {"volume": 7}, headers=headers))).status == "success"
    arrived = json.loads(sink.requests[0].body)
    assert arrived["data"] == {"volume": 7} and arrived["type"] == "com.example.backup:failed"
    assert arrived["ibmendefaultshort"] == "Sicherung gestört"
    assert arrived["ibmenpushto"] == '{"user_ids": ["u-1"]}'


async def test_compressed_and_retrying_clients_work_the_same(sdk: Sdk, sink: HttpSink):
    sdk.client.set_enable_gzip_compression(True)
    sdk.client.enable_retries(max_retries=2, retry_interval=0.1)
    ids = await to_webhook(sdk, sink)
    body = notification(ids["source"], "n-1", data={"text": " ".join(map(str, range(10_000)))})
    first = await send(sdk, body)
    assert await send(sdk, body) == first
    assert (await fate(sdk, first)).status == "success"
    assert [json.loads(request.body)["data"] for request in sink.requests] == [body.data]


async def test_ibms_filters_pick_what_a_topic_takes(sdk: Sdk, sink: HttpSink):
    rules = [
        {
            "enabled": True,
            "event_type_filter": "$.type == 'com.example.backup:failed'",
            "notification_filter": "$.data.volume > 5 && not($.data.region == 'dallas')",
        }
    ]
    ids = await to_webhook(sdk, sink, rules)
    for number, (type_, volume) in enumerate(
        [("com.example.backup:ok", 7), ("com.example.backup:failed", 5), ("com.example.backup:failed", 7)]
    ):
        data = {"volume": volume, "region": "london-1"}
        sent = await send(sdk, notification(ids["source"], f"n-{number}", type=type_, data=data))
        assert (await fate(sdk, sent)).status == "success"
    assert [json.loads(request.body)["id"] for request in sink.requests] == ["n-2"]


async def test_a_refused_delivery_is_a_failure_with_the_receivers_code(sdk: Sdk, sink: HttpSink):
    ids = await to_webhook(sdk, sink)
    sink.answer(Reply(422, body=b"no"))
    told = await fate(sdk, await send(sdk, notification(ids["source"], "n-1")))
    assert (told.status, told.details.status_code) == ("failure", 422)
    assert "rejected" in told.details.status_message


async def test_a_delivery_that_is_to_be_tried_again_is_in_progress(sdk: Sdk, sink: HttpSink):
    ids = await to_webhook(sdk, sink)
    sink.answer(Reply(503))
    sent = await send(sdk, notification(ids["source"], "n-1"))
    await until(lambda: len(sink.requests) == 1)
    told = await sdk.answer(200, ibm.GetNotificationStatusResponse, "get_notifications_status", sent)
    assert (told.status, told.details.status_code) == ("inprogress", 202)


async def test_a_notification_that_nobody_wants_is_a_success(sdk: Sdk):
    source = await sdk.call("create_sources", name="s", enabled=True, description="")
    told = await fate(sdk, await send(sdk, notification(source.get_result()["id"], "n-1")))
    assert (told.status, told.details.status_code) == ("success", 200)


@pytest.mark.parametrize(("kind", "status"), [("webhook", 202), ("slack", 200)])
async def test_the_test_of_a_destination_tells_how_it_went(sdk: Sdk, sink: HttpSink, kind: str, status: int):
    params = {"webhook": {"verb": "post"}, "slack": {"type": "incoming_webhook"}}[kind]
    ids = await route(sdk, kind, {"url": sink.url("/"), **params}, {})
    told = await sdk.answer(
        status,
        ibm.TestDestinationResponseWebhookDestinationTestResponseConfig,
        "test_destination",
        ids["destination"],
    )
    assert (told.status, told.destination_type, len(sink.requests)) == ("success", kind, 1)
    assert (await fate(sdk, told.notification_id)).status == "success"
    sink.answer(Reply(400, body=b"invalid_payload"))
    told = await sdk.call("test_destination", ids["destination"])
    assert told.get_result()["status"] == "failed"


async def test_slack_gets_the_notifications_words(sdk: Sdk, sink: HttpSink):
    params = {"url": sink.url("/"), "type": "incoming_webhook"}
    ids = await route(sdk, "slack", params, {"attachment_color": "#00FF00"})
    assert (await fate(sdk, await send(sdk, notification(ids["source"], "n-1")))).status == "success"
    post = json.loads(sink.requests[0].body)
    assert post["attachments"][0]["color"] == "#00FF00"
    assert post["text"] == "Backup failed"
    assert post["attachments"][0]["text"] == "The backup of volume 7 failed."


async def test_mail_goes_to_everybody_invited_until_they_are_removed(tmp_path: Path):
    async with SmtpSink() as mailbox:
        relay = f"smtp://127.0.0.1:{mailbox.port}?from=relay@example.com&security=none"
        process = GatewayProcess(tmp_path, smtp_url=relay)
        await process.start()
        sdk = Sdk(process.url, BearerTokenAuthenticator(ADMIN_KEY))
        attributes = {
            "invited": ["one@example.com", "two@example.com"],
            "add_notification_payload": True,
            "reply_to_mail": "reply@example.com",
            "reply_to_name": "Replies",
            "from_name": "Backups",
            "from_email": "backups@example.com",
        }
        ids = await route(sdk, "smtp_custom", {"domain": "example.com"}, attributes)
        body = notification(ids["source"], "n-1", ibmensubject="A subject", data={"volume": 7})
        assert (await fate(sdk, await send(sdk, body))).details.status_message == "2 delivered"
        assert sorted(mail.recipients for mail in mailbox.mails) == [
            ("one@example.com",),
            ("two@example.com",),
        ]
        mail = mailbox.mails[0]
        assert mail.message["Subject"] == "A subject"
        assert mail.message["From"] == "Backups <backups@example.com>"
        assert mail.message["Reply-To"] == "Replies <reply@example.com>"
        assert '"volume": 7' in mail.part("plain")
        await sdk.call(
            "update_subscription",
            ids["subscription"],
            attributes={"subscribed": {"remove": ["one@example.com"]}},
        )
        assert (await fate(sdk, await send(sdk, notification(ids["source"], "n-2")))).status == "success"
        assert mailbox.mails[-1].recipients == ("two@example.com",) and len(mailbox.mails) == 3
        sdk.close()
        process.close()


async def test_the_source_must_be_known_enabled_and_the_keys_own(
    sdk: Sdk, tenant: Client, shared_gateway: GatewayProcess
):
    one, other = await tenant.create("sources", name="one"), await tenant.create("sources", name="other")
    key = await tenant.create(f"sources/{one['id']}/keys", name="k")
    sender = Sdk(shared_gateway.url, BearerTokenAuthenticator(key["key"]), sdk.instance)
    sent = await send(sender, notification(one["id"], "n-1"))
    assert (await fate(sender, sent)).status == "success"
    await sender.refused(403, "wrong_source", "send_notifications", body=notification(other["id"], "n-2"))
    others = await send(sdk, notification(other["id"], "n-3"))
    await sender.refused(404, "event_not_found", "get_notifications_status", others)
    await sender.refused(403, "role_insufficient", "list_sources")
    unknown = notification("nobody:api", "n-4")
    message = await sdk.refused(400, "wrong_source_id", "send_notifications", body=unknown)
    assert "Incorrect source id" in message
    await sdk.call("update_source", one["id"], enabled=False)
    disabled = notification(one["id"], "n-5")
    await sdk.refused(403, "source_disabled", "send_notifications", body=disabled)
    sender.close()


@pytest.mark.parametrize("missing", ["ibmensourceid", "id", "type", "source", "specversion"])
async def test_what_every_notification_needs_is_asked_for(sdk: Sdk, missing: str):
    body = notification("s:api", "n-1").to_dict()
    del body[missing]
    message = await sdk.refused(400, "attribute_missing", "send_notifications", body=body)
    assert missing in message


async def test_the_bulk_send_of_older_clients_takes_all_or_nothing(sdk: Sdk, tenant: Client, sink: HttpSink):
    ids = await to_webhook(sdk, sink)
    bulk = [notification(ids["source"], f"n-{number}").to_dict() for number in range(3)]
    status, answer = await tenant.call("POST", "notifications/bulk", {"bulk_messages": bulk})
    assert status == 202 and answer["bulk_notification_id"]
    for row in answer["bulk_messages"]:
        assert (await fate(sdk, row["notification_id"])).status == "success"
    assert sorted(json.loads(request.body)["id"] for request in sink.requests) == ["n-0", "n-1", "n-2"]
    wrong = [bulk[0] | {"id": "n-3"}, {**bulk[1], "id": ""}, {**bulk[2], "type": ""}]
    status, problem = await tenant.call("POST", "notifications/bulk", {"bulk_messages": wrong})
    assert (status, [one["pointer"] for one in problem["problems"]]) == (
        400,
        ["/bulk_messages/1/id", "/bulk_messages/2/type"],
    )
    for body, code in (
        ({"bulk_messages": []}, "batch_empty"),
        ({"bulk_messages": [bulk[0], bulk[1] | {"ibmensourceid": "x"}]}, "several_sources"),
        ({"bulk_messages": {}}, "not_an_array"),
        ({}, "member_missing"),
    ):
        status, problem = await tenant.call("POST", "notifications/bulk", body)
        assert (status, problem["errors"][0]["code"]) == (400, code)
    assert len((await tenant.get("events"))["events"]) == 3
