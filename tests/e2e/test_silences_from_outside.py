"""Silences of a running gateway: nobody is told for a while, and everything stays accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.security.vault import fresh_key
from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async


async def states(client: Client) -> dict[str, tuple[str, str]]:
    """State and reason of each delivery, by the id that the sender gave its event."""
    found = {}
    for row in (await client.get("deliveries?limit=100"))["deliveries"]:
        event = await client.get(f"events/{row['event_id']}")
        found[event["cloudevent"]["id"]] = (row["state"], row.get("reason", ""))
    return found


async def silence(client: Client, rule: str, **fields: Any) -> dict[str, Any]:
    return await client.create("silences", rule=rule, reason="new disks", **fields)


async def test_nobody_is_told_during_it_and_everybody_after_it(tenant: Client, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/"))
    made = await silence(tenant, "resource = vm-1", lasts="3s")
    assert (made["state"], made["author"], made["suppressed"]) == ("active", "operator", 0)
    path = f"silences/{made['id']}"
    for id, resource in (("during", "vm-1"), ("another", "vm-2")):
        status, _ = await tenant.send(cloudevent(id, resource=resource), route["source"])
        assert status == 202
    await until(lambda: len(sink.requests) == 1)

    async def ended() -> bool:
        return bool((await tenant.get(path))["state"] == "ended")

    await until_async(ended)
    await tenant.send(cloudevent("after", resource="vm-1"), route["source"])
    expected = {
        "during": ("suppressed", f"silenced_by:{made['id']}"),
        "another": ("delivered", ""),
        "after": ("delivered", ""),
    }

    async def settled() -> bool:
        return await states(tenant) == expected

    await until_async(settled)
    assert len(sink.requests) == 2
    assert (await tenant.get(path))["suppressed"] == 1
    [held] = (await tenant.get(f"deliveries?reason=silenced_by:{made['id']}"))["deliveries"]
    assert held["state"] == "suppressed"
    for query in ("reason=silenced_by:nobody", f"reason=silenced_by:{made['id']}&state=delivered"):
        assert (await tenant.get(f"deliveries?{query}"))["deliveries"] == []


async def test_it_ends_early_and_what_it_held_back_can_be_sent_after_all(tenant: Client, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/"))
    made = await silence(tenant, "true", lasts=3600, topic_id=route["topic"], author="me")
    await tenant.send(cloudevent("1"), route["source"])
    status, ended = await tenant.call("POST", f"silences/{made['id']}/end")
    assert (status, ended["state"], ended["author"]) == (200, "ended", "me")
    await tenant.send(cloudevent("2"), route["source"])
    await until(lambda: len(sink.requests) == 1)
    [held] = (await tenant.get("deliveries?state=suppressed"))["deliveries"]
    assert (await tenant.call("POST", f"deliveries/{held['id']}/replay"))[0] == 202
    await until(lambda: len(sink.requests) == 2)
    assert (await tenant.call("DELETE", f"silences/{made['id']}"))[0] == 204
    assert (await tenant.call("GET", f"silences/{made['id']}"))[1]["code"] == "silence_not_found"


async def test_an_explanation_names_the_silence_that_was_and_a_dry_run_those_that_are(
    tenant: Client, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/"))
    made = await silence(tenant, "type = x", lasts=3600)
    _, sent = await tenant.send(cloudevent("1", type="x"), route["source"])
    explained = f"events/{sent['notification_id']}/explain"
    dry = await tenant.call(
        "POST", "rules/dry-run", {"topic_id": route["topic"], "topic": {"description": "d"}}
    )
    assert dry[1]["silenced"] == 1 and dry[1]["deliveries"]["would"] == 1
    await tenant.call("POST", f"silences/{made['id']}/end")
    told = {"id": made["id"], "author": "operator", "reason": "new disks"}
    for query, silence_ in (("", told), ("?now=true", None)):
        why = await tenant.get(explained + query)
        [way] = [one for topic in why["topics"] for one in topic["subscriptions"]]
        assert (way["wanted"], way.get("silence")) == (True, silence_)
        assert way["deliveries"][0]["state"] == "suppressed"


async def test_what_monitors_tell_can_be_silenced_too(tenant: Client, sink: HttpSink):
    route = await tenant.webhook_route(sink.url("/"), rule="false")
    rules = [{"rule": "type starts-with io.tocsin.monitor."}]
    await tenant.call("PUT", f"topics/{route['topic']}", {"sources": [{"id": "io.tocsin", "rules": rules}]})
    await tenant.create("monitors", name="row", kind="failures")
    await silence(tenant, "type = io.tocsin.monitor.failing", lasts=3600)
    for id, outcome in (("1", "failed"), ("2", "ok")):
        await tenant.send(cloudevent(id, type=f"backup.{outcome}"), route["source"])
    await until(lambda: len(sink.requests) == 1)
    assert b"io.tocsin.monitor.recovered" in sink.requests[0].body
    [held] = (await tenant.get("deliveries?state=suppressed"))["deliveries"]
    assert held["reason"].startswith("silenced_by:")


async def test_what_cannot_be_silenced_is_refused(tenant: Client):
    for fields, status, code in (
        ({"lasts": 60}, 400, "invalid_body"),
        ({"lasts": 60, "rule": "true", "ends_at": "2030-01-01T00:00:00Z"}, 400, "invalid_body"),
        ({"rule": "true"}, 400, "invalid_body"),
        ({"lasts": 60, "rule": "", "reason": "x"}, 400, "invalid_body"),
        ({"lasts": "400d", "rule": "true"}, 400, "invalid_body"),
        ({"lasts": 60, "rule": "type ="}, 422, "rule_syntax"),
        ({"ends_at": "tomorrow", "rule": "true"}, 422, "invalid_value"),
        ({"ends_at": "2020-01-01T00:00:00Z", "rule": "true"}, 422, "silence_invalid"),
        ({"lasts": 60, "rule": "true", "topic_id": "none"}, 404, "topic_not_found"),
    ):
        answered, problem = await tenant.call("POST", "silences", {"reason": "x", **fields})
        assert (answered, problem["code"]) == (status, code), fields
    assert (await tenant.get("silences"))["silences"] == []


async def test_silences_on_the_command_line(tenant: Client, shell: Shell):
    await tenant.create("topics", name="ops")
    made = await shell.json(
        "silence", "create", "--rule", "resource = vm-1", "--for", "1h30m", "--reason", "new disks",
        "--topic", "ops",
    )  # fmt: skip
    assert (made["state"], made["topic_name"], made["reason"]) == ("active", "ops", "new disks")
    far = ("--from", "2090-01-01", "--until", "2090-01-02T08:00Z", "--reason", "x")
    refused = await shell.run("silence", "create", "--rule", "true", *far)
    assert refused.code == 1 and "silence_invalid at /starts_at" in refused.err


async def test_the_command_line_shows_what_was_held_back_and_sends_it_after_all(
    tenant: Client, shell: Shell, sink: HttpSink
):
    route = await tenant.webhook_route(sink.url("/"))
    made = await silence(tenant, "true", lasts=3600)
    await tenant.send(cloudevent("1"), route["source"])
    shown = (await shell.ok("silence", "show", made["id"])).out
    reason = f"silenced_by:{made['id']}"
    [held] = await shell.json("delivery", "list", "--reason", reason)
    assert held["id"] in shown and reason in shown
    await shell.ok("delivery", "replay", held["id"])
    await until(lambda: len(sink.requests) == 1)


async def test_the_command_line_lists_ends_and_deletes(tenant: Client, shell: Shell):
    for reason in ("one", "two"):
        await shell.ok("silence", "create", "--rule", "true", "--for", "2h", "--reason", reason)
    first, second = await shell.json("silence", "list")
    assert [first["reason"], second["reason"]] == ["two", "one"]
    assert (await shell.json("silence", "end", first["id"]))["state"] == "ended"
    assert [row["id"] for row in await shell.json("silence", "list", "--state", "active")] == [second["id"]]
    assert [row["id"] for row in await shell.json("silence", "list", "--search", "two")] == [first["id"]]
    assert "two" in (await shell.ok("silence", "show", first["id"])).out
    await shell.ok("silence", "delete", first["id"])
    assert [row["id"] for row in await shell.json("silence", "list")] == [second["id"]]
    assert "--for 2h" in (await shell.run("silence", "create", "--rule", "true", "--reason", "x")).err
    assert "no period" in (
        await shell.run("silence", "create", "--rule", "true", "--reason", "x", "--for", "ever")
    ).err  # fmt: skip


async def test_one_node_silences_what_another_takes_and_a_restart_changes_nothing(
    tmp_path: Path, database: str, sink: HttpSink
):
    secret, nodes = fresh_key(), []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        nodes.append(GatewayProcess(tmp_path / name, database=database, secret_key=secret, node_name=name))
        await nodes[-1].start()
    try:
        async with nodes[0].client() as client, nodes[1].client() as other:
            route = await client.webhook_route(sink.url("/"))
            made = await silence(client, "type = x", lasts=3600)
            assert (await other.send(cloudevent("1", type="x"), route["source"]))[0] == 202
        nodes[1].kill()
        await nodes[1].start()
        async with nodes[0].client() as client, nodes[1].client() as other:
            assert (await other.send(cloudevent("2", type="x"), route["source"]))[0] == 202
            await client.call("POST", f"silences/{made['id']}/end")
            assert (await other.send(cloudevent("3", type="x"), route["source"]))[0] == 202
            await until(lambda: len(sink.requests) == 1)
            found = await states(other)
            assert {id for id, (state, _) in found.items() if state == "suppressed"} == {"1", "2"}
            assert b'"id":"3"' in sink.requests[0].body.replace(b" ", b"")
    finally:
        for node in nodes:
            node.close()
