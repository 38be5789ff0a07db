"""Counts over time, and what topics and subscriptions are warned of."""

from __future__ import annotations

import json

import aiohttp

from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until_async


async def _counted(client: Client, path: str, **wanted: int) -> None:
    async def reached() -> bool:
        counts = (await client.get(path))["counts"]
        return all(counts[name] == number for name, number in wanted.items())

    await until_async(reached)


async def test_counts_are_kept_over_a_restart(gateway: GatewayProcess, sink: HttpSink):
    async with gateway.client() as client:
        route = await client.webhook_route(sink.url("/hook"), rule="severity >= error")
        topic, subscription = f"topics/{route['topic']}", f"subscriptions/{route['subscription']}"
        for number, severity in enumerate(("info", "error", "critical", "error")):
            if number == 3:
                sink.answer(Reply(400))
            await client.send(cloudevent(str(number), severity=severity), route["source"])
            await _counted(client, topic, matched=max(number, 0), delivered=min(number, 2))
        await client.send(cloudevent("0", severity="error"), route["source"])  # a repeat counts nothing
        expected = {"matched": 3, "delivered": 2, "dead": 1, "suppressed": 0, "not_evaluable": 0}
        await _counted(client, topic, **expected)
        await _counted(client, subscription, **expected)
    assert await gateway.stop() == 0
    await gateway.start()
    async with gateway.client() as client:
        for path in (topic, subscription):
            assert (await client.get(path))["counts"] == expected
            history = await client.get(f"{path}/counts")
            assert history["total"] == expected
            assert sum(day["matched"] for day in history["days"]) == 3
            assert {len(day["day"]) for day in history["days"]} == {10}


async def test_a_rule_that_fails_to_evaluate_is_counted_and_pointed_out(tenant: Client):
    source = (await tenant.create("sources", name="nightly"))["id"]
    rules = [{"notification_filter": "$..*..*..* == 'x'"}]
    topic = await tenant.create("topics", name="deep", sources=[{"id": source, "rules": rules}])
    await tenant.send(cloudevent("1", data=[[[1] * 30] * 30] * 30), source)
    await _counted(tenant, f"topics/{topic['id']}", matched=0, not_evaluable=1)
    shown = await tenant.get(f"topics/{topic['id']}")
    assert shown["warnings"] == [
        "rule 1 of source nightly: it could not be evaluated on 1 events, and has never matched"
    ]


async def test_looking_is_not_counted(tenant: Client, shared_gateway: GatewayProcess):
    source = (await tenant.create("sources", name="nightly"))["id"]
    rules = [{"notification_filter": "$..*..*..* == 'x'"}]
    topic = await tenant.create("topics", name="deep", sources=[{"id": source, "rules": rules}])
    deep = cloudevent("1", data=[[[1] * 30] * 30] * 30)
    await tenant.send(deep, source)
    await _counted(tenant, f"topics/{topic['id']}", not_evaluable=1)
    before = await _metric(shared_gateway)
    assert (await tenant.get(f"sources/{source}/activity"))["unattached"]
    headers = {"Content-Type": "application/cloudevents+json"}
    given = {"payload": json.dumps(deep), "headers": headers}
    status, tried = await tenant.call("POST", f"sources/{source}/try", given)
    assert status == 200 and tried["events"][0]["topics"] == [], tried
    status, answer = await tenant.call("POST", "rules/dry-run", {"rule": {"rule": "type = a"}})
    assert status == 200 and answer["events"] == 1
    (stored,) = (await tenant.get("inbox"))["events"]
    status, explained = await tenant.call("GET", f"events/{stored['id']}/explain")
    assert status == 200 and explained["topics"][0]["rules"][0]["problem"], explained
    assert (await tenant.get(f"topics/{topic['id']}"))["counts"]["not_evaluable"] == 1
    assert await _metric(shared_gateway) == before


async def _metric(gateway: GatewayProcess) -> list[str]:
    async with aiohttp.ClientSession() as session, session.get(f"{gateway.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return [line for line in lines if line.startswith("tocsin_rules_not_evaluable")]


async def test_what_is_probably_not_meant_is_said_at_save(tenant: Client):
    source = (await tenant.create("sources", name="s"))["id"]
    rules = [{"rule": "type = a and type = b"}, {"rule": "tenantt = x and type = a or type = b"}]
    topic = await tenant.create("topics", name="t", sources=[{"id": source, "rules": rules}])
    assert topic["warnings"] == [
        "rule 1 of source s: this rule never holds",
        "rule 2 of source s: this rule mixes `and` with `or` without parentheses; `and` binds tighter",
        "rule 2 of source s: `tenantt` is no name that is known, and read as an extension attribute",
    ]
    feeds = [{"id": source, "rules": [{"rule": "type = backup.failed"}]}]
    status, topic = await tenant.call("PUT", f"topics/{topic['id']}", {"sources": feeds})
    assert status == 200 and "warnings" not in topic


async def test_routine_that_goes_to_a_chat_is_pointed_out(tenant: Client):
    source = (await tenant.create("sources", name="s"))["id"]
    topic = await tenant.create("topics", name="t", sources=[{"id": source, "rules": [{}]}])
    params = {"url": "https://hooks.slack.com/services/T0/B0/x"}
    chat = await tenant.create("destinations", name="chat", type="slack", config={"params": params})
    ids = {"topic_id": topic["id"], "destination_id": chat["id"]}
    noisy = await tenant.create("subscriptions", name="all", **ids)
    assert "severity info go to a chat" in noisy["warnings"][0]
    assert "severity info go to a chat" in (await tenant.get(f"topics/{topic['id']}"))["warnings"][0]
    status, quiet = await tenant.call(
        "PATCH", f"subscriptions/{noisy['id']}", {"rule": "severity >= warning"}
    )
    assert status == 200 and "warnings" not in quiet
    assert "warnings" not in await tenant.get(f"topics/{topic['id']}")
