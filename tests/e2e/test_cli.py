"""The command line against a real gateway: what a person types, sees, and gets as an exit code."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
from pathlib import Path

import pytest

from tests.commands import COMMAND, Shell, environment
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client, GatewayProcess

CRN = "crn:v1:bluemix:public:is:us-south:a/123::backup-policy:"


def test_help_is_quick():
    """CPU time, because that is the program's own; the wall says as much about what else runs."""
    used = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, "--help"], capture_output=True, check=True, env=environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(used) < 0.150


async def test_a_name_that_is_not_there_is_refused_and_a_close_one_is_offered(shell: Shell):
    await shell.ok("source", "create", "--name", "nightly")
    wrong = await shell.run("source", "show", "nighty")
    assert wrong.code == 1
    assert wrong.err.splitlines() == [
        "refused, source_not_found: there is no source called 'nighty'",
        "  expected: 'nightly'?",
    ]


async def test_a_name_that_two_things_bear_is_refused_with_their_ids(shell: Shell):
    ids = [(await shell.json("topic", "create", "--name", "twin"))["id"] for _ in range(2)]
    wrong = await shell.run("topic", "show", "twin")
    assert wrong.code == 1 and "name_ambiguous" in wrong.err and all(one in wrong.err for one in ids)
    assert (await shell.json("topic", "show", ids[1]))["name"] == "twin"


async def test_long_lists_are_read_to_their_end(shell: Shell, tenant: Client):
    await asyncio.gather(*(tenant.create("topics", name=f"topic {number:03}") for number in range(120)))
    assert len(await shell.names("topic")) == 120
    assert (await shell.json("topic", "show", "topic 119"))["name"] == "topic 119"


async def test_a_hostile_name_cannot_steer_the_terminal(shell: Shell):
    await shell.ok("source", "create", "--name", "evil\x1b]0;owned\x07\x1b[31m [bold]name[/bold]")
    table, rows = await shell.ok("source", "list"), await shell.json("source", "list")
    assert "\x1b" not in table.out and "\x07" not in table.out and "[bold]name[/bold]" in table.out
    assert rows[0]["name"] == "evil\x1b]0;owned\x07\x1b[31m [bold]name[/bold]"


async def test_no_gateway_is_exit_code_3_and_one_line(tmp_path: Path):
    nowhere = await Shell("http://127.0.0.1:9", "k").run("source", "list")
    assert nowhere.code == 3 and nowhere.err.splitlines() == [
        "tocsin: no gateway answers at http://127.0.0.1:9: Connection refused"
    ]
    unknown = await Shell("", "", tmp_path).run("inbox")
    assert unknown.code == 3 and len(unknown.err.splitlines()) == 1 and "tocsin serve" in unknown.err


async def test_a_key_that_is_not_valid_is_exit_code_1(shared_gateway: GatewayProcess):
    refused = await Shell(shared_gateway.url, "not-a-key").run("source", "list")
    assert refused.code == 1 and refused.err.startswith("refused, unauthorized")


@pytest.mark.parametrize("status", [200, 302, 404])
async def test_another_server_is_recognised_as_one(sink: HttpSink, status: int):
    sink.usual = Reply(status, body=b"<html>welcome</html>")
    refused = await Shell(sink.url("")).run("source", "list")
    assert refused.code == 1 and "is that a Tocsin gateway?" in refused.err
    assert "Traceback" not in refused.err


async def test_the_data_folder_of_a_running_gateway_is_enough(tmp_path: Path):
    process = GatewayProcess(tmp_path, admin_key=None)
    await process.start()
    try:
        await Shell("", "", tmp_path).ok("source", "create", "--name", "found")
    finally:
        process.close()


