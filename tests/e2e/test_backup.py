"""A store is copied while it is in use and put back while it is not, on either database."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gateway.security.vault import fresh_key
from tests.commands import Shell
from tests.crash.failing import stored, until_settled
from tests.fakes.http_sink import HttpSink
from tests.harness import GatewayProcess, cloudevent
from tests.waiting import until


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new, empty store is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tocsin.db"
    return str(request.getfixturevalue("database"))


@pytest.fixture
def shell(tmp_path: Path, address: str) -> Shell:
    return Shell("", folder=tmp_path, TOCSIN_DATABASE=address)


async def test_a_store_comes_back_as_it_was(address: str, shell: Shell, tmp_path: Path, sink: HttpSink):
    copy = tmp_path / "copy"
    gateway = GatewayProcess(tmp_path, database=address, secret_key=fresh_key())
    await gateway.start()
    try:
        async with gateway.client() as client:
            route = await client.webhook_route(sink.url("/hook"))
            await client.call("PATCH", f"destinations/{route['destination']}", {"enabled": False})
            for number in range(5):
                await client.send(cloudevent(f"before-{number}"), route["source"])
            assert "master key is not in it" in (await shell.ok("backup", str(copy))).err
            assert stat.S_IMODE(copy.stat().st_mode) == 0o600
            await client.send(cloudevent("after"), route["source"])
            await refused(shell, "there is a file already", "backup", str(copy))
            await refused(shell, "", "restore", str(copy))
        assert await gateway.stop() == 0
        assert "restored from" in (await shell.ok("restore", str(copy))).err
        await gateway.start()
        async with gateway.client() as client:
            assert sorted(await stored(client)) == [f"before-{number}" for number in range(5)]
            await client.call("PATCH", f"destinations/{route['destination']}", {"enabled": True})
            await until(lambda: len(sink.requests) == 5)
            await until_settled(client)
            status, _ = await client.send(cloudevent("after"), route["source"])
            assert status == 202
            await until(lambda: len(sink.requests) == 6)
    finally:
        gateway.close()


async def test_what_is_no_copy_is_refused_and_the_store_stays(shell: Shell, tmp_path: Path):
    await shell.ok("migrate")
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"nothing that anybody could restore" * 100)
    await refused(shell, "", "restore", str(wrong))
    await refused(shell, "", "restore", str(tmp_path / "absent"))
    await shell.ok("migrate")
    await shell.ok("backup", str(tmp_path / "sound"))


async def refused(shell: Shell, why: str, *arguments: str) -> None:
    ran = await shell.run(*arguments)
    assert ran.code == 2
    assert why in ran.err and len(ran.err.strip().splitlines()) == 1, ran.err
