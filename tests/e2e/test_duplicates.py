"""An event is accepted once: repeats get the first's id and cause nothing, however close they come (F35)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until

TOGETHER = 50
INTEGER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def until_settled(client: Client, count: int) -> list[dict[str, Any]]:
    """Wait until this many deliveries are there and none is open; they are returned."""
    rows: list[dict[str, Any]] = []

    def done() -> bool:
        return len(rows) == count and {row["state"] for row in rows} == {"delivered"}

    async with asyncio.timeout(10):
        while not done():
            rows = (await client.get("deliveries?limit=500"))["deliveries"]
    return rows


async def test_fifty_at_once_are_one_event_and_one_delivery(
    gateway: GatewayProcess, client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"))
    event = json.dumps(cloudevent("same", data={"n": 1})).encode()
    other = json.dumps(cloudevent("same", data={"n": 2})).encode()
    sent = {"Authorization": f"Bearer {route['key']}", "Content-Type": "application/cloudevents+json"}
    url = f"{gateway.url}/v1/instances/default/events"
    connector = aiohttp.TCPConnector(limit=TOGETHER)
    async with aiohttp.ClientSession(connector=connector, headers=sent) as session:

        async def post(body: bytes) -> tuple[int, str]:
            async with session.post(url, data=body) as answer:
                return answer.status, await answer.text()

        bodies = [event if number % 2 else other for number in range(TOGETHER)]
        answers = await asyncio.gather(*(post(body) for body in bodies))
        answers += [await post(event)]
    assert len(set(answers)) == 1 and answers[0][0] == 202
    stored = (await client.get("events"))["events"]
    assert [row["id"] for row in stored] == [json.loads(answers[0][1])["notification_id"]]
    rows = await until_settled(client, 1)
    assert [one.headers["webhook-id"] for one in sink.requests] == [rows[0]["id"]]


async def test_one_id_from_two_sources_or_two_uris_are_different_events(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    other = await client.create("sources", name="other")
    sent = [
        (cloudevent("same"), route["source"]),
        (cloudevent("same") | {"source": "/elsewhere"}, route["source"]),
        (cloudevent("same"), other["id"]),
    ]
    answers = [await client.send(event, source) for event, source in sent * 2]
    ids = [answer["notification_id"] for _, answer in answers]
    assert ids[:3] == ids[3:] and len(set(ids)) == 3
    await until_settled(client, 2)


async def test_repeats_inside_a_batch_and_between_batches_at_once_are_one_event(
    client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"))
    batch = json.dumps([cloudevent(f"e-{number % 5}") for number in range(20)]).encode()
    answers = await asyncio.gather(
        *(
            client.call(
                "POST",
                f"events?source_id={route['source']}",
                batch,
                Content_Type="application/cloudevents-batch+json",
            )
            for _ in range(8)
        )
    )
    assert {status for status, _ in answers} == {202}
    ids = {tuple(answer["notification_ids"]) for _, answer in answers}
    assert len(ids) == 1
    (by_index,) = ids
    assert by_index == by_index[:5] * 4 and len(set(by_index)) == 5
    await until_settled(client, 5)
    assert len(sink.requests) == 5


async def test_a_corrected_repeat_takes_the_place_of_a_quarantined_event_once(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    await client.create(
        "schemas", name="counted", event_types=["backup.failed"], schema=INTEGER, mode="quarantine"
    )
    wrong = cloudevent("same", data={"n": "one"})
    right = cloudevent("same", data={"n": 1})
    _, first = await client.send(wrong, route["source"])
    _, again = await client.send(wrong, route["source"])
    assert first == again
    assert [row["id"] for row in (await client.get("events?quarantined=true"))["events"]] == [
        first["notification_id"]
    ]
    answers = await asyncio.gather(*(client.send(right, route["source"]) for _ in range(TOGETHER)))
    assert {status for status, _ in answers} == {202}
    corrected = {answer["notification_id"] for _, answer in answers}
    assert len(corrected) == 1 and corrected != {first["notification_id"]}
    _, late = await client.send(wrong, route["source"])
    assert {late["notification_id"]} == corrected, "what is corrected is not quarantined again"
    replaced = await client.get(f"events/{first['notification_id']}")
    assert {replaced["replaced_by"]} == corrected and not replaced["quarantined"]
    assert replaced["deliveries"] == []
    assert (await client.get("events?quarantined=true"))["events"] == []
    await until_settled(client, 1)
    await until(lambda: len(sink.requests) == 1)
    assert json.loads(sink.requests[0].body)["data"] == {"n": 1}


async def test_a_repeat_after_a_restart_is_still_known(gateway: GatewayProcess, sink: HttpSink):
    async with gateway.client() as client:
        route = await client.webhook_route(sink.url("/hook"))
        _, first = await client.send(cloudevent("same"), route["source"])
        await until_settled(client, 1)
    gateway.kill()
    await gateway.start()
    async with gateway.client() as client:
        assert await client.send(cloudevent("same"), route["source"]) == (202, first)
        assert len((await client.get("events"))["events"]) == 1
        await until_settled(client, 1)
    assert len(sink.requests) == 1
