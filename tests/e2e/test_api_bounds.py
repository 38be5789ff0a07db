"""What the API refuses before it is stored, and what it answers whatever is stored, seen from outside."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.harness import Client, GatewayProcess, cloudevent

WIDE = " && ".join(["$.data[*] == 1"] * 10)
HUGE = (
    b'{"specversion":"1.0","id":"huge","source":"/s","type":"t","data":{"a":1e999,"b":1.10,"c":'
    + b"9" * 400
    + b"}}"
)


async def test_a_rule_that_is_too_much_in_all_is_refused_and_everything_goes_on(tenant: Client):
    source = await tenant.create("sources", name="s")
    rule = {"event_type_filter": WIDE, "notification_filter": WIDE}
    feeds: list[Any] = [{"id": source["id"], "rules": [rule]}]
    status, problem = await tenant.call("POST", "topics", {"name": "t", "sources": feeds})
    assert (status, problem["code"]) == (422, "rule_too_complex")
    assert problem["problems"][0]["pointer"] == "/sources/0/rules/0"
    await tenant.create("topics", name="t")
    assert (await tenant.send(cloudevent("a"), source["id"]))[0] == 202


async def test_numbers_of_any_size_are_judged_kept_and_answered(
    shared_gateway: GatewayProcess, tenant: Client
):
    source = await tenant.create("sources", name="s")
    await tenant.create("schemas", name="x", event_types=["t"], target="event", schema={"required": ["data"]})
    path = f"events?source_id={source['id']}"
    status, taken = await tenant.call("POST", path, HUGE, Content_Type="application/cloudevents+json")
    assert status == 202, taken
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {tenant.key}"}) as session:
        async with session.get(f"{tenant.base}events/{taken['notification_id']}") as answer:
            assert answer.status == 200
            text = await answer.read()
    assert HUGE[HUGE.index(b'"data":') : -1] in text
    assert json.loads(text)["cloudevent"]["data"]["b"] == 1.1


@pytest.mark.parametrize("role", ["source", "operator", "everything"])
async def test_no_key_has_a_role_that_cannot_be_given(tenant: Client, role: str):
    status, problem = await tenant.call("POST", "keys", {"role": role})
    assert (status, problem["problems"][0]["pointer"]) == (400, "/role")
    assert (await tenant.get("keys"))["keys"] == []


async def test_a_test_takes_the_first_subscription_that_reaches_somebody(tenant: Client):
    rows = (await tenant.get("destinations"))["destinations"]
    [mail] = [row for row in rows if row["type"] == "smtp_ibm"]
    topic = await tenant.create("topics", name="t")
    way = {"topic_id": topic["id"], "destination_id": mail["id"]}
    status, problem = await tenant.call("POST", f"destinations/{mail['id']}/test")
    assert (status, problem["code"]) == (422, "recipient_missing")
    await tenant.create("subscriptions", name="nobody", attributes={"invited": []}, **way)
    status, problem = await tenant.call("POST", f"destinations/{mail['id']}/test")
    assert (status, problem["code"]) == (422, "recipient_missing")
    reaching = await tenant.create(
        "subscriptions", name="ann", attributes={"invited": ["ann@x.example"]}, **way
    )
    status, tried = await tenant.call("POST", f"destinations/{mail['id']}/test")
    assert status == 200, tried
    delivery = await tenant.get(f"deliveries/{tried['delivery_id']}")
    assert (delivery["recipient"], delivery["subscription_id"]) == ("ann@x.example", reaching["id"])


async def test_every_delivery_of_an_event_can_be_read(tenant: Client):
    rows = (await tenant.get("destinations"))["destinations"]
    [mail] = [row for row in rows if row["type"] == "smtp_ibm"]
    source = await tenant.create("sources", name="s")
    topic = await tenant.create("topics", name="t", sources=[{"id": source["id"], "rules": [{}]}])
    for name, count in (("a", 400), ("b", 150)):
        invited = [f"{name}{number}@x.example" for number in range(count)]
        way = {"topic_id": topic["id"], "destination_id": mail["id"]}
        await tenant.create("subscriptions", name=name, attributes={"invited": invited}, **way)
    _, taken = await tenant.send(cloudevent("many"), source["id"])
    shown = await tenant.get(f"events/{taken['notification_id']}")
    rest = await tenant.get(
        f"deliveries?event_id={shown['id']}&limit=500&cursor={shown['deliveries_cursor']}"
    )
    ids = {row["id"] for row in (*shown["deliveries"], *rest["deliveries"])}
    assert (len(shown["deliveries"]), len(ids)) == (500, 550) and "cursor" not in rest
