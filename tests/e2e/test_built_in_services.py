"""The mail and SMS services that every instance has: there from the start, also in older stores."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import asyncpg
import pytest

from gateway.security.vault import fresh_key
from tests.fakes.twilio_api import ACCOUNT, FROM, TO, TOKEN, TwilioApi
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until_async

BOTH = ["sms_ibm", "smtp_ibm"]
FORGET = "DELETE FROM entities WHERE kind = 'destination' AND CAST(body AS TEXT) LIKE '%sms_ibm%'"
"""What makes a store one of a gateway that knew no SMS service."""


async def kinds(process: GatewayProcess, instance: str = "default") -> list[str]:
    async with Client(process.url, instance=instance) as client:
        return sorted(row["type"] for row in (await client.get("destinations"))["destinations"])


async def service_of(client: Client) -> str:
    """The id of the instance's SMS service."""
    rows = (await client.get("destinations"))["destinations"]
    [service] = [row["id"] for row in rows if row["type"] == "sms_ibm"]
    return str(service)


async def test_a_text_goes_through_the_operators_account(tmp_path: Path):
    async with TwilioApi() as api:
        (tmp_path / "account").write_text(f"twilio://{ACCOUNT}:{TOKEN}@?from={FROM}&base_url={api.url('')}\n")
        process = GatewayProcess(tmp_path, sms_url_file=tmp_path / "account")
        await process.start()
        async with process.client() as client:
            source = await client.create("sources", name="s")
            topic = await client.create("topics", name="t", sources=[{"id": source["id"], "rules": [{}]}])
            ends = {"topic_id": topic["id"], "destination_id": await service_of(client)}
            await client.create("subscriptions", name="texts", attributes={"invited": [TO]}, **ends)
            event = cloudevent("e-1", severity="error", data={"title": "Backup failed"})
            await client.send(event, source["id"])

            async def delivered() -> bool:
                rows = (await client.get("deliveries"))["deliveries"]
                return [(row["state"], row["recipient"]) for row in rows] == [("delivered", TO)]

            await until_async(delivered)
        process.close()
    [message] = api.messages
    assert (message["From"], message["To"]) == (FROM, TO)
    assert message["Body"] == "ERROR: Backup failed"
    assert TOKEN not in process.log_path.read_text()


async def test_without_an_account_a_text_says_what_to_set(client: Client):
    _, tried = await client.call(
        "POST", f"destinations/{await service_of(client)}/test?recipient=%2B4930123456"
    )
    assert (tried["state"], tried["reason"]) == ("dead", "misconfigured")
    assert "TOCSIN_SMS_URL" in tried["detail"]


@pytest.mark.parametrize("starts", [1, 2])
async def test_instances_of_an_older_store_get_what_they_lack_once(gateway: GatewayProcess, starts: int):
    async with gateway.client() as client:
        status, made = await client.call("POST", "../../instances", {"name": "another"})
    assert status == 201
    await gateway.stop()
    forget(gateway.folder / "data" / "tocsin.db")
    for _ in range(starts):
        await gateway.start()
        assert await kinds(gateway) == await kinds(gateway, made["id"]) == BOTH
        await gateway.stop()


def forget(store: Path) -> None:
    connection = sqlite3.connect(store)
    assert connection.execute(FORGET).rowcount == 2
    connection.commit()
    connection.close()


async def test_of_nodes_that_start_at_once_one_makes_what_is_lacking(database: str, tmp_path: Path):
    secret = fresh_key()
    nodes = [
        GatewayProcess(tmp_path / name, database=database, secret_key=secret, node_name=name)
        for name in ("one", "two")
    ]
    for node in nodes:
        node.folder.mkdir()
    await asyncio.gather(*(node.start() for node in nodes))
    instances = await asyncio.gather(*map(ids, nodes))
    assert instances[0] == instances[1] and len(instances[0]) == 1
    assert [await kinds(node) for node in nodes] == [BOTH, BOTH]
    await asyncio.gather(*(node.stop() for node in nodes))
    connection = await asyncpg.connect(database)
    assert await connection.execute(FORGET) == "DELETE 1"
    await connection.close()
    await asyncio.gather(*(node.start() for node in nodes))
    assert [await kinds(node) for node in nodes] == [BOTH, BOTH]
    for node in nodes:
        node.close()


async def ids(process: GatewayProcess) -> list[str]:
    async with Client(process.url) as client:
        status, answer = await client.call("GET", "../../instances")
    assert status == 200
    return [row["id"] for row in answer["instances"]]
