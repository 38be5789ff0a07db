"""Explanations of a running gateway: they tell what happened, at the version at which it did."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client, cloudevent
from tests.waiting import until_async

RULES = (
    "", "severity >= error", "type = backup.failed", "type starts-with backup. and subject = vm-1",
    'subject =~ "^vm-[12]$"', "data.size > 10", "data.parts[*].ok = false", "not type = backup.failed",
    "resource starts-with /ds and severity in (info, error)", "outcome = failed", "false",
)  # fmt: skip
FILTERS = ("$.*", "$.subject == 'vm-1'", "$.data.parts[?(@.ok == true)]", "$.type =~ 'failed$'")


async def _configured(tenant: Client, url: str, chance: random.Random) -> list[str]:
    sources = [(await tenant.create("sources", name=name))["id"] for name in ("a", "b")]
    params = {"url": url, "verb": "post"}
    destinations = [
        (await tenant.create("destinations", name=name, type="webhook", config={"params": params}))["id"]
        for name in ("one", "two")
    ]
    for number in range(8):
        rules = [
            {"rule": chance.choice(RULES), "event_type_filter": chance.choice(FILTERS)}
            for _ in range(chance.randint(0, 3))
        ]
        feeds = [{"id": one, "rules": rules} for one in sources if chance.random() < 0.7]
        topic = await tenant.create("topics", name=f"t{number}", sources=feeds, fallback=number == 7)
        for place in range(chance.randint(0, 3)):
            await tenant.create(
                "subscriptions",
                name=f"s{number}-{place}",
                topic_id=topic["id"],
                destination_id=chance.choice(destinations),
                rule=chance.choice(RULES),
            )
    return sources


def _event(number: int, chance: random.Random) -> dict[str, Any]:
    return cloudevent(
        f"e-{number}",
        type=chance.choice(("backup.failed", "backup.ok", "sync.failed")),
        subject=chance.choice(("vm-1", "vm-2", "vm-33")),
        severity=chance.choice(("info", "error", "critical")),
        resource=chance.choice(("/ds/a", "/other")),
        data={"size": chance.randint(0, 20), "parts": [{"ok": chance.random() < 0.5} for _ in range(3)]},
    )


def _explained(answer: Any) -> set[tuple[str, str, str]]:
    """What the verdicts say: topic, subscription, recipient."""
    rows = [(topic, row) for topic in answer["topics"] for row in topic["subscriptions"] if row["wanted"]]
    return {(topic["id"], row["id"], one) for topic, row in rows for one in row["recipients"] or [""]}


async def test_on_random_runs_every_explanation_tells_what_happened(tenant: Client, sink: HttpSink):
    chance = random.Random(20261121)
    sources = await _configured(tenant, sink.url("/hook"), chance)
    agreed = 0
    for number in range(60):
        if number % 20 == 19:  # what follows is explained by another version than what came before
            topic = (await tenant.get("topics?limit=100"))["topics"][chance.randrange(8)]["id"]
            await tenant.call("PUT", f"topics/{topic}", {"enabled": chance.random() < 0.5})
        status, answer = await tenant.send(_event(number, chance), chance.choice(sources))
        assert status == 202
    events = (await tenant.get("events?limit=100"))["events"]
    for event in events:
        deliveries = (await tenant.get(f"events/{event['id']}"))["deliveries"]
        happened = {
            (row["topic_id"], row["subscription_id"], row.get("recipient") or "") for row in deliveries
        }
        answer = await tenant.get(f"events/{event['id']}/explain")
        assert answer["registry_version"] == event["registry_version"]
        assert _explained(answer) == happened, answer
        assert answer["other_deliveries"] == []
        listed = [
            row for topic in answer["topics"] for one in topic["subscriptions"] for row in one["deliveries"]
        ]
        assert {row["id"] for row in listed} == {row["id"] for row in deliveries}
        agreed += bool(happened)
    assert len(events) == 60 and agreed > 20, "enough of them were delivered somewhere"
    assert len({event["registry_version"] for event in events}) == 4


async def test_an_explanation_is_by_the_version_of_the_event_and_now_by_todays(
    tenant: Client, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/hook"), rule="severity >= error")
    _, sent = await tenant.send(cloudevent("1", severity="info"), route["source"])
    event = sent["notification_id"]
    rules = [{"rule": "severity >= info"}]
    await tenant.call(
        "PUT", f"topics/{route['topic']}", {"sources": [{"id": route["source"], "rules": rules}]}
    )
    then, now = (
        await tenant.get(f"events/{event}/explain"),
        await tenant.get(f"events/{event}/explain?now=true"),
    )
    (topic,) = then["topics"]
    assert (topic["took"], topic["why"]) == (False, "rule_did_not_hold")
    assert topic["rules"][0]["decided_by"] == [
        {"atom": "severity >= error", "holds": False, "found": '"info"'}
    ]
    assert topic["subscriptions"][0]["why"] == "topic_did_not_take_it"
    (topic,) = now["topics"]
    assert topic["took"] and topic["subscriptions"][0]["wanted"]
    assert topic["subscriptions"][0]["deliveries"] == [], "it would go there; it did not"
    assert now["registry_version"] == then["newest_version"] > then["registry_version"]


async def test_what_then_happened_is_told_with_every_try(tenant: Client, sink: HttpSink, shell: Shell):
    route = await tenant.webhook_route(sink.url("/hook"), retry_schedule=[0.1])
    sink.answer(Reply(503, body=b"busy"))
    _, sent = await tenant.send(cloudevent("1", severity="error"), route["source"])
    path = f"events/{sent['notification_id']}/explain"

    async def settled() -> bool:
        topics = (await tenant.get(path))["topics"]
        return topics[0]["subscriptions"][0]["deliveries"][0]["state"] == "delivered"

    await until_async(settled)
    (delivery,) = (await tenant.get(path))["topics"][0]["subscriptions"][0]["deliveries"]
    assert [(one.get("reason"), one["code"]) for one in delivery["tries"]] == [
        ("unavailable", "503"),
        (None, "200"),
    ]
    told = (await shell.ok("explain", sent["notification_id"])).out
    assert "topic hook: the topic took the event" in told and "rule everything: held" in told
    assert "subscription hook to webhook hook: the subscription wanted it" in told
    assert (
        "try 1 at" in told and "unavailable 503" in told and f"delivery {delivery['id']}: delivered" in told
    )


async def test_a_pasted_event_is_explained_and_not_stored(tenant: Client, sink: HttpSink, shell: Shell):
    route = await tenant.webhook_route(sink.url("/hook"), rule="data.size > 5")
    body = {"source_id": route["source"], "event": cloudevent("1", data={"size": 6})}
    status, answer = await tenant.call("POST", "explain", body)
    assert status == 200 and answer["topics"][0]["subscriptions"][0]["wanted"]
    assert "event_id" not in answer and (await tenant.get("events"))["events"] == []
    assert shell.folder is not None
    (shell.folder / "event.json").write_text(json.dumps(cloudevent("1", data={"size": "6"})))
    told = (await shell.ok("explain", "@event.json", "--source-id", "hook")).out
    assert 'no: data.size > 5 (the event has "6")' in told
    assert (await shell.run("explain", "@event.json")).code == 2
    for wrong in ({**body, "source_id": "x"}, {**body, "event": {}}, {"event": {}}):
        status, _ = await tenant.call("POST", "explain", wrong)
        assert status in {400, 404, 422}


async def test_one_topic_or_subscription_can_be_asked_for(tenant: Client, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/hook"))
    await tenant.create("topics", name="other")
    _, sent = await tenant.send(cloudevent("1"), route["source"])
    path = f"events/{sent['notification_id']}/explain"
    for query in (f"topic_id={route['topic']}", f"subscription_id={route['subscription']}"):
        assert [row["id"] for row in (await tenant.get(f"{path}?{query}"))["topics"]] == [route["topic"]]
    assert len((await tenant.get(path))["topics"]) == 2
    assert (await tenant.get(f"{path}?topic_id=x"))["topics"] == []
    status, _ = await tenant.call("GET", "events/00000000-0000-7000-8000-000000000000/explain")
    assert status == 404