def test_a_reader_that_leaves_is_no_error():
    command = f"{' '.join(COMMAND)} settings --output json | head -1"
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[\n", "")


async def test_a_source_takes_the_options_of_ibms_command_line(shell: Shell, instance: str):
    created = await shell.json(
        "source",
        "create",
        "--instance-id",
        instance,
        "--name",
        "Backup policy",
        "--source",
        CRN,
        "--description",
        "Backup failures",
        "--enabled",
        "true",
    )
    assert (created["source"], created["description"], created["enabled"]) == (CRN, "Backup failures", True)
    assert await shell.json("source", "show", "Backup policy") == await shell.json(
        "source", "show", created["id"]
    )
    await shell.ok("source", "update", "Backup policy", "--enabled", "false", "--name", "policy")
    assert (await shell.json("source", "show", "policy"))["enabled"] is False
    await shell.ok("source", "delete", "policy")
    assert await shell.names("source") == []


async def test_types_and_sources_that_are_allowed_can_be_set_and_lifted(shell: Shell):
    created = await shell.json(
        "source", "create", "--name", "s", "--allowed-type", "a.*", "--allowed-type", "b"
    )
    assert created["allowed_types"] == ["a.*", "b"]
    changed = await shell.json("source", "update", "s", "--all-types", "--allowed-source", "/x*")
    assert "allowed_types" not in changed and changed["allowed_sources"] == ["/x*"]


async def test_a_source_key_sends_until_it_is_revoked(shell: Shell):
    await shell.ok("source", "create", "--name", "nightly")
    key = await shell.json("key", "create", "--source", "nightly", "--name", "sender")
    assert [row["name"] for row in await shell.json("key", "list", "--source", "nightly")] == ["sender"]
    assert key["key"] not in (await shell.ok("key", "list")).out
    sender = Shell(
        shell.environment["TOCSIN_URL"], key["key"], TOCSIN_INSTANCE=shell.environment["TOCSIN_INSTANCE"]
    )
    await sender.ok("send", "--type", "backup.ok")
    assert (await sender.run("source", "list")).code == 1
    await shell.ok("key", "delete", key["id"])
    refused = await sender.run("send", "--type", "backup.ok")
    assert refused.code == 1 and refused.err.startswith("refused, unauthorized")


async def test_a_schema_refuses_what_does_not_fit(shell: Shell):
    assert shell.folder is not None
    (shell.folder / "schema.json").write_text(json.dumps({"type": "object", "required": ["code"]}))
    await shell.ok("source", "create", "--name", "nightly")
    await shell.ok("schema", "create", "--name", "failures", "--type", "backup.*", "--file", "schema.json")
    send = ("send", "--source-id", "nightly", "--type", "backup.failed", "--data")
    refused = await shell.run(*send, "{}")
    assert refused.code == 1 and "code" in refused.err
    await shell.ok(*send, '{"code": 1}')
    await shell.ok("schema", "update", "failures", "--mode", "quarantine")
    await shell.ok(*send, "{}")
    assert len(await shell.json("event", "list", "--quarantined")) == 1
    await shell.ok("schema", "delete", "failures")
    assert await shell.names("schema") == []
    (shell.folder / "schema.json").write_text("[1]")
    wrong = await shell.run("schema", "create", "--name", "x", "--type", "y", "--file", "schema.json")
    assert wrong.code == 2 and "JSON object" in wrong.err


async def test_the_processes_that_share_the_store_are_listed(shell: Shell):
    (node,) = await shell.json("node", "list")
    assert (node["state"], node["leases"]) == ("living", 0)
    assert node["name"] in (await shell.ok("node", "list")).out


async def test_a_source_of_a_product_tells_what_to_paste_there(shell: Shell, tenant: Client):
    made = await shell.ok("source", "create", "--name", "tests", "--format", "kymaros")
    (url,) = {line.split()[-1] for line in made.out.splitlines() if line.startswith("setup.url")}
    assert f"--from-literal=url={url}" in made.out and "/in/tcs_" in url
    assert "shown this once" in made.err
    shown = await shell.ok("source", "show", "tests")
    assert "tcs_" not in shown.out
    backups = await shell.json("source", "create", "--name", "backups", "--format", "backupman")
    assert backups["setup"]["headers"]["X-Webhook-Token"] in backups["setup"]["snippet"]
    fresh = await shell.json("key", "create", "--source", "tests", "--use", "url")
    assert fresh["setup"]["url"].rpartition("/")[2] == fresh["key"]


async def test_a_payload_can_be_tried_with_a_mapping_before_it_is_saved(shell: Shell, tmp_path: Path):
    await shell.ok("source", "create", "--name", "jobs", "--format", "json")
    (tmp_path / "payload.json").write_text('{"kind": "backup.failed", "level": "high"}')
    mapping = ["--format-option", "type: /kind", "--format-option", 'severity: {"pointer": "/level"}']
    tried = await shell.ok("source", "try", "jobs", "payload.json", *mapping)
    shown = dict(line.split(maxsplit=1) for line in tried.out.splitlines())
    assert shown["vocabulary.severity"].strip() == "error"
    assert shown["cloudevent.type"].strip() == "backup.failed"
    wrong = await shell.run("source", "try", "jobs", "payload.json", "--format-option", "tpye: /kind")
    assert wrong.code == 1 and "at /format_options/tpye" in wrong.err
    saved = await shell.json("source", "update", "jobs", *mapping)
    assert saved["format_options"] == {"type": "/kind", "severity": {"pointer": "/level"}}
    again = await shell.json("source", "try", "jobs", "-", stdin='{"kind": "x"}')
    assert again["events"][0]["cloudevent"]["type"] == "x"


async def test_signing_is_switched_on_and_off(shell: Shell):
    signed = await shell.json(
        "source", "create", "--name", "signed", "--format", "slack", "--signing", "standard-webhooks"
    )
    assert signed["signing_secret"].startswith("whsec_")
    plain = await shell.json("source", "update", "signed", "--signing", "none")
    assert "signing" not in plain and "signing_secret" not in plain
