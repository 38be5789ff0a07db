"""What a source masks, on every way in: it is neither stored, nor forwarded, nor shown, nor logged."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until

SECRET = "c4n4ry-s3cr3t"
MASK = ["/title", "/rows/*/token", "/log", "/fields/password"]
DATA = {"title": SECRET, "rows": [{"token": SECRET}], "fields": [{"name": "Password", "value": SECRET}]}
SHOWN = {"title": "***", "rows": [{"token": "***"}], "fields": [{"name": "Password", "value": "***"}]}
JSON_TYPE = "application/json"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        yield session


async def post(
    http: aiohttp.ClientSession, url: str, body: Any, headers: Mapping[str, str]
) -> tuple[int, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(url, data=content, headers=headers) as answer:
        return answer.status, await answer.text()


def received(sink: HttpSink) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in sink.requests]


async def assert_nowhere(gateway: GatewayProcess, client: Client, sink: HttpSink) -> None:
    """Neither in a file of the gateway, nor at the receiver, nor in any answer."""
    for source in (await client.get("sources"))["sources"]:
        assert SECRET not in json.dumps(await client.get(f"sources/{source['id']}/activity"))
    assert SECRET not in json.dumps(await client.get("inbox"))
    assert SECRET not in json.dumps(await client.get("deliveries"))
    assert SECRET not in str([(one.headers, one.body) for one in sink.requests])
    files = [path for path in gateway.folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


async def test_a_masked_secret_is_neither_stored_nor_forwarded_nor_shown(
    gateway: GatewayProcess, client: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    plain = await client.webhook_route(sink.url("/hook"), mask=MASK, keep_requests=20)
    assert plain["registered"]["mask"] == MASK
    bearer = {"Authorization": f"Bearer {plain['key']}"}
    events = f"{client.base}events"
    event = cloudevent("structured", data=DATA)
    assert (await post(http, events, event, bearer | STRUCTURED))[0] == 202
    batch = [cloudevent("batched-1", data=DATA), cloudevent("batched-2", data=DATA)]
    kind = {"Content-Type": "application/cloudevents-batch+json"}
    assert (await post(http, events, batch, bearer | kind))[0] == 202
    attributes = {f"ce-{name}": text for name, text in cloudevent("binary").items()}
    assert (await post(http, events, DATA, bearer | attributes | {"Content-Type": JSON_TYPE}))[0] == 202
    packed = base64.b64encode(json.dumps(DATA).encode()).decode()
    inside = cloudevent("base64", datacontenttype=JSON_TYPE, data_base64=packed)
    assert (await post(http, events, inside, bearer | STRUCTURED))[0] == 202
    notice = cloudevent("notified", data=DATA, ibmensourceid=plain["source"])
    assert (await post(http, f"{client.base}notifications", notice, bearer))[0] == 202
    bulk = {"bulk_messages": [notice | {"id": "bulk-1"}, notice | {"id": "bulk-2"}]}
    assert (await post(http, f"{client.base}notifications/bulk", bulk, bearer))[0] == 202
    url = (await client.create(f"sources/{plain['source']}/keys", name="url", use="url"))["setup"]["url"]
    assert (await post(http, url, event | {"id": "by-url"}, STRUCTURED))[0] == 200
    assert (await post(http, f"{url}/fail?job=db", f"lost {SECRET}".encode(), {}))[0] == 200
    await until(lambda: len(sink.requests) == 10)
    found = {one["id"]: one for one in received(sink)}
    for name in ("structured", "batched-1", "batched-2", "binary", "notified", "bulk-1", "bulk-2", "by-url"):
        assert found[name]["data"] == SHOWN
    assert json.loads(base64.b64decode(found["base64"]["data_base64"])) == SHOWN
    assert [one["data"]["log"] for one in found.values() if one["type"] == "ping.failed"] == ["***"]
    titles = [one["vocabulary"].get("title") for one in (await client.get("inbox"))["events"]]
    assert titles.count("***") == 9 and titles.count("db: failed") == 1
    _, repeat = await client.send(event, plain["source"])
    assert repeat["notification_id"] in {one["id"] for one in (await client.get("inbox"))["events"]}
    requests = (await client.get(f"sources/{plain['source']}/activity"))["requests"]
    assert json.loads(requests[-1]["body"]) == SHOWN and requests[-1]["size"] == len(json.dumps(event))
    await assert_nowhere(gateway, client, sink)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("dbackup", {"eventType": "user_login", "message": "m", **DATA}),
        ("json", {"type": "backup.failed", **DATA}),
        ("alertmanager", {"alerts": [{"labels": {"alertname": "A", "fields": DATA["fields"]}}], **DATA}),
        ("slack", {"text": "Backup failed: db", **DATA}),
        ("ironcore", {"event_id": "1", "type": "backup.failed", "severity": "error", **DATA}),
    ],
)
async def test_a_product_s_payload_is_masked_before_it_is_understood(
    gateway: GatewayProcess,
    client: Client,
    http: aiohttp.ClientSession,
    sink: HttpSink,
    name: str,
    body: dict[str, Any],
):
    mask, rule = [*MASK, "/alerts/*/labels/fields"], "title == '***' or data.title == '***'"
    route = await client.webhook_route(
        sink.url("/hook"),
        format=name,
        mask=mask,
        keep_requests=5,
        rule=rule,
    )
    setup = route["registered"]["setup"]
    headers = {**setup.get("headers", {}), "Idempotency-Key": "once"}
    assert (await post(http, setup["url"], body, headers))[0] == 200
    await until(lambda: len(sink.requests) == 1)
    (sent,) = received(sink)
    assert {member: sent["data"][member] for member in SHOWN} == SHOWN
    assert (await post(http, setup["url"], body, headers))[0] == 200
    stored = (await client.get("inbox"))["events"]
    assert len(stored) == 1, "a retry is a repeat"
    assert (await post(http, setup["url"], b"{" + SECRET.encode(), headers))[0] == 400
    assert (await post(http, setup["url"], {"unlike": SECRET}, headers))[0] in (200, 400)
    requests = (await client.get(f"sources/{route['source']}/activity"))["requests"]
    assert len(requests) == 4 and requests[-1]["body"]
    await assert_nowhere(gateway, client, sink)


async def test_what_cannot_be_masked_is_refused_and_kept_nowhere(
    gateway: GatewayProcess, client: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"), mask=["/title"], keep_requests=5)
    status, problem = await client.send(
        cloudevent("1", datacontenttype="text/plain", data=SECRET), route["source"]
    )
    assert (status, problem["code"], problem["problems"][0]["pointer"]) == (422, "data_not_maskable", "/data")
    status, _ = await client.send(cloudevent("2", data={"title": SECRET}, bad_name="x"), route["source"])
    assert status == 400
    requests = (await client.get(f"sources/{route['source']}/activity"))["requests"]
    assert [(one["refused"], one["body"]) for one in requests] == [
        ("attribute_name_invalid", ""),
        ("data_not_maskable", ""),
    ]
    assert (await client.send(cloudevent("3"), route["source"]))[0] == 202, "no data holds no secret"
    await until(lambda: len(sink.requests) == 1)
    await assert_nowhere(gateway, client, sink)


async def test_an_event_in_quarantine_is_released_and_corrected_as_its_source_masks_by_then(
    client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"))
    schema = {"type": "object", "required": ["bytes"]}
    await client.create("schemas", name="sized", event_types=["backup.*"], schema=schema, mode="quarantine")
    waiting = []
    for number in range(2):
        _, answer = await client.send(cloudevent(str(number), data={"title": SECRET}), route["source"])
        waiting.append(answer["notification_id"])
    assert (await client.call("PATCH", f"sources/{route['source']}", {"mask": ["/title"]}))[0] == 200
    status, released = await client.call("POST", f"events/{waiting[0]}/release", {})
    assert status == 202 and released["vocabulary"]["title"] == "***"
    correction = {"data": {"bytes": 1, "title": SECRET}}
    status, corrected = await client.call("POST", f"events/{waiting[1]}/release", correction)
    assert status == 202 and SECRET not in json.dumps([released, corrected])
    await until(lambda: len(sink.requests) == 2)
    assert sorted((one["id"], json.dumps(one["data"])) for one in received(sink)) == [
        ("0", '{"title": "***"}'),
        ("1", '{"bytes": 1, "title": "***"}'),
    ]


async def test_secrets_that_are_told_of_are_masked_by_the_place_that_is_told(
    tenant: Client, shell: Shell, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"), keep_requests=3)
    data = {"steps": [{"db_password": SECRET}, {"db_password": SECRET}]}
    event = json.dumps(cloudevent("1", data=data))
    assert (await tenant.send(json.loads(event), route["source"]))[0] == 202
    await until(lambda: len(sink.requests) == 1)
    activity = await shell.json("source", "activity", "hook")
    (place,) = activity["secret_looking"]
    assert place == "/steps/*/db_password" and SECRET in activity["requests"][0]["body"]
    offered = (await shell.ok("source", "activity", "hook")).err
    assert f"tocsin source update hook --mask '{place}'" in offered
    payload = shell.folder / "payload.json"
    payload.write_text(json.dumps({"type": "t", **data}))
    tried = await shell.ok(
        "source", "try", "hook", str(payload), "--format", "json", "--mask", place, "--output", "json"
    )
    assert SECRET not in tried.out and "secret_looking" not in tried.out
    offered = (await shell.ok("source", "try", "hook", str(payload), "--format", "json", "--mask", "/x")).err
    assert f"--mask /x --mask '{place}'" in offered
    changed = await shell.json("source", "update", "hook", "--mask", place)
    assert changed["mask"] == [place]
    assert (await shell.json("source", "activity", "hook"))["requests"] == []
    assert (await tenant.send(json.loads(event) | {"id": "2"}, route["source"]))[0] == 202
    await until(lambda: len(sink.requests) == 2)
    assert received(sink)[1]["data"] == {"steps": [{"db_password": "***"}] * 2}
    cleared = await shell.json("source", "update", "hook", "--mask-nothing")
    assert "mask" not in cleared
    refused = await shell.run("source", "update", "hook", "--mask", "db_password")
    assert refused.code != 0 and "mask_invalid" in refused.err + refused.out
