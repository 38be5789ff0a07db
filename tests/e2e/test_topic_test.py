"""Testing all that a topic leads to."""

from __future__ import annotations

import json

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client


async def two_ways(client: Client, good: HttpSink, bad: HttpSink) -> str:
    """A topic that leads to a receiver that takes everything and to one that takes nothing."""
    route = await client.webhook_route(good.url("/good"))
    refusing = await client.create(
        "destinations", name="bad", type="webhook", config={"params": {"url": bad.url("/bad")}}
    )
    await client.create(
        "subscriptions",
        name="bad",
        topic_id=route["topic"],
        destination_id=refusing["id"],
        rule="severity >= critical",
    )
    return str(route["topic"])


async def test_each_channel_answers_in_its_own_words(tenant: Client, sink: HttpSink):
    async with HttpSink(Reply(422, body=b"not like this")) as bad:
        topic = await two_ways(tenant, sink, bad)
        body = {"type": "backup.failed", "severity": "error", "data": {"job": "nightly"}}
        status, answer = await tenant.call("POST", f"topics/{topic}/test", body)
    assert (status, answer["status"]) == (200, "failed")
    good, refused = answer["results"]
    assert (good["subscription"], good["state"], good["code"], good["wanted"]) == (
        "hook",
        "delivered",
        "200",
        True,
    )
    assert (refused["state"], refused["reason"], refused["code"]) == ("dead", "rejected", "422")
    assert refused["wanted"] is False, "its own rule wants critical events only"
    event = json.loads(sink.requests[0].body)
    assert (event["type"], event["severity"], event["data"]["job"]) == ("backup.failed", "error", "nightly")
    stored = await tenant.get(f"events/{answer['notification_id']}")
    assert len(stored["deliveries"]) == 2, "a test is a real event"


async def test_a_topic_that_reaches_nobody_cannot_be_tested(tenant: Client):
    topic = await tenant.create("topics", name="empty")
    status, answer = await tenant.call("POST", f"topics/{topic['id']}/test", {})
    assert (status, answer["code"]) == (422, "topic_not_testable")
    status, answer = await tenant.call("POST", f"topics/{topic['id']}/test", {"type": "a b\n"})
    assert (status, answer["code"]) == (400, "invalid_body")


async def test_the_command_shows_a_row_for_each_channel(tenant: Client, shell: Shell, sink: HttpSink):
    async with HttpSink(Reply(422, body=b"not like this")) as bad:
        await two_ways(tenant, sink, bad)
        ran = await shell.run("topic", "test", "hook", "--type", "backup.failed")
    assert ran.code == 1
    assert "delivered" in ran.out and "rejected" in ran.out
