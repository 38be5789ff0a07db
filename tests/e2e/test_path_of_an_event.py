"""One event from sender to receiver, through the real process over HTTP."""

from __future__ import annotations

import json
import signal

from standardwebhooks import Webhook

from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async


async def test_an_event_arrives_once_signed_and_unchanged(
    gateway: GatewayProcess, client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"))
    event = cloudevent(
        "e-1", subject="vm/7", severity="error", data={"summary": "disk full", "n": 12345678901234567890}
    )
    async with gateway.client(route["key"]) as sender:
        status, answer = await sender.send(event)
    assert status == 202 and set(answer) == {"notification_id"}
    await until(lambda: len(sink.requests) == 1)
    request = sink.requests[0]
    verified = Webhook(route["secret"]).verify(request.body, dict(request.headers))
    assert verified == event
    assert b'"n":12345678901234567890' in request.body.replace(b" ", b"")
    place = f"events/{answer['notification_id']}"

    async def settled() -> bool:
        return [row["state"] for row in (await client.get(place))["deliveries"]] == ["delivered"]

    await until_async(settled)
    detail = await client.get(place)
    delivery = await client.get(f"deliveries/{detail['deliveries'][0]['id']}")
    assert delivery["id"] == request.headers["webhook-id"]
    assert json.loads(delivery["sent"]) == event
    assert [(one["number"], one["code"]) for one in delivery["tries"]] == [(1, "200")]
    assert "subscription 'hook' wanted it" in delivery["why"]


async def test_a_rule_keeps_out_what_it_does_not_match_and_the_inbox_has_it(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"), rule="severity >= error and type = backup.failed")
    for number, severity in enumerate(("info", "error", "critical")):
        status, _ = await client.send(cloudevent(f"e-{number}", severity=severity), route["source"])
        assert status == 202
    await until(lambda: len(sink.requests) == 2)
    inbox = await client.get("inbox")
    assert [row["cloudevent"]["id"] for row in inbox["events"]] == ["e-2", "e-1", "e-0"]
    unmatched = await client.get(f"events/{inbox['events'][2]['id']}")
    assert unmatched["deliveries"] == []
    assert sorted(json.loads(one.body)["id"] for one in sink.requests) == ["e-1", "e-2"]


async def test_a_repeat_is_answered_with_the_first_id_and_sends_nothing(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    _, first = await client.send(cloudevent("same"), route["source"])
    status, second = await client.send(cloudevent("same", data={"other": 1}), route["source"])
    assert (status, second) == (202, first)
    _, other = await client.send(cloudevent("other"), route["source"])
    await until(lambda: len(sink.requests) == 2)
    assert other != first
    assert len((await client.get("inbox"))["events"]) == 2


async def test_a_batch_is_taken_whole_or_not_at_all(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    path, kind = f"events?source_id={route['source']}", "application/cloudevents-batch+json"
    spoiled = json.dumps([cloudevent("b-0"), cloudevent("b-1", type="")]).encode()
    status, problem = await client.call("POST", path, spoiled, Content_Type=kind)
    assert status == 400
    assert [one["pointer"] for one in problem["problems"]] == ["/1/type"]
    batch = json.dumps([cloudevent("b-0"), cloudevent("b-1")]).encode()
    status, answer = await client.call("POST", path, batch, Content_Type=kind)
    assert status == 202 and len(answer["notification_ids"]) == 2
    status, empty = await client.call("POST", path, b"[]", Content_Type=kind)
    assert (status, empty) == (202, {"notification_ids": []})
    await until(lambda: len(sink.requests) == 2)


async def test_a_failed_delivery_is_tried_again_by_its_schedule_with_the_same_id(
    client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"), retry_schedule=[0.1, 0.1])
    sink.answer(Reply(500, body=b"down"), Reply(503))
    await client.send(cloudevent("retry"), route["source"])
    await until(lambda: len(sink.requests) == 3)
    assert len({one.headers["webhook-id"] for one in sink.requests}) == 1
    delivery_id = sink.requests[0].headers["webhook-id"]

    async def delivered() -> bool:
        return (await client.get(f"deliveries/{delivery_id}"))["state"] == "delivered"

    await until_async(delivered)
    tries = (await client.get(f"deliveries/{delivery_id}"))["tries"]
    assert [(one["number"], one.get("reason"), one["code"]) for one in tries] == [
        (1, "unavailable", "500"),
        (2, "unavailable", "503"),
        (3, None, "200"),
    ]
    assert tries[0]["excerpt"] == "down"


async def test_a_dead_letter_is_listed_and_can_be_replayed(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"), retry_schedule=[0.05])
    sink.answer(Reply(500), Reply(500))
    await client.send(cloudevent("dead"), route["source"])

    async def dead() -> bool:
        return len((await client.get("deliveries?state=dead"))["deliveries"]) == 1

    await until_async(dead)
    letter = (await client.get("deliveries?state=dead"))["deliveries"][0]
    assert letter["reason"] == "retries_exhausted"
    status, _ = await client.call("POST", f"deliveries/{letter['id']}/replay")
    assert status == 202
    await until(lambda: len(sink.requests) == 3)
    assert {one.headers["webhook-id"] for one in sink.requests} == {letter["id"]}

    async def delivered() -> bool:
        return (await client.get(f"deliveries/{letter['id']}"))["state"] == "delivered"

    await until_async(delivered)
    status, problem = await client.call("POST", f"deliveries/{letter['id']}0/replay")
    assert (status, problem["code"]) == (404, "delivery_not_found")


async def test_a_permanent_refusal_is_a_dead_letter_at_once(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    sink.answer(Reply(422, body=b"no such field"))
    await client.send(cloudevent("refused"), route["source"])

    async def dead() -> bool:
        rows = (await client.get("deliveries?state=dead"))["deliveries"]
        return [row["reason"] for row in rows] == ["rejected"]

    await until_async(dead)
    assert len(sink.requests) == 1


async def test_gone_disables_the_destination_and_holds_what_follows(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    sink.answer(Reply(410))
    await client.send(cloudevent("gone"), route["source"])

    async def disabled() -> bool:
        return (await client.get(f"destinations/{route['destination']}")).get("disabled_because") == "gone"

    await until_async(disabled)
    await client.send(cloudevent("held"), route["source"])
    held = (await client.get("deliveries?state=held"))["deliveries"]
    assert [row["reason"] for row in held] == ["destination_disabled"]
    status, _ = await client.call("PATCH", f"destinations/{route['destination']}", {"enabled": True})
    assert status == 200
    await until(lambda: len(sink.requests) == 2)


async def test_a_stopped_gateway_gives_its_work_to_the_next(
    gateway: GatewayProcess, client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"), retry_schedule=[0.2])
    sink.answer(Reply(500))
    await client.send(cloudevent("over-a-restart"), route["source"])
    await until(lambda: len(sink.requests) == 1)
    assert await gateway.stop(signal.SIGTERM) == 0
    await gateway.start()
    await until(lambda: len(sink.requests) == 2)
    assert len({one.headers["webhook-id"] for one in sink.requests}) == 1


async def test_the_test_of_a_destination_is_a_real_delivery(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    status, answer = await client.call("POST", f"destinations/{route['destination']}/test")
    assert (status, answer["status"], answer["state"]) == (202, "success", "delivered")
    assert json.loads(sink.requests[0].body)["type"] == "io.tocsin.test"
    sink.answer(Reply(500, body=b"broken"))
    status, answer = await client.call("POST", f"destinations/{route['destination']}/test")
    assert (answer["status"], answer["state"], answer["code"]) == ("failed", "dead", "500")
    assert len(sink.requests) == 2


async def test_a_destination_shows_how_it_fares(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))

    async def shows(health: str, **last: object) -> bool:
        shown = await client.get(f"destinations/{route['destination']}")
        listed = (await client.get("destinations"))["destinations"]
        assert health != shown["health"] or health in [row["health"] for row in listed]
        given = shown.get("last_result", {})
        return shown["health"] == health and all(given.get(name) == value for name, value in last.items())

    assert await shows("untried")
    sink.answer(Reply(401, body=b"who are you"))
    await client.send(cloudevent("e-1"), route["source"])
    await until_async(lambda: shows("flagged", reason="unauthorized", code="401"))
    await client.send(cloudevent("e-2"), route["source"])
    await until_async(lambda: shows("ok", code="200"))
