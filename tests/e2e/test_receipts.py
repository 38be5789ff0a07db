"""Receipts: what a channel tells later of a delivery, over the real route, checked and kept."""

from __future__ import annotations

import secrets
from pathlib import Path

import aiohttp
import pytest

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.fakes.twilio_api import ACCOUNT, FROM, TO, TOKEN, TwilioApi
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async

PUBLIC = "https://gw.example/tocsin"
"""What Twilio is told: a proxy in front, which takes its own prefix away."""


@pytest.fixture
async def gateway(tmp_path: Path):
    process = GatewayProcess(tmp_path, public_url=PUBLIC)
    await process.start()
    yield process
    process.close()


@pytest.fixture
async def api():
    async with TwilioApi() as opened:
        yield opened


async def send_message(client: Client, api: TwilioApi) -> dict[str, str]:
    """A message to one number; its form as Twilio got it, and the id of its delivery."""
    name = secrets.token_hex(4)
    source = await client.create("sources", name=name)
    topic = await client.create("topics", name=name, sources=[{"id": source["id"], "rules": [{"rule": ""}]}])
    params = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": FROM, "base_url": api.url("")}
    destination = await client.create("destinations", name=name, type="sms", config={"params": params})
    await client.create(
        "subscriptions",
        name=name,
        topic_id=topic["id"],
        destination_id=destination["id"],
        attributes={"invited": [TO]},
    )
    before = len(api.messages)
    status, answer = await client.send(cloudevent(name, severity="error"), source["id"])
    assert status == 202
    await until(lambda: len(api.messages) > before)

    async def is_settled() -> bool:
        detail = await client.get(f"events/{answer['notification_id']}")
        return detail["deliveries"][0]["state"] == "delivered"

    await until_async(is_settled)
    detail = await client.get(f"events/{answer['notification_id']}")
    return {**api.messages[-1], "delivery": detail["deliveries"][0]["id"]}


def place(gateway: GatewayProcess, message: dict[str, str]) -> str:
    """Where the proxy takes a callback to."""
    assert message["StatusCallback"].startswith(f"{PUBLIC}/callbacks/")
    return gateway.url + message["StatusCallback"].removeprefix(PUBLIC)


async def test_what_becomes_of_a_message_is_shown_with_its_delivery(gateway, client, api):
    message = await send_message(client, api)
    to = place(gateway, message)
    for status, code in (("sent", ""), ("undelivered", "30003"), ("sent", "")):
        assert await api.call_back(message, status, code, to=to) == 204
    delivery = await client.get(f"deliveries/{message['delivery']}")
    assert delivery["state"] == "delivered", "a receipt changes no state"
    assert [(one["status"], one.get("code"), one["vendor_id"]) for one in delivery["receipts"]] == [
        ("sent", None, message["sid"]),
        ("undelivered", "30003", message["sid"]),
    ]
    shown = await Shell(gateway.url).ok("delivery", "show", message["delivery"])
    assert "undelivered" in shown.out and "cannot be reached" in shown.out


async def test_a_forged_callback_is_refused_and_nothing_of_it_is_kept(gateway, client, api):
    message = await send_message(client, api)
    to = place(gateway, message)
    assert await api.call_back(message, "delivered", token="a-guess", to=to) == 403
    assert await api.call_back({**message, "StatusCallback": to}, "delivered", to=to) == 403
    delivery = await client.get(f"deliveries/{message['delivery']}")
    assert delivery["receipts"] == []
    await until(lambda: gateway.log_path.read_text().count("callback.refused") == 2)


async def test_a_callback_to_a_delivery_of_another_destination_is_not_found(gateway, client, api):
    first, second = [await send_message(client, api) for _ in range(2)]
    crossed = first["StatusCallback"].rsplit("/", 1)[0] + "/" + second["delivery"]
    moved = {**first, "StatusCallback": crossed}
    assert await api.call_back(moved, "delivered", to=place(gateway, moved)) == 404
    assert (await client.get(f"deliveries/{second['delivery']}"))["receipts"] == []


async def test_kinds_that_ask_for_none_and_what_is_not_there_take_no_callbacks(
    gateway, client, sink: HttpSink
):
    route = await client.webhook_route(sink.url("/hook"))
    form = {"MessageStatus": "delivered"}
    async with aiohttp.ClientSession() as session:
        for destination, body, status in (
            (route["destination"], form, 403),
            ("no-such-destination", form, 404),
            (route["destination"], b"x" * 20_000, 413),
            (route["destination"], b"a=1&a=2", 400),
            (route["destination"], b"a=%ff", 400),
            (route["destination"], b"&".join(b"a%d=1" % one for one in range(70)), 400),
        ):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            url = f"{gateway.url}/callbacks/{destination}/some-delivery"
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == status, (body, await answer.text())
                assert answer.content_type == "application/problem+json"
