"""The key that the secrets in a store are sealed with: without it the gateway refuses to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.security.vault import fresh_key
from tests.e2e.test_bad_start import refused
from tests.harness import GatewayProcess


@pytest.fixture
async def stopped(tmp_path: Path) -> Path:
    """The data folder of a gateway with a secret in its store."""
    process = GatewayProcess(tmp_path)
    await process.start()
    async with process.client() as client:
        await client.create(
            "destinations", name="hook", type="webhook", config={"params": {"url": "http://127.0.0.1:1/"}}
        )
    assert await process.stop() == 0
    return tmp_path / "data"


async def started(data: Path, **settings: object) -> None:
    """Start and stop a gateway on this folder; fails the test if it does not start."""
    process = GatewayProcess(data.parent, **settings)
    await process.start()
    assert await process.stop() == 0


async def test_a_lost_key_is_never_replaced_in_silence(stopped: Path):
    key = (stopped / "secret.key").read_text()
    (stopped / "secret.key").unlink()
    line = refused(stopped)
    assert "secret.key is missing" in line and "TOCSIN_SECRET_KEY" in line and "'hook'" in line
    assert not (stopped / "secret.key").exists()
    await started(stopped, secret_key=key.strip())
    (stopped / "secret.key").write_text(key)
    await started(stopped)


async def test_another_key_than_the_secrets_were_sealed_with_is_refused(stopped: Path):
    known = (stopped / "secret.key").read_text().strip()
    (stopped / "secret.key").write_text(fresh_key())
    assert "another master key" in refused(stopped)
    await started(stopped, secret_key=f"{fresh_key()},{known}")


async def test_without_sealed_secrets_any_key_will_do(tmp_path: Path):
    await started(tmp_path / "data")
    (tmp_path / "data" / "secret.key").unlink()
    await started(tmp_path / "data")
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


async def test_lost_secrets_can_be_given_up_and_given_anew(stopped: Path):
    (stopped / "secret.key").unlink()
    process = GatewayProcess(stopped.parent, abandon_secrets=True)
    await process.start()
    try:
        async with process.client() as client:
            [hook] = [
                row for row in (await client.get("destinations"))["destinations"] if row["name"] == "hook"
            ]
            place = f"destinations/{hook['id']}"
            assert "TOCSIN_SECRET_KEY" in (await client.get(place))["warnings"][0]
            secret = "whsec_" + fresh_key()
            status, answer = await client.call(
                "PATCH", place, {"config": {"params": {"signing_secret": secret}}}
            )
            assert status == 200 and secret not in str(answer)
            assert "TOCSIN_SECRET_KEY" not in str((await client.get(place)).get("warnings"))
    finally:
        await process.stop()
    await started(stopped)
