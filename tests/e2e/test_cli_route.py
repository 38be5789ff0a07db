"""From a source to a receiver by commands alone, and what they say of it afterwards."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink, Reply
from tests.waiting import until, until_async


async def route(shell: Shell, url: str, *topic: str) -> None:
    await shell.ok("source", "create", "--name", "nightly")
    await shell.ok("group", "create", "--name", "ops", "--source", "nightly", *topic)
    await shell.ok("target", "create", "webhook", "--name", "hook", "--url", url)
    await shell.ok(
        "subscription", "create", "--name", "hook gets ops", "--topic", "ops", "--destination", "hook"
    )


async def test_a_route_is_set_up_by_names_and_an_event_goes_through(shell: Shell, sink: HttpSink):
    await route(shell, sink.url("/hook"), "--rule", "severity >= error")
    quiet = await shell.json("send", "--source-id", "nightly", "--type", "backup.ok", "--severity", "info")
    sent = await shell.json(
        "send",
        "--source-id",
        "nightly",
        "--type",
        "backup.failed",
        "--source",
        "/db1",
        "--id",
        "e-1",
        "--subject",
        "vm/7",
        "--severity",
        "error",
        "--title",
        "db1 failed",
        "--extension",
        "x1: y",
        "--data",
        '{"code": 7}',
        "--time",
        "2026-01-31T03:00:00Z",
    )
    await until(lambda: len(sink.requests) == 1)
    assert json.loads(sink.requests[0].body) == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/db1",
        "type": "backup.failed",
        "subject": "vm/7",
        "severity": "error",
        "title": "db1 failed",
        "x1": "y",
        "time": "2026-01-31T03:00:00Z",
        "datacontenttype": "application/json",
        "data": {"code": 7},
    }
    event = await shell.json("event", "show", sent["notification_id"])
    assert [row["state"] for row in event["deliveries"]] == ["delivered"]
    assert (await shell.json("event", "show", quiet["notification_id"]))["deliveries"] == []
    inbox = await shell.json("inbox")
    assert [row["id"] for row in inbox] == [sent["notification_id"], quiet["notification_id"]]
    table = (await shell.ok("event", "show", sent["notification_id"])).out
    assert "db1 failed" in table and "hook gets ops" in table


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_data_may_come_from_a_file_from_stdin_and_need_not_be_json(
    shell: Shell, sink: HttpSink, mode: str
):
    await route(shell, sink.url())
    assert shell.folder is not None
    (shell.folder / "data.json").write_text('[1, {"größe": null}]')
    common = ("send", "--source-id", "nightly", "--type", "t", "--mode", mode)
    await shell.ok(*common, "--data", "@data.json")
    await shell.ok(*common, "--data", "-", stdin='"text"')
    await shell.ok(*common, "--data", "hello", "--content-type", "text/plain")
    await until(lambda: len(sink.requests) == 3)
    data = [json.loads(request.body)["data"] for request in sink.requests]
    assert sorted(map(str, data)) == sorted(map(str, [[1, {"größe": None}], "text", "hello"]))
    refused = await shell.run(*common, "--data", "no json")
    assert refused.code == 2 and "--content-type" in refused.err


async def test_dead_letters_are_listed_shown_and_replayed_with_the_id_they_had(shell: Shell, sink: HttpSink):
    await route(shell, sink.url())
    sink.answer(Reply(400, body=b"not today"))
    await shell.ok("send", "--source-id", "nightly", "--type", "backup.failed")

    async def dead() -> bool:
        return len(await shell.json("delivery", "list", "--state", "dead", "--destination", "hook")) == 1

    await until_async(dead)
    (row,) = await shell.json("delivery", "list", "--state", "dead")
    shown = (await shell.ok("delivery", "show", row["id"])).out
    assert "rejected" in shown and '"type": "backup.failed"' in shown.replace('":"', '": "')
    await shell.ok("delivery", "replay", row["id"])
    await until(lambda: len(sink.requests) == 2)
    assert [request.headers["webhook-id"] for request in sink.requests] == [row["id"]] * 2
    again = await shell.run("delivery", "replay", "00000000-0000-7000-8000-000000000000")
    assert again.code == 1 and "refused, " in again.err


async def test_a_topic_is_changed_in_parts(shell: Shell, sink: HttpSink):
    await route(shell, sink.url(), "--rule", "severity >= error", "--rule", "type = backup.failed")
    await shell.ok("source", "create", "--name", "second")
    changed = await shell.json("topic", "update", "--name", "ops", "--description", "the team")
    assert [rule["rule"] for rule in changed["sources"][0]["rules"]] == [
        "severity >= error",
        "type = backup.failed",
    ]
    changed = await shell.json("topic", "update", "ops", "--source", "nightly", "--source", "second")
    assert [len(source["rules"]) for source in changed["sources"]] == [2, 1]
    changed = await shell.json("topic", "update", "ops", "--rule", "severity = critical", "--name", "few")
    assert (changed["name"], changed["description"]) == ("few", "the team")
    assert [rule["rule"] for source in changed["sources"] for rule in source["rules"]] == [
        "severity = critical"
    ] * 2


async def test_a_rule_that_is_none_is_refused_with_place_and_remedy(shell: Shell):
    await shell.ok("source", "create", "--name", "nightly")
    refused = await shell.run("topic", "create", "--name", "x", "--source", "nightly", "--rule", "severity >")
    assert refused.code == 1 and refused.out == ""
    assert "/sources/0/rules/0/rule" in refused.err and "expected:" in refused.err


async def test_every_command_of_the_quickstart_works(shell: Shell):
    await shell.ok("source", "create", "--name", "nightly")
    shown = (await shell.ok("quickstart")).out.split("step by step:")[1].replace("\\\n", " ")
    commands = [shlex.split(line, comments=True) for line in shown.splitlines() if line.startswith("  ")]
    assert len(commands) == 7
    for words in commands:
        arguments = words[words.index("gateway") + 1 :]
        if arguments[:2] != ["destination", "test"]:
            await shell.ok(*arguments, env={"MAIL_PASSWORD": "a-password"})
    assert await shell.names("subscription") == ["hook gets failures", "ops get mail"]
