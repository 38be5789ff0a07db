"""Noise policies are set by API and command line: what is shown, what is refused."""

from __future__ import annotations

from typing import Any

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, cloudevent
from tests.waiting import until

COLLECTED = {
    "rule": "severity in (info, notice)",
    "frequency": "daily",
    "time": "09:00",
    "zone": "UTC",
    "weekday": "mon",
    "empty": False,
}
IBS = (
    "--name", "compliance", "--digest-rule", COLLECTED["rule"], "--digest-frequency", "daily",
    "--digest-time", "09:00",
)  # fmt: skip
"""The command as the product's own page prints it."""


async def refused(client: Client, path: str, policy: object) -> tuple[int, str, str]:
    status, problem = await client.call("PUT", path, {"policy": policy})
    return status, problem["code"], problem["problems"][0]["pointer"]


async def test_a_topic_says_it_and_a_subscription_says_it_better(tenant: Client, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/"))
    topic, way = f"topics/{route['topic']}", f"subscriptions/{route['subscription']}"
    assert "policy" not in await tenant.get(topic)
    assert "policy_in_force" not in await tenant.get(way)
    status, set_ = await tenant.call(
        "PUT", topic, {"policy": {"rate_limit": True, "duplicates": {"seconds": "10m"}, "digest": {}}}
    )
    assert status == 200
    assert set_["policy"]["rate_limit"] is True
    assert set_["policy"]["duplicates"] == {"seconds": 600.0, "key": []}
    _, set_ = await tenant.call("PUT", topic, {"policy": {"rate_limit": {"fold": True}, "digest": None}})
    assert set_["policy"]["rate_limit"] == {"events": 60, "seconds": 60.0, "fold": True}
    assert set(set_["policy"]) == {"rate_limit", "duplicates"}
    status, own = await tenant.call("PATCH", way, {"policy": {"duplicates": False, "once_per_target": True}})
    assert status == 200
    assert own["policy"] == {"duplicates": False, "once_per_target": True}
    assert own["policy_in_force"] == {"rate_limit": set_["policy"]["rate_limit"], "once_per_target": True}
    shown = await tenant.get(topic)
    status, again = await tenant.call("PUT", topic, {"policy": shown["policy"]})
    assert (status, again["policy"]) == (200, shown["policy"]), "what is shown can be given"


async def test_what_cannot_be_is_refused_with_its_place(tenant: Client, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/"))
    topic, way = f"topics/{route['topic']}", f"subscriptions/{route['subscription']}"
    for policy, status, code, pointer in (
        ({"limit": 1}, 400, "invalid_body", "/policy/limit"),
        ({"rate_limit": {"events": 0}}, 400, "invalid_body", "/policy/rate_limit/events"),
        ({"duplicates": {"seconds": "soon"}}, 400, "invalid_body", "/policy/duplicates/seconds"),
        ({"fallback": True}, 400, "invalid_body", "/policy/fallback"),
        ({"digest": {"time": "25:00"}}, 400, "invalid_body", "/policy/digest/time"),
        ({"digest": {"rule": "type ="}}, 422, "rule_syntax", "/policy/digest/rule"),
        ({"quiet_hours": {"zone": "Mars"}}, 422, "rule_value", "/policy/quiet_hours/zone"),
        ({"grouping": {"by": ["a b"]}}, 422, "rule_syntax", "/policy/grouping/by/0"),
        ({"escalation": {"to": "nobody"}}, 422, "policy_invalid", "/policy/escalation/to"),
    ):
        assert await refused(tenant, topic, policy) == (status, code, pointer)
    status, _ = await tenant.call("PUT", topic, {"policy": {"fallback": {"to": route["subscription"]}}})
    assert status == 200
    status, problem = await tenant.call("DELETE", way)
    assert (status, problem["code"]) == (409, "in_use")
    await tenant.call("PUT", topic, {"policy": {"fallback": None}})
    assert (await tenant.call("DELETE", way))[0] == 204


async def test_the_commands_of_ibs_set_a_digest(tenant: Client, shell: Shell):
    topic = await tenant.create("topics", name="compliance")
    for words in (("topic",), ("group",), ("notification", "group")):
        await tenant.call("PUT", f"topics/{topic['id']}", {"policy": {"digest": None}})
        ran = await shell.ok(*words, "update", *IBS)
        assert "severity in (info, notice): every day at 09:00 UTC" in ran.out
        assert (await tenant.get(f"topics/{topic['id']}"))["policy"] == {"digest": COLLECTED}
    await shell.ok("topic", "update", "compliance", "--name", "auditors")
    assert (await tenant.get(f"topics/{topic['id']}"))["name"] == "auditors", "with both, it is renamed"
    assert "no topic called 'compliance'" in (await shell.run("topic", "update", *IBS)).err


async def test_what_was_set_by_command_holds_from_the_next_event_on(
    tenant: Client, shell: Shell, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/"), name="compliance")
    await shell.ok("notification", "group", "update", *IBS)
    for id, severity in (("1", "info"), ("2", "error")):
        await tenant.send(cloudevent(id, severity=severity), route["source"])
    await until(lambda: len(sink.requests) == 1)
    [held] = (await tenant.get("deliveries?state=held"))["deliveries"]
    assert held["reason"] == "digest"
    [listed] = await shell.json("delivery", "list", "--reason", "digest")
    assert listed["id"] == held["id"]
    await shell.ok("topic", "update", "compliance", "--digest", "off")
    await tenant.send(cloudevent("3", severity="info"), route["source"])
    await until(lambda: len(sink.requests) >= 2)


async def test_every_policy_has_its_options(tenant: Client, shell: Shell, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/"), name="ops")
    boss = await tenant.create(
        "subscriptions", name="boss", topic_id=route["topic"], destination_id=route["destination"]
    )
    changed = await shell.json(
        "topic", "update", route["topic"], "--rate-limit", "30/5m", "--rate-limit-fold",
        "--duplicates", "10m", "--duplicate-key", "resource", "--quiet-hours", "22:00-07:00",
        "--quiet-zone", "Europe/Berlin", "--quiet-days", "mon,tue", "--quiet-let-through", "error",
        "--group-for", "30s", "--group-by", "resource", "--remind-every", "4h", "--escalate-to", "boss",
        "--escalate-after", "15m", "--escalate-unless", "delivered", "--fallback-to", "boss",
        "--fallback-after", "2", "--once-per-target", "--digest", "off",
    )  # fmt: skip
    policy: dict[str, Any] = changed["policy"]
    assert policy.pop("rate_limit") == {"events": 30, "seconds": 300.0, "fold": True}
    assert policy.pop("duplicates") == {"seconds": 600.0, "key": ["resource"]}
    quiet = policy.pop("quiet_hours")
    assert (quiet["days"], quiet["zone"], quiet["let_through"]) == (["mon", "tue"], "Europe/Berlin", "error")
    assert policy.pop("grouping") == {"seconds": 30.0, "by": ["resource"]}
    assert policy.pop("reminders") == {"every": 14400.0}
    assert policy.pop("escalation") == {"to": boss["id"], "after": 900.0, "unless": "delivered"}
    assert policy.pop("fallback") == {"to": boss["id"], "attempts": 2}
    assert policy == {"once_per_target": True, "digest": False}
    words = (await shell.ok("topic", "show", route["topic"])).out
    assert "to boss after 2 failures" in words and "30 in 5m; one message of what is over it" in words
    await shell.ok("subscription", "update", "boss", "--rate-limit", "off", "--quiet-hours", "unset")
    shown = (await shell.ok("subscription", "show", "boss")).out
    assert "policy.rate limit" in shown.replace("_", " ")
    own = await tenant.get(f"subscriptions/{boss['id']}")
    assert own["policy"] == {"rate_limit": False}
    assert "rate_limit" not in own["policy_in_force"] and "quiet_hours" in own["policy_in_force"]
    assert (
        "--rate-limit: 'fast'"
        in (await shell.run("topic", "update", route["topic"], "--rate-limit", "fast")).err
    )
