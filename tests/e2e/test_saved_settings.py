"""What is found out about a destination when its settings are saved."""

from __future__ import annotations

from tests.harness import GatewayProcess


async def test_an_address_that_the_guard_refuses_is_refused_when_it_is_saved(tmp_path):
    gateway = GatewayProcess(tmp_path, allow_networks="")
    await gateway.start()
    try:
        async with gateway.client() as client:
            for url in ("http://127.0.0.1:9/hook", "http://[::1]:9/", "https://localhost/hook"):
                await _refused(client, {"url": url})
            made = await client.create(
                "destinations", name="public", type="webhook", config={"params": {"url": "https://1.1.1.1/"}}
            )
            status, answer = await client.call(
                "PATCH", f"destinations/{made['id']}", {"config": {"params": {"url": "http://10.0.0.1/"}}}
            )
            assert (status, answer["code"]) == (422, "destination_not_ready")
            kept = await client.get(f"destinations/{made['id']}")
            assert kept["config"]["params"]["url"] == "https://1.1.1.1/"
    finally:
        await gateway.stop()
        gateway.close()


async def _refused(client, params):
    status, answer = await client.call(
        "POST", "destinations", {"name": "hook", "type": "webhook", "config": {"params": params}}
    )
    assert (status, answer["code"]) == (422, "destination_not_ready")
    (problem,) = answer["problems"]
    assert problem["pointer"] == "/config/params"
    assert "blocked_address" in problem["detail"] and "TOCSIN_ALLOW_NETWORKS=" in problem["detail"]
