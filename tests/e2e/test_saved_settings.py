"""What is found out about a destination when its settings are saved."""

from __future__ import annotations

import time

from gateway.spi.signing import verify
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async


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


async def test_a_mail_server_that_the_guard_refuses_is_refused_when_it_is_saved(client: Client):
    params = {"host": "10.0.0.1", "from_address": "gw@example.com"}
    status, answer = await client.call(
        "POST", "destinations", {"name": "mail", "type": "email", "config": {"params": params}}
    )
    assert (status, answer["code"]) == (422, "destination_not_ready")
    assert "blocked_address" in answer["detail"]


async def test_a_receiver_is_asked_when_a_handshake_is_wanted(client: Client, sink: HttpSink):
    params = {"url": sink.url("/"), "handshake": True}
    wanted = {"name": "hook", "type": "webhook", "config": {"params": params}}
    status, answer = await client.call("POST", "destinations", wanted)
    assert (status, answer["code"]) == (422, "destination_not_ready")
    assert "does not consent" in answer["detail"]
    saved = (await client.get("destinations"))["destinations"]
    assert {row["type"] for row in saved} == {"smtp_ibm", "sms_ibm"}, "nothing was saved"
    sink.usual = Reply(200, {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "90"})
    made = await client.create("destinations", **wanted)
    assert made["config"]["params"]["rate_per_minute"] == 90
    assert {request.method for request in sink.requests} == {"OPTIONS"}


async def test_deliveries_keep_to_the_rate_that_is_set(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"), params={"rate_per_minute": 2})
    for number in range(3):
        await client.send(cloudevent(f"e-{number}"), route["source"])

    async def states() -> list[str]:
        return sorted(row["state"] for row in (await client.get("deliveries"))["deliveries"])

    async def two_went() -> bool:
        return await states() == ["delivered", "delivered", "leased"]

    async def all_went() -> bool:
        return await states() == ["delivered"] * 3

    await until_async(two_went)
    faster = {"config": {"params": {"rate_per_minute": 1000}}}
    await client.call("PATCH", f"destinations/{route['destination']}", faster)
    await until_async(all_went)


async def test_the_public_key_of_a_destination_can_be_had(client: Client, sink: HttpSink):
    route = await client.webhook_route(sink.url("/hook"), params={"signature": "ed25519"})
    await client.send(cloudevent("e-1"), route["source"])
    await until(lambda: len(sink.requests) == 1)
    (request,) = sink.requests
    key = (await client.get(f"destinations/{route['destination']}/public_key"))["public_key"]
    headers = {name.lower(): value for name, value in request.headers.items()}
    verify([key], headers, request.body, time.time())
    plain = await client.webhook_route(sink.url("/hook"), name="plain")
    status, answer = await client.call("GET", f"destinations/{plain['destination']}/public_key")
    assert (status, answer["errors"][0]["code"]) == (404, "no_public_key")
