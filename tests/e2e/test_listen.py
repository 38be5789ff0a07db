"""`tocsin listen`: a receiver that verifies, prints, and subscribes itself while it runs."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.commands import Shell
from tests.harness import GatewayProcess
from tests.waiting import until


async def test_listen_verifies_prints_and_leaves_nothing_behind(shell: Shell, tmp_path: Path):
    await shell.ok("source", "create", "--name", "nightly")
    arguments = (
        "listen",
        "--listen",
        "127.0.0.1:0",
        "--source",
        "nightly",
        "--rule",
        "severity >= error",
        "-o",
        "json",
    )
    async with shell.running(*arguments, out=tmp_path / "out") as listening:
        await listening.says("Ctrl-C ends it")
        await shell.ok("send", "--source-id", "nightly", "--type", "backup.ok", "--severity", "info")
        await shell.ok("send", "--source-id", "nightly", "--type", "backup.failed", "--severity", "error")
        await listening.says("backup.failed")
        newest = (await shell.json("delivery", "list"))[0]
        await shell.ok("delivery", "replay", newest["id"])
        await until(lambda: listening.said.count("backup.failed") == 2)
        assert await listening.stop() == 0
        rows = [json.loads(line) for line in listening.said.splitlines() if line.startswith("{")]
    assert [row["event"]["type"] for row in rows] == ["io.tocsin.test", "backup.failed", "backup.failed"]
    assert [(row["verified"], row["repeat"]) for row in rows] == [(True, False), (True, False), (True, True)]
    assert [await shell.names(noun) for noun in ("topic", "subscription")] == [[], []]
    assert "webhook" not in [row["type"] for row in await shell.json("destination", "list")]


async def test_what_a_killed_listen_left_behind_is_replaced(
    shell: Shell, tmp_path: Path, unused_tcp_port: int
):
    await shell.ok("source", "create", "--name", "nightly")
    arguments = ("listen", "--listen", f"127.0.0.1:{unused_tcp_port}", "--source", "nightly")
    async with shell.running(*arguments, out=tmp_path / "first") as listening:
        await listening.says("Ctrl-C ends it")
        listening.process.kill()
        await listening.process.wait()
    assert len(await shell.names("topic")) == 1
    async with shell.running(*arguments, out=tmp_path / "second") as listening:
        await listening.says("Ctrl-C ends it")
        assert await listening.stop() == 0
    assert await shell.names("topic") == []


async def test_listen_refuses_a_webhook_that_it_cannot_verify(
    shell: Shell, tmp_path: Path, unused_tcp_port: int
):
    secret = "whsec_" + "A" * 43 + "="
    async with shell.running(
        "listen", "--listen", f"127.0.0.1:{unused_tcp_port}", "--secret", secret, out=tmp_path / "out"
    ) as listening:
        await listening.says("signatures are verified")
        await shell.ok(
            "destination",
            "create",
            "webhook",
            "--name",
            "hook",
            "--url",
            f"http://127.0.0.1:{unused_tcp_port}/",
        )
        failed = await shell.run("destination", "test", "hook")
        assert failed.code == 1 and "401" in failed.err
        await listening.says("refused with 401, signature_invalid")
        await shell.ok("destination", "update", "hook", "--signing-secret", secret)
        await shell.ok("destination", "test", "hook")
        await listening.says("signature verified")
        assert secret not in listening.said


async def test_listen_that_the_gateway_may_not_reach_says_what_to_add(tmp_path: Path):
    process = GatewayProcess(tmp_path, allow_networks=None)
    await process.start()
    try:
        shell = Shell(process.url)
        await shell.ok("source", "create", "--name", "nightly")
        refused = await shell.run("listen", "--listen", "127.0.0.1:0", "--source", "nightly")
        assert refused.code == 1 and "TOCSIN_ALLOW_NETWORKS" in refused.err and "127.0.0.1" in refused.err
        assert await shell.names("topic") == []
    finally:
        process.close()


async def test_an_address_in_use_is_one_line(unused_tcp_port: int):
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        refused = await Shell("").run("listen", "--listen", f"127.0.0.1:{unused_tcp_port}")
    assert refused.code == 2 and len(refused.err.splitlines()) == 1 and "in use" in refused.err
