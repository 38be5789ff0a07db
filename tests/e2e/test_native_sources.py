"""Products that send their own payloads: connected as the gateway says, delivered as events."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.spi.signing import Signer
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until

DATA = Path(__file__).parents[1] / "data" / "sources"
KYMAROS = {"testName": "web", "score": 42, "result": "FAILED", "reportRef": "web-1", "message": ""}
FIRST = {
    "ironcore": "01-seed-payload",
    "dbackup": "02-backup-failure",
    "backupman": "01-seed-payload",
    "kymaros": "01-seed-payload",
    "slack": "03-code-kymaros-line",
    "proxmox": "01-ve-vzdump-error",
    "alertmanager": "03-group-of-two",
    "ping": "05-exit-code-12",
    "json": "01-mapped-failure",
}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        yield session


def sample(name: str, kind: str) -> Any:
    return json.loads((DATA / name / f"{FIRST[name]}.{kind}.json").read_text("utf-8"))


def received(sink: HttpSink) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in sink.requests]


async def post(http: aiohttp.ClientSession, url: str, body: Any, **headers: str) -> tuple[int, str]:
    """Status and text of the answer; header names have underscores for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(url, data=content, headers=sent) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("name", FIRST)
async def test_a_product_connected_as_it_is_told_is_heard(
    tenant: Client, http: aiohttp.ClientSession, sink: HttpSink, name: str
):
    request, expected = sample(name, "request"), sample(name, "events")
    fields = {"format_options": request["options"]} if "options" in request else {}
    route = await tenant.webhook_route(sink.url("/hook"), format=name, **fields)
    setup = route["registered"]["setup"]
    assert setup["url"] in setup["snippet"]
    body = json.dumps(request["json"]).encode() if "json" in request else request["body"].encode()
    tail = request["headers"].get(":path", "/slack" if name == "slack" else "")
    headers = {"Content-Type": "application/json", **setup.get("headers", {})}
    async with http.post(setup["url"] + tail, data=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    await until(lambda: len(sink.requests) == len(expected))
    key = lambda event: (event["type"], event["subject"])  # noqa: E731
    for got, wanted in zip(
        sorted(received(sink), key=key), sorted([one["event"] for one in expected], key=key), strict=True
    ):
        assert got["type"] == wanted["type"]
        assert got.get("time") == wanted.get("time")
        assert got["source"] == f"/{name}/{route['source']}"
        if name != "ping":
            assert got["data"] == wanted["data"]


async def test_a_retry_is_a_duplicate_and_a_new_occurrence_is_not(
    tenant: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"), format="kymaros")
    url = route["registered"]["setup"]["url"]
    first = await post(http, url, KYMAROS)
    assert await post(http, url, KYMAROS) == first
    other = await post(http, url, {**KYMAROS, "reportRef": "web-2"})
    could_not_run = [await post(http, url, {**KYMAROS, "reportRef": ""}) for _ in range(2)]
    known = [await post(http, url, {**KYMAROS, "reportRef": ""}, Idempotency_Key="k") for _ in range(2)]
    assert len({first, other, *could_not_run, *known}) == 5
    await until(lambda: len(sink.requests) == 5)


async def test_one_url_takes_the_product_slack_messages_and_pings(
    tenant: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"), format="kymaros")
    url = route["registered"]["setup"]["url"]
    line = {"text": ":red_circle: web | Score: 42/100 | FAILED"}
    assert await post(http, f"{url}/slack", line) == (200, "ok")
    async with http.get(f"{url}/start?job=nightly&rid=1") as answer:
        assert (answer.status, await answer.text()) == (200, "OK")
    async with http.head(url) as answer:
        assert answer.status == 200
    assert await post(http, f"{url}/fail", b"\xff\x00 no space left") == (200, "OK")
    assert await post(http, f"{url}/0", b"") == (200, "OK")
    await until(lambda: len(sink.requests) == 5)
    types = sorted(event["type"] for event in received(sink))
    assert types == ["ping.completed", "ping.completed", "ping.failed", "ping.started", "restore-test.failed"]
    failed = next(event for event in received(sink) if event["type"] == "ping.failed")
    assert failed["data"]["log"] == "\ufffd\x00 no space left"
    assert (await post(http, f"{url}/256", b""))[0] == 400
    assert (await post(http, f"{url}/a/b", b""))[0] == 404
    async with http.put(url, data=b"") as answer:
        assert answer.status == 405


async def test_the_secret_of_a_url_is_good_for_nothing_else_and_told_nowhere(
    shared_gateway: GatewayProcess, tenant: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"), format="kymaros")
    url = route["registered"]["setup"]["url"]
    token = url.rpartition("/")[2]
    assert (await post(http, url, KYMAROS))[0] == 200
    answers = [
        await post(http, url, b"{"),
        await post(http, f"{url}x", KYMAROS),
        await post(http, f"{url}/nonsense", b""),
        await post(http, f"{url}/a/b", b""),
        await post(http, tenant.base + "events", b"{}", Authorization=f"Bearer {token}"),
        await post(http, f"{shared_gateway.url}/in/{route['key']}", KYMAROS),
    ]
    assert [status for status, _ in answers] == [400, 404, 400, 404, 401, 404]
    assert not any(token in text for _, text in answers)
    await until(lambda: len(sink.requests) == 1)
    listed = await tenant.get("inbox")
    keys = await tenant.get(f"sources/{route['source']}/keys")
    shown = await tenant.get(f"sources/{route['source']}")
    deliveries = await tenant.get("deliveries")
    assert not any(token in json.dumps(one) for one in (listed, keys, shown, deliveries))
    assert token not in shared_gateway.log_path.read_text()
    capability = next(one for one in keys["keys"] if one["use"] == "url")
    status, _ = await tenant.call("DELETE", f"sources/{route['source']}/keys/{capability['id']}")
    assert status == 204
    assert (await post(http, url, KYMAROS))[0] == 404


async def test_a_key_may_come_in_the_senders_own_header_or_as_a_password(
    tenant: Client, http: aiohttp.ClientSession
):
    report = sample("backupman", "request")["json"]
    source = await tenant.create("sources", name="backups", format="backupman")
    setup = source["setup"]
    assert source["key_header"] == "X-Webhook-Token"
    key = setup["headers"]["X-Webhook-Token"]
    basic = base64.b64encode(f"anybody:{key}".encode()).decode()
    url = setup["url"]
    assert (await post(http, url, report, X_Webhook_Token=key))[0] == 200
    assert (await post(http, url, report, Authorization=f"Basic {basic}"))[0] == 200
    assert (await post(http, url, report, Authorization=f"Bearer {key}"))[0] == 200
    assert (await post(http, url, report, Authorization="Basic %%%"))[0] == 401
    assert (await post(http, url, report, X_Webhook_Token=key + "x"))[0] == 401
    assert (await post(http, url, report, X_Other=key))[0] == 401
    other = await tenant.create("sources", name="other", format="ironcore")
    assert (await post(http, url, report, Authorization=other["setup"]["headers"]["Authorization"]))[0] == 403
    status, problem = await tenant.call("POST", "sources", {"name": "x", "key_header": "Content-Length"})
    assert (status, problem["problems"][0]["pointer"]) == (422, "/key_header")


async def test_standard_webhooks_are_verified_and_a_replay_is_no_new_event(
    tenant: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"), format="slack", signing="standard-webhooks")
    source, secret = route["registered"], route["registered"]["signing_secret"]
    assert set(source["setup"]["headers"]) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    url, body = source["setup"]["url"], b'{"text": "it failed"}'

    async def send(secret: str, id: str, at: float, body: bytes = body) -> tuple[int, str]:
        signature = Signer([secret]).sign(id, str(int(at)), b'{"text": "it failed"}')
        return await post(
            http, url, body, webhook_id=id, webhook_timestamp=str(int(at)), webhook_signature=signature
        )

    now = time.time()
    first = await send(secret, "m-1", now)
    assert first[0] == 200
    assert await send(secret, "m-1", now) == first
    second = await send(secret, "m-2", now)
    assert second[0] == 200 and second != first
    refused = [
        await send(secret, "m-3", now - 600),
        await send(secret, "m-3", now + 600),
        await send(secret, "m-3", now, b'{"text": "forged"}'),
        await send("whsec_" + base64.b64encode(b"x" * 32).decode(), "m-3", now),
        await post(http, url, body),
        await post(http, url, body, Authorization=f"Bearer {route['key']}"),
    ]
    codes = [json.loads(text)["code"] for _, text in refused]
    assert {status for status, _ in refused} == {401}
    assert codes == ["signature_expired"] * 2 + ["signature_invalid"] * 2 + ["signature_missing"] * 2
    status, changed = await tenant.call(
        "PATCH", f"sources/{route['source']}", {"signing": "standard-webhooks"}
    )
    assert status == 200 and changed["signing_secret"] != secret
    assert (await send(secret, "m-4", now))[0] == 200
    assert (await send(changed["signing_secret"], "m-5", now))[0] == 200
    await tenant.call("PATCH", f"sources/{route['source']}", {"signing": "standard-webhooks"})
    assert (await send(secret, "m-6", now))[0] == 401
    assert "secret" not in json.dumps(await tenant.get(f"sources/{route['source']}"))
    await until(lambda: len(sink.requests) == 4)


async def test_x_hub_signatures_are_verified_and_a_replay_is_no_new_event(
    tenant: Client, http: aiohttp.ClientSession
):
    source = await tenant.create("sources", name="hub", format="slack", signing="x-hub-signature-256")
    url, body = source["setup"]["url"], b'{"text": "it failed"}'
    signature = "sha256=" + hmac.digest(source["signing_secret"].encode(), body, "sha256").hex()
    first = await post(http, url, body, X_Hub_Signature_256=signature)
    assert first[0] == 200
    assert await post(http, url, body, X_Hub_Signature_256=signature) == first
    assert (await post(http, url, body + b" ", X_Hub_Signature_256=signature))[0] == 401
    assert (await post(http, url, body, X_Hub_Signature_256="sha256=\xff"))[0] == 401


async def test_a_sender_names_its_topic_or_the_source_has_one(
    tenant: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await tenant.webhook_route(
        sink.url("/all"), name="all", format="ironcore", rule="severity = critical"
    )
    for name, listed in (("ops", True), ("fallback", False)):
        sources = [{"id": route["source"], "rules": []}] if listed else []
        topic = await tenant.create("topics", name=name, sources=sources)
        hook = await tenant.create(
            "destinations",
            name=name,
            type="webhook",
            config={"params": {"url": sink.url(f"/{name}"), "verb": "post"}},
        )
        await tenant.create("subscriptions", name=name, topic_id=topic["id"], destination_id=hook["id"])
    setup = route["registered"]["setup"]

    async def told(query: str, number: int, **attributes: Any) -> list[str]:
        """The targets that one event reaches."""
        sink.requests.clear()
        event = {"event_id": str(number), "type": "backup.failed", "severity": "critical"}
        if attributes:
            status, answer = await tenant.send(
                cloudevent(str(number), severity="critical", **attributes), route["source"]
            )
            assert status == 202
        else:
            status, text = await post(http, setup["url"] + query, event, **setup["headers"])
            assert status == 200
            answer = json.loads(text)
        detail = await tenant.get(f"events/{answer['notification_id']}")
        await until(lambda: len(sink.requests) == len(detail["deliveries"]))
        return sorted(one.target for one in sink.requests)

    assert await told("", 1) == ["/all"]
    assert await told("?topic=ops", 2) == ["/all", "/ops"]
    assert await told("", 3, tocsintopic="ops") == ["/all", "/ops"]
    assert await told("?topic=fallback", 4) == ["/all"]
    status, _ = await tenant.call("PATCH", f"sources/{route['source']}", {"default_topic": "fallback"})
    assert status == 200
    assert await told("", 5) == ["/all", "/fallback"]
    assert await told("?topic=ops", 6) == ["/all", "/ops"]
    assert await told("?topic=all", 7) == ["/all"]
    assert await told("?topic=unheard-of", 8) == ["/all", "/fallback"]
    status, problem = await tenant.call("PATCH", f"sources/{route['source']}", {"default_topic": "nowhere"})
    assert (status, problem["code"]) == (422, "unknown_topic")
    assert (await post(http, setup["url"] + "?topik=ops", {}, **setup["headers"]))[0] == 400


async def test_trying_a_payload_shows_what_it_would_become_and_accepts_nothing(
    tenant: Client, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"), format="json", rule="severity >= error")
    path = f"sources/{route['source']}/try"
    payload = '{"state": "KO", "n": 12345678901234567890, "db_password": "hunter2"}'
    options = {
        "type": {"pointer": "/state", "map": {"KO": "backup.failed"}},
        "severity": {"pointer": "/state", "map": {"KO": "critical"}},
    }
    status, problem = await tenant.call("POST", path, {"payload": payload})
    assert (status, problem["code"]) == (400, "type_not_found")
    status, answer = await tenant.call("POST", path, {"payload": payload, "format_options": options})
    assert status == 200
    (event,) = answer["events"]
    assert (event["cloudevent"]["type"], event["topics"]) == ("backup.failed", ["hook"])
    assert event["vocabulary"] == {"severity": "critical", "outcome": "failed"}
    assert event["secret_looking"] == ["/db_password"]
    status, problem = await tenant.call("POST", path, {"payload": payload, "format_options": {"tpye": "/x"}})
    assert (status, problem["problems"][0]["pointer"]) == (422, "/format_options/tpye")
    status, answer = await tenant.call("POST", path, {"payload": "boom", "tail": "12", "format": "ping"})
    assert answer["events"][0]["vocabulary"]["title"] == "hook: failed (exit code 12)"
    assert (await tenant.get("inbox"))["events"] == []
    status, changed = await tenant.call("PATCH", f"sources/{route['source']}", {"format_options": options})
    assert status == 200 and changed["format_options"] == options


async def test_garbage_is_refused_and_a_source_of_cloudevents_has_a_route_of_its_own(
    tenant: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"))
    assert "setup" not in route["registered"]
    made = await tenant.create(f"sources/{route['source']}/keys", name="url", use="url")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/in/tcs_[\w-]+", made["setup"]["url"])
    event = json.dumps(cloudevent("1")).encode()
    kind = "application/cloudevents+json"
    assert (await post(http, made["setup"]["url"], event, Content_Type=kind))[0] == 200
    own = f"{tenant.base}sources/{route['source']}/events"
    bearer = f"Bearer {route['key']}"
    assert (await post(http, own, event, Content_Type=kind, Authorization=bearer))[0] == 200
    await until(lambda: len(sink.requests) == 1)
    assert (await post(http, own, b"\x00" * 100, Authorization=bearer))[0] == 400
    assert (await post(http, f"{tenant.base}sources/nobody/events", event, Authorization=bearer))[0] == 403
    assert (await post(http, f"{tenant.base}sources/nobody/events", event))[0] == 401
    status, _ = await tenant.call("PATCH", f"sources/{route['source']}", {"enabled": False})
    assert status == 200
    assert (await post(http, made["setup"]["url"], event, Content_Type=kind))[0] == 403


async def test_a_source_tells_when_it_was_heard_what_nobody_takes_and_what_came(
    tenant: Client, http: aiohttp.ClientSession, sink: HttpSink
):
    route = await tenant.webhook_route(
        sink.url("/hook"), format="ironcore", rule="severity >= error", keep_requests=2
    )
    path, setup = f"sources/{route['source']}/activity", route["registered"]["setup"]
    assert await tenant.get(path) == {"waiting": True, "looked_at": 0, "unattached": [], "requests": []}
    for number, (resource, severity) in enumerate(
        [("a:n/vm/1", "info"), ("a:n/vm/2", "error"), ("a:n/vm/3", "info")]
    ):
        event = {"event_id": str(number), "type": "backup.x", "severity": severity, "resource": resource}
        event["token"] = "t"
        assert (await post(http, setup["url"], event, **setup["headers"]))[0] == 200
    assert (await post(http, setup["url"], b"{no", **setup["headers"]))[0] == 400
    found = await tenant.get(path)
    assert (found["waiting"], found["looked_at"]) == (False, 3)
    assert found["last_seen"] == max(one["received_at"] for one in (await tenant.get("inbox"))["events"])
    assert [one["name"] for one in found["unattached"]] == ["a:n/vm/3", "a:n/vm/1"]
    assert found["secret_looking"] == ["/token"]
    assert [(one.get("refused"), one["size"]) for one in found["requests"]] == [
        ("json_malformed", 3),
        (None, len(json.dumps(event))),
    ]
    assert found["requests"][0]["body"] == "{no"
    await tenant.call("PATCH", f"sources/{route['source']}", {"keep_requests": 0})
    assert (await tenant.get(path))["requests"] == []


async def test_when_a_source_was_heard_outlives_a_restart(
    gateway: GatewayProcess, client: Client, sink: HttpSink
):
    quiet = await client.webhook_route(sink.url("/quiet"), name="quiet")
    busy = await client.webhook_route(sink.url("/busy"), name="busy")
    await client.send(cloudevent("q"), quiet["source"])
    await until(lambda: len(sink.requests) == 1)
    batch = [cloudevent(f"b-{number}") for number in range(120)]
    path, kind = f"events?source_id={busy['source']}", "application/cloudevents-batch+json"
    assert (await client.call("POST", path, json.dumps(batch).encode(), Content_Type=kind))[0] == 202
    before = {}
    for route, seen in ((quiet, 1), (busy, 50)):
        found = await client.get(f"sources/{route['source']}/activity")
        assert found["looked_at"] == seen and not found["waiting"]
        before[route["source"]] = found
    assert await gateway.stop() == 0
    await gateway.start()
    async with gateway.client() as again:
        for source, found in before.items():
            assert await again.get(f"sources/{source}/activity") == found


async def test_what_a_source_sends_after_a_silence_is_remembered_through_a_kill(
    gateway: GatewayProcess, client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"))
    await client.send(cloudevent("1"), route["source"])
    database = gateway.folder / "data" / "tocsin.db"

    def remembered() -> bool:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("SELECT count(*) FROM last_seen").fetchone()[0])

    await until(remembered)
    gateway.kill()
    await gateway.start()
    async with gateway.client() as again:
        assert (await again.get(f"sources/{route['source']}/activity"))["looked_at"] == 1
