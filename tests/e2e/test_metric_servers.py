"""Events as metrics, from a sender through a running gateway into real metric servers."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.fakes.daemons import Pushgateway, VictoriaMetrics
from tests.fakes.influxdb import InfluxServer
from tests.harness import Client, cloudevent
from tests.waiting import until_async

EVENT = cloudevent(
    "e1",
    severity="error",
    data={"outcome": "failed", "resource": "vm/12345", "job": "nightly run", "result": {"size": 5}},
)
NUMBERS = {"size_bytes": "data.result.size"}


async def create(client: Client, name: str, kind: str, **params: object) -> dict:
    return await client.create("destinations", name=name, type=kind, config={"params": params})


async def read(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


@pytest.fixture
def victoria_metrics():
    with VictoriaMetrics() as server:
        yield server


@pytest.fixture
def pushgateway():
    with Pushgateway() as server:
        yield server


async def test_an_event_is_measured_on_both_servers(client, victoria_metrics, pushgateway):
    series = await create(client, "series", "influxdb", url=victoria_metrics.url, bucket="any")
    assert series["config"]["params"]["server"] == "victoriametrics"
    last = await create(client, "last", "pushgateway", url=pushgateway.url)
    source = await client.create("sources", name="ibs")
    topic = await client.create("topics", name="all", sources=[{"id": source["id"], "rules": [{"rule": ""}]}])
    for made in (series, last):
        await client.create(
            "subscriptions",
            name=made["name"],
            topic_id=topic["id"],
            destination_id=made["id"],
            attributes={"numbers": NUMBERS},
        )
    assert (await client.send(EVENT, source["id"]))[0] == 202

    async def pushed() -> bool:
        labels = 'instance="vm/12345",job="nightly run",source="/tests"'
        return f"backup_last_size_bytes{{{labels}}} 5" in await read(f"{pushgateway.url}/metrics")

    async def written() -> bool:
        await read(f"{victoria_metrics.url}/internal/force_flush")
        query = "match[]=backup_event_size_bytes"
        found = await read(f"{victoria_metrics.url}/api/v1/export?{query}")
        return [json.loads(row)["values"] for row in found.splitlines()] == [[5]]

    await until_async(pushed)
    await until_async(written)


async def test_a_bucket_that_is_missing_refuses_the_settings_or_is_made(client):
    async with InfluxServer(token="t0ken-s3cret") as server:
        params = {"url": server.url(), "org": "backup", "bucket": "new", "token": "t0ken-s3cret"}
        wanted = {"name": "series", "type": "influxdb", "config": {"params": params}}
        status, answer = await client.call("POST", "destinations", wanted)
        assert (status, answer["code"]) == (422, "destination_not_ready")
        assert "'new' is not there" in answer["problems"][0]["detail"]
        assert "t0ken-s3cret" not in json.dumps(answer)
        await create(client, "series", "influxdb", **params, bucket_setup="create")
        assert server.buckets == ["events", "new"]
