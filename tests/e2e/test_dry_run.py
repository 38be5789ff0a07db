"""Dry runs: what would have been, beside what was; nothing is saved or sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, cloudevent
from tests.waiting import until


async def _history(tenant: Client, sink: HttpSink) -> dict[str, Any]:
    """A route that took the errors among six events."""
    route = await tenant.webhook_route(sink.url("/hook"), rule="severity >= error")
    for number, severity in enumerate(("info", "warning", "error", "info", "critical", "warning")):
        await tenant.send(cloudevent(f"e{number}", severity=severity, title=severity), route["source"])
    await until(lambda: len(sink.requests) == 2)
    return route


async def _run(tenant: Client, **body: Any) -> Any:
    status, answer = await tenant.call("POST", "rules/dry-run", body)
    assert status == 200, answer
    return answer


async def test_a_change_of_a_topic_is_shown_beside_what_was(tenant: Client, sink: HttpSink):
    route = await _history(tenant, sink)
    sources = [{"id": route["source"], "rules": [{"rule": "severity >= warning"}]}]
    answer = await _run(tenant, topic_id=route["topic"], topic={"sources": sources})
    assert (answer["events"], answer["taken"]) == (6, 4)
    assert answer["deliveries"] == {"was": 2, "now": 2, "would": 4}
    (row,) = answer["subscriptions"]
    assert (row["subscription_name"], row["destination_name"]) == ("hook", "hook")
    assert [change["title"] for change in answer["changes"]] == ["warning", "warning"]
    gained = {"subscription_id": route["subscription"], "subscription_name": "hook"}
    assert all(change["gained"] == [gained] and change["lost"] == [] for change in answer["changes"])
    assert (await tenant.get(f"topics/{route['topic']}"))["sources"][0]["rules"][0][
        "rule"
    ] == "severity >= error"
    assert len(sink.requests) == 2


async def test_a_rule_alone_and_a_new_topic_say_what_they_would_take(tenant: Client, sink: HttpSink):
    route = await _history(tenant, sink)
    for body in (
        {"rule": {"rule": "severity = info"}},
        {"rule": {"rule": "severity = info"}, "source_id": route["source"]},
        {
            "topic": {
                "name": "n",
                "sources": [{"id": route["source"], "rules": [{"rule": "severity = info"}]}],
            }
        },
    ):
        answer = await _run(tenant, **body)
        assert answer["taken"] == 2 and [one["title"] for one in answer["takes"]] == ["info", "info"]
    fallback = await _run(tenant, topic={"name": "rest", "fallback": True})
    assert fallback["taken"] == 4


async def test_a_subscription_that_is_not_there_yet(tenant: Client, sink: HttpSink):
    route = await _history(tenant, sink)
    new = {"topic_id": route["topic"], "destination_id": route["destination"], "rule": "severity = critical"}
    answer = await _run(tenant, subscription=new)
    assert answer["deliveries"] == {"was": 2, "now": 2, "would": 3} and "taken" not in answer
    assert {row["subscription_name"]: row["would"] for row in answer["subscriptions"]} == {
        "hook": 2,
        "the new subscription": 1,
    }
    answer = await _run(
        tenant, subscription_id=route["subscription"], subscription={"rule": "severity = critical"}
    )
    assert answer["deliveries"]["would"] == 1 and len(answer["changes"][0]["lost"]) == 1


async def test_events_are_looked_at_part_by_part(tenant: Client, sink: HttpSink):
    await _history(tenant, sink)
    seen, cursor = 0, ""
    while True:
        answer = await _run(tenant, rule={"rule": ""}, last=4, cursor=cursor)
        seen += answer["events"]
        cursor = answer.get("cursor", "")
        if not cursor:
            break
    assert seen == 6
    events = (await tenant.get("events"))["events"]
    since, until_ = events[3]["received_at"], events[1]["received_at"]
    answer = await _run(tenant, rule={"rule": ""}, since=since, until=until_)
    assert 1 <= answer["events"] <= 4 and answer["oldest"] >= since


async def test_what_cannot_be_evaluated_is_counted(tenant: Client):
    source = (await tenant.create("sources", name="s"))["id"]
    await tenant.send(cloudevent("1", data=[[[1] * 30] * 30] * 30), source)
    answer = await _run(tenant, rule={"notification_filter": "$..*..*..* == 'x'"})
    assert (answer["taken"], answer["not_evaluable"]) == (0, {"path_too_wide": 1})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rule": {}, "topic": {}},
        {"rule": {"rule": "severity >="}},
        {"rule": {}, "source_id": "nowhere"},
        {"topic": {}, "topic_id": "nowhere"},
        {"subscription": {"topic_id": "nowhere", "destination_id": "nowhere"}},
        {"rule": {}, "since": "yesterday"},
        {"rule": {}, "last": 0},
        {"rule": {}, "cursor": "x"},
    ],
)
async def test_what_could_not_be_saved_is_refused(tenant: Client, body: dict[str, Any]):
    status, answer = await tenant.call("POST", "rules/dry-run", body)
    assert status in {400, 404, 422} and answer["code"]


async def test_commands_that_save_can_be_rehearsed(tenant: Client, sink: HttpSink, shell: Shell):
    route = await _history(tenant, sink)
    rule = ("--rule", "severity >= warning")
    told = await shell.ok("topic", "update", "hook", *rule, "--dry-run", "--since", "24h")
    assert "deliveries then, now, with it  2 2 4" in told.out and "nothing was saved" in told.err
    shown = await shell.json("topic", "update", "hook", *rule, "--dry-run", "--last", "3")
    assert shown["events"] == 3
    await shell.ok("topic", "create", "--name", "new", "--fallback", "--dry-run")
    await shell.ok("subscription", "update", "hook", "--rule", "severity = critical", "--dry-run")
    await shell.ok(
        "subscription", "create", "--name", "n", "--topic", "hook", "--destination", "hook", "--dry-run"
    )
    assert (
        (await tenant.get("topics"))["total_count"] == (await tenant.get("subscriptions"))["total_count"] == 1
    )
    assert (await tenant.get(f"topics/{route['topic']}"))["sources"][0]["rules"][0][
        "rule"
    ] == "severity >= error"
    assert (await shell.run("topic", "update", "hook", *rule, "--dry-run", "--last", "0")).code == 2
