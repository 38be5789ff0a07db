"""Secrets that live in the environment: used by name, shown to nobody, given up like any other."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.http_sink import HttpSink
from tests.harness import GatewayProcess


async def test_a_secret_in_the_environment_is_used_kept_and_replaced(tmp_path: Path, sink: HttpSink):
    process = GatewayProcess(tmp_path, references="env:CHAT_URL")
    await process.start(CHAT_URL=sink.url("/from-the-environment"))
    async with process.client() as client:
        params = {"url": "env:CHAT_URL", "type": "incoming_webhook"}
        made = await client.create("destinations", name="chat", type="slack", config={"params": params})
        assert "from-the-environment" not in str(made)

        async def used(**changes: object) -> str:
            status, answer = await client.call("PATCH", f"destinations/{made['id']}", changes)
            assert status == 200, answer
            await client.call("POST", f"destinations/{made['id']}/test")
            return sink.requests[-1].target

        assert await used(name="renamed") == "/from-the-environment"
        assert await used(config={"params": {"type": "incoming_webhook"}}) == "/from-the-environment"
        assert await used(config={"params": {"url": sink.url("/another")}}) == "/another"
        assert await used(config={"params": {"url": "env:CHAT_URL"}}) == "/from-the-environment"
    process.close()


async def test_a_destination_whose_secret_is_gone_is_still_shown_with_what_is_wrong(
    tmp_path: Path, sink: HttpSink
):
    process = GatewayProcess(tmp_path, references="env:CHAT_URL")
    await process.start(CHAT_URL=sink.url("/x"))
    async with process.client() as client:
        params = {"url": "env:CHAT_URL", "type": "incoming_webhook"}
        made = await client.create("destinations", name="chat", type="slack", config={"params": params})
    await process.stop()
    await process.start()
    async with process.client() as client:
        shown = await client.get(f"destinations/{made['id']}")
        assert "not set" in shown["warnings"][0]
        _, tried = await client.call("POST", f"destinations/{made['id']}/test")
        assert (tried["state"], tried["reason"]) == ("dead", "misconfigured")
    process.close()
