"""Who may do what, seen from outside."""

from __future__ import annotations

import pytest

from tests.harness import Client, GatewayProcess, cloudevent


async def test_without_a_valid_key_nothing_is_told(gateway: GatewayProcess):
    for key in ("", "tcs_0123456789abcdef_wrong", "x" * 600):
        async with gateway.client(key) as nobody:
            for method, path in (
                ("GET", "inbox"),
                ("POST", "events"),
                ("GET", "sources"),
                ("DELETE", "topics/x"),
            ):
                status, problem = await nobody.call(method, path)
                assert (status, problem["code"]) == (401, "unauthorized"), path


async def test_a_source_key_may_only_send_as_its_source(gateway: GatewayProcess, client: Client):
    one, two = await client.create("sources", name="one"), await client.create("sources", name="two")
    key = await client.create(f"sources/{one['id']}/keys", name="k")
    async with gateway.client(key["key"]) as sender:
        assert (await sender.send(cloudevent("a")))[0] == 202
        assert (await sender.send(cloudevent("b"), one["id"]))[0] == 202
        status, problem = await sender.send(cloudevent("c"), two["id"])
        assert (status, problem["code"]) == (403, "wrong_source")
        status, problem = await sender.call("GET", "inbox")
        assert (status, problem["code"]) == (403, "role_insufficient")


async def test_other_keys_must_name_the_source(client: Client):
    status, problem = await client.send(cloudevent("a"))
    assert (status, problem["code"]) == (403, "source_not_named")
    status, problem = await client.send(cloudevent("a"), "nobody")
    assert (status, problem["code"]) == (403, "source_not_named")


async def test_a_revoked_key_is_refused_at_once(gateway: GatewayProcess, client: Client):
    source = await client.create("sources", name="one")
    keys = [await client.create(f"sources/{source['id']}/keys", name=name) for name in ("old", "new")]
    status, _ = await client.call("DELETE", f"sources/{source['id']}/keys/{keys[0]['id']}")
    assert status == 204
    async with gateway.client(keys[0]["key"]) as old, gateway.client(keys[1]["key"]) as new:
        assert (await old.send(cloudevent("a")))[0] == 401
        assert (await new.send(cloudevent("a")))[0] == 202


async def test_a_disabled_source_is_refused_and_an_enabled_one_taken(client: Client):
    source = await client.create("sources", name="one", enabled=False)
    status, problem = await client.send(cloudevent("a"), source["id"])
    assert (status, problem["code"]) == (403, "source_disabled")
    await client.call("PATCH", f"sources/{source['id']}", {"enabled": True})
    assert (await client.send(cloudevent("a"), source["id"]))[0] == 202


async def test_a_source_sends_only_the_types_and_uris_it_was_registered_for(client: Client):
    source = await client.create("sources", name="one", allowed_types=["backup.*"], allowed_sources=["/db/1"])
    status, problem = await client.send(cloudevent("a", type="sync.failed"), source["id"])
    assert status == 403
    assert [one["pointer"] for one in problem["problems"]] == ["/type", "/source"]
    assert (await client.send(cloudevent("a", source="/db/1"), source["id"]))[0] == 202


async def test_a_second_source_with_the_same_crn_is_a_conflict(client: Client):
    crn = "crn:v1:bluemix:public:is:us-south:a/1::backup-policy:"
    first = await client.create("sources", name="one", source=crn)
    assert first["source"] == crn and first["event_notifications_instance_crn"].startswith("crn:v1:")
    status, problem = await client.call("POST", "sources", {"name": "two", "source": crn})
    assert (status, problem["errors"][0]["code"]) == (409, "already_exists")


@pytest.mark.parametrize(
    "noun", ["sources", "topics", "destinations", "subscriptions", "events", "deliveries"]
)
async def test_another_tenants_key_sees_nothing_of_this_one(
    gateway: GatewayProcess, client: Client, noun: str
):
    key = await client.create("keys", name="ours", role="admin")
    async with Client(gateway.url, key["key"], "01234567-89ab-7def-8123-456789abcdef") as other:
        status, problem = await other.call("GET", noun)
    assert (status, problem["code"]) == (404, "instance_not_found")
