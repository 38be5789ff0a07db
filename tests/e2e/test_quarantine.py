"""Quarantined and flagged events: listed with what is wrong, released, corrected or discarded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, cloudevent
from tests.waiting import until

SIZED = {"type": "object", "required": ["bytes"], "properties": {"bytes": {"type": "integer", "minimum": 0}}}


async def quarantined(client: Client, sink: HttpSink, **event: object) -> tuple[dict[str, Any], str]:
    """A route to the sink, and the id of an event that waits before it."""
    route = await client.webhook_route(sink.url("/hook"))
    await client.create("schemas", name="sized", event_types=["backup.*"], schema=SIZED, mode="quarantine")
    fields = {"data": {"bytes": "many"}} | event
    status, answer = await client.send(cloudevent("q", **fields), route["source"])
    assert status == 202
    return route, answer["notification_id"]


def sent(sink: HttpSink) -> list[Any]:
    return [json.loads(one.body) for one in sink.requests]


async def test_a_quarantined_event_is_released_as_it_is_and_keeps_its_problems(
    client: Client, sink: HttpSink
):
    route, waiting = await quarantined(client, sink)
    judged = (await client.get(f"events/{waiting}"))["schema_revision"]
    status, released = await client.call("POST", f"events/{waiting}/release", {})
    assert status == 202 and released["id"] != waiting
    assert [one["pointer"] for one in released["flags"]] == ["/data/bytes"]
    assert released["schema_revision"] == judged and not released["quarantined"]
    await until(lambda: len(sink.requests) == 1)
    assert sent(sink)[0]["data"] == {"bytes": "many"}
    before = await client.get(f"events/{waiting}")
    assert before["replaced_by"] == released["id"] and not before["quarantined"]
    assert (await client.get("events?quarantined=true"))["events"] == []
    status, again = await client.call("POST", f"events/{waiting}/release", {})
    assert (status, again["code"]) == (409, "not_quarantined")
    _, repeat = await client.send(cloudevent("q", data={"bytes": "many"}), route["source"])
    assert repeat["notification_id"] == released["id"], "the sender's repeat is one of what was released"


async def test_a_correction_is_judged_and_goes_the_way_of_every_event(client: Client, sink: HttpSink):
    _, waiting = await quarantined(client, sink)
    status, refused = await client.call("POST", f"events/{waiting}/release", {"data": {"bytes": -1}})
    assert (status, refused["code"]) == (422, "schema_violated")
    assert [one["pointer"] for one in refused["problems"]] == ["/data/bytes"]
    assert (await client.get(f"events/{waiting}"))["quarantined"]
    status, released = await client.call(
        "POST",
        f"events/{waiting}/release",
        {"data": {"bytes": 5, "title": "Corrected"}, "attributes": {"severity": "critical"}},
    )
    assert status == 202 and "flags" not in released
    assert released["vocabulary"]["title"] == "Corrected"
    assert released["vocabulary"]["severity"] == "critical"
    await until(lambda: len(sink.requests) == 1)
    assert sent(sink)[0]["data"] == {"bytes": 5, "title": "Corrected"}
    assert (sent(sink)[0]["id"], sent(sink)[0]["source"]) == ("q", "/tests")


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"id": "another"}, "attribute_fixed"),
        ({"Bad Name": "x"}, "attribute_name_invalid"),
        ({"type": None}, None),
    ],
)
async def test_a_correction_cannot_make_it_another_event_or_none(
    client: Client, sink: HttpSink, attributes: dict[str, object], code: str | None
):
    _, waiting = await quarantined(client, sink)
    body = {"data": {"bytes": 1}, "attributes": attributes}
    status, refused = await client.call("POST", f"events/{waiting}/release", body)
    assert status == 400, refused
    assert refused["problems"][0]["pointer"].startswith("/attributes/")
    assert code in (None, refused["code"])
    assert (await client.get(f"events/{waiting}"))["quarantined"] and sink.requests == []


async def test_a_corrected_payload_of_a_product_is_read_by_its_format(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"), format="kymaros")
    scored = {"properties": {"score": {"maximum": 100}}}
    await client.create(
        "schemas", name="score", event_types=["restore-test.*"], schema=scored, mode="quarantine"
    )
    payload = {"testName": "web", "score": 420, "result": "FAILED", "reportRef": "web-1", "message": "no"}
    path = f"sources/{route['source']}/events"
    status, _ = await client.call("POST", path, payload)
    assert status == 200
    (waiting,) = (await client.get("events?quarantined=true"))["events"]
    body = {"data": payload | {"score": 99, "result": "PASSED", "message": ""}}
    status, released = await client.call("POST", f"events/{waiting['id']}/release", body)
    assert status == 202, released
    assert released["cloudevent"]["type"] == "restore-test.passed"
    assert released["cloudevent"]["id"] == waiting["cloudevent"]["id"]
    assert released["vocabulary"]["outcome"] == "ok"


async def test_a_discarded_event_stays_with_its_reason_and_is_listed_no_more(client: Client, sink: HttpSink):
    route, waiting = await quarantined(client, sink)
    status, discarded = await client.call("POST", f"events/{waiting}/discard", {"reason": "a test run"})
    assert status == 200 and discarded["discarded"] == "a test run" and not discarded["quarantined"]
    assert (await client.get("events?quarantined=true"))["events"] == []
    for action, body in (("release", {}), ("discard", {"reason": "again"})):
        status, refused = await client.call("POST", f"events/{waiting}/{action}", body)
        assert (status, refused["code"]) == (409, "not_quarantined")
    _, corrected = await client.send(cloudevent("q", data={"bytes": 1}), route["source"])
    assert corrected["notification_id"] != waiting, "what the sender corrected is taken all the same"
    await until(lambda: len(sink.requests) == 1)


async def test_a_flagged_event_is_delivered_and_shows_what_is_wrong(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"))
    await client.create("schemas", name="sized", event_types=["backup.*"], schema=SIZED, mode="flag")
    _, answer = await client.send(cloudevent("f", data={"bytes": -1}), route["source"])
    await until(lambda: len(sink.requests) == 1)
    found = await client.get(f"events/{answer['notification_id']}")
    assert not found["quarantined"] and "problems" not in found
    assert [one["pointer"] for one in found["flags"]] == ["/data/bytes"]
    assert found["schema_revision"].endswith("@1")
    (listed,) = (await client.get("events"))["events"]
    assert listed["flags"] == found["flags"]
    payload = json.dumps(cloudevent("g", data={"bytes": -1}))
    headers = {"content-type": "application/cloudevents+json"}
    status, tried = await client.call(
        "POST", f"sources/{route['source']}/try", {"payload": payload, "headers": headers}
    )
    assert status == 200 and tried["events"][0]["flags"][0]["pointer"] == "/data/bytes"


async def test_the_revision_that_judged_an_event_can_be_looked_up(client: Client):
    source = await client.create("sources", name="s")
    schema = await client.create("schemas", name="sized", event_types=["backup.*"], schema=SIZED, mode="flag")
    assert schema["revision"] == 1
    status, changed = await client.call("PATCH", f"schemas/{schema['id']}", {"schema": {"type": "array"}})
    assert (status, changed["revision"]) == (200, 2)
    _, answer = await client.send(cloudevent("r", data={"bytes": 1}), source["id"])
    judged = (await client.get(f"events/{answer['notification_id']}"))["schema_revision"]
    assert judged == f"{schema['id']}@2"
    assert (await client.get(f"schemas/{schema['id']}/revisions/1"))["schema"] == SIZED
    assert (await client.get(f"schemas/{schema['id']}/revisions/2"))["schema"] == {"type": "array"}
    for never in ("0", "3", "x", "9" * 30):
        status, refused = await client.call("GET", f"schemas/{schema['id']}/revisions/{never}")
        assert (status, refused["code"]) == (404, "revision_not_found")


async def test_the_same_by_the_command_line(shell: Shell, tenant: Client, tmp_path: Path):
    source = await tenant.create("sources", name="s")
    await tenant.create("schemas", name="sized", event_types=["backup.*"], schema=SIZED, mode="quarantine")
    ids = []
    for name in ("a", "b", "c"):
        _, answer = await tenant.send(cloudevent(name, data={}), source["id"])
        ids.append(answer["notification_id"])
    listed = await shell.json("event", "list", "--quarantined")
    assert {row["id"] for row in listed} == set(ids)
    corrected = tmp_path / "corrected.json"
    corrected.write_text('{"bytes": 7}')
    released = await shell.json("event", "release", ids[0], "--data", str(corrected))
    assert released["cloudevent"]["data"] == {"bytes": 7}
    assert (await shell.json("event", "release", ids[1]))["flags"]
    assert (await shell.json("event", "discard", ids[2], "--reason", "noise"))["discarded"] == "noise"
    assert await shell.json("event", "list", "--quarantined") == []
    again = await shell.run("event", "discard", ids[2], "--reason", "noise")
    assert again.code == 1 and "not_quarantined" in again.err


@pytest.mark.parametrize(
    ("schema", "event", "code"),
    [
        (SIZED, {"bytes": 1}, 0),
        (SIZED, {"bytes": "x"}, 1),
        (SIZED, cloudevent("1", data={"bytes": 1}), 0),
        ("sources/kymaros", {"testName": "web", "result": "FAILED"}, 0),
        ("sources/kymaros", {"testName": "", "result": "FAILED"}, 1),
    ],
)
async def test_a_schema_is_checked_against_an_event_without_a_gateway(
    tmp_path: Path, schema: object, event: object, code: int
):
    nowhere = Shell("http://127.0.0.1:9", folder=tmp_path)
    (tmp_path / "event.json").write_text(json.dumps(event))
    name = schema
    if not isinstance(schema, str):
        (tmp_path / "schema.json").write_text(json.dumps(schema))
        name = "schema.json"
    ran = await nowhere.run("schema", "check", str(name), "event.json", "--output", "json")
    assert ran.code == code, ran.err
    assert ran.json["fits"] is (code == 0) and bool(ran.json["problems"]) is (code == 1)


async def test_a_schema_that_could_be_slow_is_refused_by_the_check_too(tmp_path: Path):
    (tmp_path / "s.json").write_text('{"pattern": "(a+)+(?=b)"}')
    (tmp_path / "e.json").write_text('"a"')
    ran = await Shell("http://127.0.0.1:9", folder=tmp_path).run("schema", "check", "s.json", "e.json")
    assert ran.code == 1 and "schema_invalid" in ran.err
