"""IBM's own IAM client against the gateway: a key is exchanged for a token that the SDK sends."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import jwt
import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator, IAMAuthenticator
from ibm_eventnotifications import event_notifications_v1 as ibm
from ibm_eventnotifications.event_notifications_v1 import EventNotificationsV1

from tests.harness import ADMIN_KEY, Client, GatewayProcess
from tests.ibm_sdk import BASE, Sdk, notification

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


async def ask(url: str, form: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    """Post a token request; status and parsed answer, which is always JSON."""
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/identity/token", data=form, headers=headers) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()


async def test_the_sdk_authenticates_with_a_key_by_iam(
    shared_gateway: GatewayProcess, tenant: Client, sdk: Sdk
):
    key = await tenant.create("keys", name="for a program", role="admin")
    iam = Sdk(shared_gateway.url, IAMAuthenticator(key["key"], url=shared_gateway.url), sdk.instance)
    made = await iam.answer(
        201, ibm.SourceResponse, "create_sources", name="s", enabled=True, description="d"
    )
    await iam.answer(200, ibm.Source, "get_source", made.id)
    taken = await iam.answer(
        202, ibm.NotificationResponse, "send_notifications", body=notification(made.id, "n-1")
    )
    assert taken.notification_id
    iam.close()


async def test_the_sdk_is_set_up_by_its_environment_alone(
    shared_gateway: GatewayProcess, instance: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {
        "URL": shared_gateway.url + BASE,
        "AUTH_TYPE": "iam",
        "AUTH_URL": f"{shared_gateway.url}/identity/token",
        "APIKEY": ADMIN_KEY,
        "ENABLE_GZIP": "true",
        "ENABLE_RETRIES": "true",
    }.items():
        monkeypatch.setenv(f"EVENT_NOTIFICATIONS_{name}", value)
    client = EventNotificationsV1.new_instance()
    answered = await asyncio.to_thread(
        client.create_sources, instance, name="s", enabled=True, description="d"
    )
    assert answered.get_status_code() == 201
    client.get_http_client().close()


async def test_a_token_may_do_what_its_key_may(shared_gateway: GatewayProcess, tenant: Client, sdk: Sdk):
    one, other = await tenant.create("sources", name="one"), await tenant.create("sources", name="other")
    key = await tenant.create(f"sources/{one['id']}/keys", name="k")
    sender = Sdk(shared_gateway.url, IAMAuthenticator(key["key"], url=shared_gateway.url), sdk.instance)
    sent = await sender.call("send_notifications", body=notification(one["id"], "n-1"))
    assert sent.get_status_code() == 202
    await sender.refused(403, "wrong_source", "send_notifications", body=notification(other["id"], "n-2"))
    await sender.refused(403, "role_insufficient", "list_sources")
    sender.close()


async def test_a_token_ends_with_its_key(shared_gateway: GatewayProcess, tenant: Client, sdk: Sdk):
    key = await tenant.create("keys", name="k", role="admin")
    iam = Sdk(shared_gateway.url, IAMAuthenticator(key["key"], url=shared_gateway.url), sdk.instance)
    await iam.answer(200, ibm.SourceList, "list_sources")
    status, _ = await tenant.call("DELETE", f"keys/{key['id']}")
    assert status == 204
    await iam.refused(401, "unauthorized", "list_sources")
    iam.close()


async def test_a_wrong_key_is_refused_with_a_message(shared_gateway: GatewayProcess, instance: str):
    wrong = Sdk(shared_gateway.url, IAMAuthenticator("wrong", url=shared_gateway.url), instance)
    with pytest.raises(ApiException, match="Provided API key could not be found") as caught:
        await wrong.call("list_sources")
    assert caught.value.status_code == 400
    wrong.close()


async def test_the_answer_has_what_every_client_of_ibm_reads(shared_gateway: GatewayProcess):
    form = {"grant_type": GRANT, "apikey": ADMIN_KEY, "response_type": "cloud_iam", "scope": "openid"}
    before = int(time.time())
    status, answer = await ask(shared_gateway.url, form, Authorization="Basic Yng6Yng=")
    assert status == 200
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == answer["expires_in"] == 3600
    assert before <= claims["iat"] <= time.time() and answer["expiration"] == claims["exp"]
    assert isinstance(claims["id"], str) and isinstance(claims["iss"], str)
    assert isinstance(claims["account"]["bss"], str)
    assert (answer["token_type"], answer["refresh_token"]) == ("Bearer", "not_supported")


async def test_other_base_urls_reach_the_token_endpoint_too(shared_gateway: GatewayProcess):
    status, _ = await ask(shared_gateway.url + BASE, {"grant_type": GRANT, "apikey": ADMIN_KEY})
    assert status == 200


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "BXNIM0109E"),
        ({"apikey": ADMIN_KEY}, "BXNIM0109E"),
        ({"grant_type": GRANT}, "BXNIM0109E"),
        ({"grant_type": GRANT, "apikey": ""}, "BXNIM0109E"),
        ({"grant_type": GRANT, "apikey": ADMIN_KEY + "x"}, "BXNIM0415E"),
        ({"grant_type": "password", "username": "u", "password": "hidden"}, "grant_unsupported"),
        ({"grant_type": "refresh_token", "refresh_token": "not_supported"}, "grant_unsupported"),
        (b"\xff\xfe", "form_malformed"),
        ("&".join(f"field{number}=1" for number in range(40)), "form_malformed"),
    ],
)
async def test_a_wrong_token_request_is_told_as_iam_tells_it(
    shared_gateway: GatewayProcess, form: Any, code: str
):
    status, answer = await ask(shared_gateway.url, form)
    assert (status, answer["errorCode"]) == (400, code)
    assert answer["errorMessage"] and answer["status_code"] == 400
    assert "hidden" not in str(answer) and ADMIN_KEY not in str(answer)


async def test_a_token_is_exchanged_for_nothing_and_an_altered_one_is_refused(
    shared_gateway: GatewayProcess, instance: str
):
    _, answer = await ask(shared_gateway.url, {"grant_type": GRANT, "apikey": ADMIN_KEY})
    token = answer["access_token"]
    status, _ = await ask(shared_gateway.url, {"grant_type": GRANT, "apikey": token})
    assert status == 400
    forged = jwt.encode(jwt.decode(token, options={"verify_signature": False}), "x" * 32, algorithm="HS256")
    for bearer, allowed in ((token, True), (token[:-1], False), (forged, False)):
        sdk = Sdk(shared_gateway.url, BearerTokenAuthenticator(bearer), instance)
        if allowed:
            await sdk.answer(200, ibm.SourceList, "list_sources")
        else:
            await sdk.refused(401, "unauthorized", "list_sources")
        sdk.close()


async def test_a_token_holds_over_a_restart(gateway: GatewayProcess):
    _, answer = await ask(gateway.url, {"grant_type": GRANT, "apikey": ADMIN_KEY})
    assert await gateway.stop() == 0
    await gateway.start()
    sdk = Sdk(gateway.url, BearerTokenAuthenticator(answer["access_token"]))
    await sdk.answer(200, ibm.SourceList, "list_sources")
    sdk.close()
