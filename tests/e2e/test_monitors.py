"""Silence is an alarm: monitors of a running gateway, seen from outside."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.security.vault import fresh_key
from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async


async def alarm_route(client: Client, sink: HttpSink) -> dict[str, Any]:
    """A source, and a topic of what the gateway itself tells that leads to a webhook."""
    route = await client.webhook_route(sink.url("/alarms"), rule="false")
    status, topic = await client.call(
        "PUT",
        f"topics/{route['topic']}",
        {"sources": [{"id": "io.tocsin", "rules": [{"rule": "type starts-with io.tocsin.monitor."}]}]},
    )
    assert status == 200 and topic["sources"][0]["name"] == "Tocsin"
    return route


def told(sink: HttpSink) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in sink.requests]


def happenings(sink: HttpSink) -> list[tuple[str, str]]:
    return [(one["type"].rpartition(".")[2], one["subject"]) for one in told(sink)]


async def state_of(client: Client, monitor: dict[str, Any]) -> str:
    return str((await client.get(f"monitors/{monitor['id']}"))["state"])


async def test_a_silence_is_told_and_so_is_its_end(tenant: Client, sink: HttpSink):
    route = await alarm_route(tenant, sink)
    monitor = await tenant.create(
        "monitors",
        name="nightly",
        rule="type = backup.done",
        source_id=route["source"],
        key="resource",
        schedule={"every_seconds": 1.5},
        grace_seconds=0.5,
        severity="critical",
    )
    assert (monitor["state"], monitor["keys"]) == ("waiting", {})
    for id, resource in (("1", "vm-1"), ("2", "vm-2")):
        await tenant.send(cloudevent(id, type="backup.done", resource=resource), route["source"])
    await tenant.send(cloudevent("3", type="backup.failed", resource="vm-3"), route["source"])
    await until_async(lambda: _is(tenant, monitor, {"ok": 2}))
    await until(lambda: len(sink.requests) == 2)
    assert sorted(happenings(sink)) == [("missed", "vm-1"), ("missed", "vm-2")]
    alarm = next(one for one in told(sink) if one["subject"] == "vm-1")
    assert (alarm["severity"], alarm["data"]["outcome"]) == ("critical", "missed")
    assert alarm["data"]["title"] == "nightly: vm-1 was not heard in time"
    assert await state_of(tenant, monitor) == "missed"
    _, sent = await tenant.send(cloudevent("4", type="backup.done", resource="vm-1"), route["source"])
    await until(lambda: ("recovered", "vm-1") in happenings(sink))
    first, second = (await tenant.get(f"monitors/{monitor['id']}/keys"))["keys"]
    assert (first["key"], first["last_event_id"]) == ("vm-1", sent["notification_id"])
    assert (second["key"], second["state"]) == ("vm-2", "missed")
    stored = (await tenant.get("events?source_id=io.tocsin"))["events"]
    assert {one["cloudevent"]["type"] for one in stored} >= {
        "io.tocsin.monitor.missed",
        "io.tocsin.monitor.recovered",
    }
    why = await tenant.get(f"events/{stored[0]['id']}/explain")
    assert [one["took"] for one in why["topics"]] == [True]
    status, _ = await tenant.call("DELETE", f"monitors/{monitor['id']}")
    assert status == 204
    assert (await tenant.call("GET", f"monitors/{monitor['id']}/keys"))[1]["code"] == "monitor_not_found"


async def _is(client: Client, monitor: dict[str, Any], keys: dict[str, int]) -> bool:
    return bool((await client.get(f"monitors/{monitor['id']}"))["keys"] == keys)


async def test_nobody_sends_as_the_gateway(tenant: Client):
    status, _ = await tenant.send(cloudevent("1"), "io.tocsin")
    assert status in {403, 404}
    status, answer = await tenant.call("POST", "sources/io.tocsin/keys", {"name": "stolen"})
    assert (status, answer["code"]) == (404, "source_not_found")
    status, answer = await tenant.call("POST", "sources/io.tocsin/events", {})
    assert status in {403, 404}
    ping = {"id": "1", "ibmensourceid": "io.tocsin", "source": "/x", "type": "x", "specversion": "1.0"}
    status, _ = await tenant.call("POST", "notifications", ping)
    assert status >= 400
    assert (await tenant.get("events"))["events"] == []


async def test_a_source_takes_its_monitors_with_it(tenant: Client):
    source = await tenant.create("sources", name="s")
    await tenant.create("monitors", name="m", source_id=source["id"], schedule={"every_seconds": 60})
    await tenant.call("DELETE", f"sources/{source['id']}")
    assert (await tenant.get("monitors"))["monitors"] == []


async def test_failures_in_a_row_and_a_score_that_drops(tenant: Client, sink: HttpSink):
    route = await alarm_route(tenant, sink)
    await tenant.create(
        "monitors", name="row", kind="failures", count=2, rule="type starts-with backup.", key="job"
    )
    await tenant.create(
        "monitors", name="score", kind="drop", value="data.score", threshold=10, rule="type = test.done"
    )
    for number, outcome in enumerate(("failed", "ok", "failed", "failed", "failed", "ok")):
        event = cloudevent(f"b{number}", type=f"backup.{outcome}", job="nightly")
        await tenant.send(event, route["source"])
    for number, score in enumerate((90, 81, 70, 69)):
        await tenant.send(cloudevent(f"s{number}", type="test.done", data={"score": score}), route["source"])
    await until(lambda: len(sink.requests) == 3)
    assert sorted(happenings(sink)) == [
        ("dropped", "score"),
        ("failing", "nightly"),
        ("recovered", "nightly"),
    ]
    dropped = next(one for one in told(sink) if one["type"].endswith("dropped"))
    assert (dropped["data"]["value"], dropped["data"]["before"]) == (70, 81)


async def test_pausing_and_what_cannot_be_watched(tenant: Client):
    monitor = await tenant.create("monitors", name="m", schedule={"every_seconds": 1}, from_start=True)
    status, paused = await tenant.call("POST", f"monitors/{monitor['id']}/pause")
    assert (status, paused["state"]) == (200, "paused")
    status, resumed = await tenant.call("POST", f"monitors/{monitor['id']}/resume")
    assert (status, resumed["paused"]) == (200, False)
    for pointer, code, fields in (
        ("/schedule", "schedule_invalid", {}),
        ("/schedule", "schedule_invalid", {"schedule": {"every_seconds": 5, "by": "06:00"}}),
        ("/schedule/by", "schedule_invalid", {"schedule": {"by": "24:00"}}),
        ("/schedule/zone", "rule_value", {"schedule": {"by": "06:00", "zone": "Mars/Olympus"}}),
        ("/rule", "rule_syntax", {"rule": "type =", "schedule": {"every_seconds": 5}}),
        ("/key", "rule_syntax", {"key": "data.a[*]", "schedule": {"every_seconds": 5}}),
        ("/value", "value_missing", {"kind": "drop"}),
        (
            "/from_start",
            "from_start_split",
            {"from_start": True, "key": "job", "schedule": {"every_seconds": 5}},
        ),
    ):
        status, answer = await tenant.call("POST", "monitors", {"name": "wrong", **fields})
        assert (status, answer["code"], answer["problems"][0]["pointer"]) == (422, code, pointer)
    status, answer = await tenant.call("POST", "monitors", {"name": "m", "schedule": {"every_seconds": 9}})
    assert (status, answer["code"]) == (409, "already_exists")
    status, answer = await tenant.call("PATCH", f"monitors/{monitor['id']}", {"key": "job"})
    assert (status, answer["code"]) == (400, "invalid_body"), "a key cannot be changed"


async def test_monitors_on_the_command_line(tenant: Client, shell: Shell):
    made = await shell.json(
        "monitor", "create", "--name", "nightly", "--rule", "outcome = ok", "--by", "06:00",
        "--zone", "Europe/Berlin", "--days", "weekdays", "--grace", "30m", "--remind", "24h", "--key", "job",
    )  # fmt: skip
    assert made["schedule"] == {
        "by": "06:00",
        "zone": "Europe/Berlin",
        "days": ["mon", "tue", "wed", "thu", "fri"],
    }
    assert (made["grace_seconds"], made["remind_every_seconds"]) == (1800, 86400)
    assert (await shell.json("monitor", "pause", "nightly"))["state"] == "paused"
    assert (await shell.json("monitor", "resume", "nightly"))["state"] == "waiting"
    changed = await shell.json("monitor", "update", "nightly", "--every", "26h", "--severity", "warning")
    assert (changed["schedule"], changed["severity"]) == ({"every_seconds": 93600}, "warning")
    assert [row["name"] for row in await shell.json("monitor", "list")] == ["nightly"]
    assert (await shell.json("monitor", "show", "nightly"))["rule"] == "outcome = ok"
    assert await shell.json("monitor", "keys", "nightly") == []
    assert "is no period" in (await shell.run("monitor", "update", "nightly", "--every", "soon")).err
    topic = await shell.json("topic", "create", "--name", "alarms", "--source", "io.tocsin", "--rule", "true")
    assert topic["sources"][0]["id"] == "io.tocsin"
    assert (await shell.json("source", "show", "io.tocsin"))["name"] == "Tocsin"
    assert (await shell.run("source", "delete", "io.tocsin")).code == 1, "it is nobody's to delete"
    await shell.ok("monitor", "delete", "nightly")
    assert await shell.json("monitor", "list") == []


async def test_our_own_outage_raises_no_alarm_and_nothing_is_forgotten(tmp_path: Path, sink: HttpSink):
    gateway = GatewayProcess(tmp_path)
    await gateway.start()
    try:
        async with gateway.client() as client:
            route = await alarm_route(client, sink)
            monitor = await client.create(
                "monitors", name="pulse", rule="type = pulse", schedule={"every_seconds": 6}, grace_seconds=1
            )
            await client.send(cloudevent("1", type="pulse"), route["source"])
            await until_async(lambda: _is(client, monitor, {"ok": 1}))
        gateway.kill()
        await asyncio.sleep(9)  # the outage itself: longer than the period, the grace and the gap together
        await gateway.start()
        async with gateway.client() as client:

            async def moved() -> bool:
                """Its clock stood still: it looks again later than its deadline says."""
                keys = (await client.get(f"monitors/{monitor['id']}/keys"))["keys"]
                return any(one["state"] == "ok" and one["looks_at"] > one["due"] for one in keys)

            await until_async(moved)
            assert sink.requests == []
            await until(lambda: happenings(sink) == [("missed", "pulse")], 20)
    finally:
        gateway.close()


async def test_the_watcher_outside_hears_us_while_we_are_ready(tmp_path: Path, sink: HttpSink):
    gateway = GatewayProcess(tmp_path, watcher_url=sink.url("/ping/secret-token"))
    await gateway.start()
    try:
        await until(lambda: len(sink.requests) == 1)
        assert (sink.requests[0].method, sink.requests[0].target) == ("GET", "/ping/secret-token")
        assert "secret-token" not in gateway.log_path.read_text()
    finally:
        gateway.close()


@pytest.mark.parametrize("url", ["ftp://somewhere", "no url"])
async def test_a_watcher_that_cannot_be_asked_is_refused_at_the_start(tmp_path: Path, url: str):
    gateway = GatewayProcess(tmp_path, watcher_url=url)
    with pytest.raises(AssertionError, match="TOCSIN_WATCHER_URL"):
        await gateway.start()


async def test_two_nodes_tell_once_although_one_is_killed(tmp_path: Path, database: str, sink: HttpSink):
    secret, nodes = fresh_key(), []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        nodes.append(GatewayProcess(tmp_path / name, database=database, secret_key=secret, node_name=name))
        await nodes[-1].start()
    try:
        async with nodes[0].client() as client, nodes[1].client() as other:
            route = await alarm_route(client, sink)
            fields = {"schedule": {"every_seconds": 3}, "grace_seconds": 1, "key": "resource"}
            monitor = await client.create("monitors", name="pulse", rule="type = pulse", **fields)
            for number in range(10):
                sender = (client, other)[number % 2]
                status, _ = await sender.send(
                    cloudevent(str(number), type="pulse", resource=f"vm-{number}"), route["source"]
                )
                assert status == 202
            nodes[0].kill()
            await until_async(lambda: _is(other, monitor, {"missed": 10}), 30)
            await until(lambda: len(sink.requests) >= 10, 30)
            stored = (await other.get("events?source_id=io.tocsin&limit=100"))["events"]
            assert sorted(one["cloudevent"]["subject"] for one in stored) == [f"vm-{n}" for n in range(10)]
            assert {one["cloudevent"]["type"] for one in stored} == {"io.tocsin.monitor.missed"}
    finally:
        for node in nodes:
            node.close()
