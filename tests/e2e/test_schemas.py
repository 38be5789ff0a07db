"""Events are checked against the schemas of their source, seen from outside."""

from __future__ import annotations

import json

from tests.fakes.http_sink import HttpSink
from tests.harness import Client, cloudevent
from tests.waiting import until

SIZED = {"type": "object", "required": ["bytes"], "properties": {"bytes": {"type": "integer", "minimum": 0}}}
IBM = "com.ibm.cloud.is.backup-policy.backup-volume-creation"


async def bind(client: Client, **fields: object) -> dict[str, object]:
    return await client.create(
        "schemas", **({"name": "sized", "event_types": ["backup.*"], "schema": SIZED} | fields)
    )


async def test_a_misfit_is_refused_with_pointers_and_nothing_is_stored(client: Client):
    source = await client.create("sources", name="s")
    await bind(client)
    status, problem = await client.send(cloudevent("a", data={"bytes": -1}), source["id"])
    assert (status, problem["code"]) == (422, "schema_violated")
    assert [one["pointer"] for one in problem["problems"]] == ["/data/bytes"]
    assert problem["problems"][0]["expected"]
    status, problem = await client.send(cloudevent("b"), source["id"])
    assert status == 422, "absent data is no object"
    batch = json.dumps([cloudevent("c", data={"bytes": 1}), cloudevent("d", data={})]).encode()
    path = f"events?source_id={source['id']}"
    status, problem = await client.call(
        "POST", path, batch, Content_Type="application/cloudevents-batch+json"
    )
    assert status == 422 and problem["problems"][0]["pointer"].startswith("/1/data")
    assert (await client.get("inbox"))["events"] == []


async def test_a_fit_and_an_event_of_another_type_pass(client: Client):
    source = await client.create("sources", name="s")
    await bind(client)
    assert (await client.send(cloudevent("a", data={"bytes": 5}), source["id"]))[0] == 202
    assert (await client.send(cloudevent("b", type="sync.failed"), source["id"]))[0] == 202
    judged = {
        row["cloudevent"]["id"]: row.get("schema_revision") for row in (await client.get("inbox"))["events"]
    }
    assert judged["a"] and not judged["b"]


async def test_a_schema_of_one_source_says_nothing_of_another(client: Client):
    one, two = await client.create("sources", name="1"), await client.create("sources", name="2")
    await bind(client, source_id=one["id"])
    assert (await client.send(cloudevent("a"), one["id"]))[0] == 422
    assert (await client.send(cloudevent("a"), two["id"]))[0] == 202


async def test_a_quarantined_event_is_listed_and_a_corrected_repeat_takes_its_place(
    client: Client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"))
    await bind(client, mode="quarantine")
    status, first = await client.send(cloudevent("q", data={"bytes": "many"}), route["source"])
    assert status == 202
    listed = (await client.get("events?quarantined=true"))["events"]
    assert [row["id"] for row in listed] == [first["notification_id"]]
    assert listed[0]["problems"][0]["pointer"] == "/data/bytes"
    assert (await client.get(f"events/{first['notification_id']}"))["deliveries"] == []
    status, second = await client.send(cloudevent("q", data={"bytes": 7}), route["source"])
    assert status == 202 and second != first
    await until(lambda: len(sink.requests) == 1)
    replaced = await client.get(f"events/{first['notification_id']}")
    assert replaced["replaced_by"] == second["notification_id"]
    assert (await client.get("events?quarantined=true"))["events"] == []


async def test_a_schema_may_describe_the_whole_event_and_refer_to_one_that_ships(client: Client):
    source = await client.create("sources", name="s")
    await bind(client, event_types=[IBM], target="event", schema={"$ref": f"urn:tocsin:schemas/events/{IBM}"})
    good = cloudevent(
        "a",
        type=IBM,
        source="com.ibm.cloud.is.backup-policy",
        ibmendefaultshort="t",
        ibmendefaultlong="l",
        ibmensourceid=source["id"],
        time="2024-04-22T20:59:34Z",
    )
    status, problem = await client.send(good, source["id"])
    assert status == 202, problem


async def test_a_document_that_is_no_safe_schema_is_refused(client: Client):
    for schema in (
        {"type": "objekt"},
        {"$ref": "http://127.0.0.1:9/x"},
        {"$ref": "file:///etc/passwd"},
        {"pattern": "(a+)+(?=b)"},
    ):
        status, problem = await client.call(
            "POST", "schemas", {"name": "bad", "event_types": ["x"], "schema": schema}
        )
        assert (status, problem["code"]) == (422, "schema_invalid"), schema
