"""IBM Cloud Backup for VPC: the documented request registers it, the documented event comes through.

Source: "Enabling event notifications for Backup for VPC", IBM Cloud VPC documentation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.http_sink import HttpSink
from tests.harness import ADMIN_KEY, Client, GatewayProcess
from tests.waiting import until, until_async

REQUEST = b"""{
      "name":"Event Notification Source - Backup policy",
      "source" : "crn:v1:bluemix:public:is:us-south:a/{{account_id}}::backup-policy:",
      "description":"Backup policy service registration. This source provides notifications for backup job failures.",
      "enabled":true,
      "event_notifications_instance_crn": "crn:v1:bluemix:public:event-notifications:<region>:a/<account-id>:<service-instance>::"
      }"""  # noqa: E501  as it is printed
"""The body of the documented `curl`, to the letter."""

EVENTS = Path(__file__).parent.parent / "data" / "schemas" / "events"
SAMPLE = EVENTS / "com.ibm.cloud.is.backup-policy.backup-volume-creation" / "valid-seed-payload.json"
"""The documented event, with the inner JSON as it is printed: not valid."""


async def register(tenant: Client) -> tuple[int, dict[str, Any]]:
    return await tenant.call("POST", "sources", REQUEST, Content_Type="application/json")


def sample(source_id: str, **changes: Any) -> bytes:
    return json.dumps(json.loads(SAMPLE.read_bytes()) | {"ibmensourceid": source_id} | changes).encode()


async def subscribed(tenant: Client, source_id: str, sink: HttpSink) -> None:
    topic = await tenant.create("topics", name="backups", sources=[{"id": source_id, "rules": [{}]}])
    config = {"params": {"url": sink.url("/"), "verb": "post"}}
    destination = await tenant.create("destinations", name="hook", type="webhook", config=config)
    await tenant.create("subscriptions", name="hook", topic_id=topic["id"], destination_id=destination["id"])


async def test_the_documented_request_registers_the_backup_service(tenant: Client):
    asked = json.loads(REQUEST)
    status, source = await register(tenant)
    assert status == 201
    assert {name: source[name] for name in asked} == asked
    assert await tenant.get(f"sources/{source['id']}") == source
    listed = (await tenant.get("sources"))["sources"]
    assert [row["event_notifications_instance_crn"] for row in listed] == [
        asked["event_notifications_instance_crn"]
    ]


async def test_one_backup_source_fits_into_an_instance(tenant: Client):
    _, first = await register(tenant)
    status, problem = await register(tenant)
    assert (status, problem["errors"][0]["code"]) == (409, "already_exists")
    status, _ = await tenant.call("DELETE", f"sources/{first['id']}")
    assert status == 204
    assert (await register(tenant))[0] == 201


async def test_without_an_instance_crn_the_answer_names_this_one(tenant: Client, instance: str):
    source = await tenant.create("sources", name="s")
    assert source["event_notifications_instance_crn"].split(":")[7] == instance


@pytest.mark.parametrize("media_type", ["application/json", "application/cloudevents+json"])
async def test_the_documented_event_comes_through(tenant: Client, sink: HttpSink, media_type: str):
    _, source = await register(tenant)
    await subscribed(tenant, source["id"], sink)
    body = sample(source["id"])
    status, answer = await tenant.call("POST", "notifications", body, Content_Type=media_type)
    assert status == 202
    await until(lambda: len(sink.requests) == 1)
    arrived, sent = json.loads(sink.requests[0].body), json.loads(body)
    assert {name: arrived[name] for name in sent if name != "ibmendefaultlong"} == {
        name: value for name, value in sent.items() if name != "ibmendefaultlong"
    }
    assert arrived["ibmendefaultlong"].split() == sent["ibmendefaultlong"].split()
    event = await tenant.get(f"events/{answer['notification_id']}")
    words = event["vocabulary"]
    assert (words["severity"], words["outcome"]) == ("error", "failed")
    assert words["title"] == "Backup Job creation / retention failed"
    assert "The source volume has busy set" in words["summary"]

    async def told() -> bool:
        return (await tenant.get(f"notifications/{answer['notification_id']}"))["status"] == "success"

    await until_async(told)


async def test_the_path_of_the_older_documents_takes_it_too(
    tenant: Client, shared_gateway: GatewayProcess, instance: str, sink: HttpSink
):
    _, source = await register(tenant)
    await subscribed(tenant, source["id"], sink)
    url = f"{shared_gateway.url}/event-notifications/v1/apps/{instance}/notifications"
    headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/cloudevents+json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, data=sample(source["id"])) as answer:
            assert answer.status == 202 and (await answer.json())["notification_id"]
        async with session.post(url, data=sample("nobody:api")) as answer:
            assert (answer.status, answer.content_type) == (400, "application/json")
            assert (await answer.json())["errors"][0]["code"] == "wrong_source_id"
    await until(lambda: len(sink.requests) == 1)
