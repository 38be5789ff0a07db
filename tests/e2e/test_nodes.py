"""Several processes on one PostgreSQL, as whoever runs them sees them."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from gateway.security.vault import fresh_key
from gateway.storage.postgres.schema import MIGRATIONS
from tests.commands import Shell
from tests.crash.failing import stored, until_settled
from tests.crash.sending import Senders
from tests.fakes.haproxy import Haproxy
from tests.fakes.http_sink import HttpSink
from tests.fakes.ports import free_port
from tests.harness import GatewayProcess, cloudevent
from tests.waiting import until, until_async

Start = Callable[..., Awaitable[GatewayProcess]]


@pytest.fixture
async def start(tmp_path: Path, database: str) -> AsyncIterator[Start]:
    """Starts nodes that share the database and their keys."""
    secret, started = fresh_key(), []

    async def node(name: str, **settings: object) -> GatewayProcess:
        folder = tmp_path / name
        folder.mkdir()
        given = {"database": database, "secret_key": secret, "node_name": name} | settings
        gateway = GatewayProcess(folder, **given)
        started.append(gateway)
        await gateway.start()
        return gateway

    yield node
    for gateway in started:
        gateway.close()


async def test_one_node_takes_events_and_another_sends_them(start: Start, sink: HttpSink):
    ingest, dispatch = await start("in", role="ingest"), await start("out", role="dispatch")
    async with ingest.client() as client, dispatch.client() as other:
        route = await client.webhook_route(sink.url("/hook"))
        for number in range(10):
            status, _ = await client.send(cloudevent(f"e-{number}"), route["source"])
            assert status == 202
        await until(lambda: len(sink.requests) == 10)
        await until_settled(client)
        status, problem = await other.send(cloudevent("wrong"), route["source"])
        assert (status, problem["code"]) == (503, "node_only_sends")
        status, answer = await client.call("POST", f"destinations/{route['destination']}/test")
        assert (status, answer["state"]) == (202, "delivered"), "a test is sent by the node that is asked"
    await until(lambda: dispatch.log_path.read_text().count('"delivery.attempted"') == 10)


async def test_the_nodes_are_listed_and_a_change_on_one_is_in_force_on_all(start: Start, tmp_path: Path):
    one, two = await start("one"), await start("two")
    async with one.client() as client, two.client() as other:
        for number in range(10):
            source = await client.create("sources", name=f"source {number}")
            assert (await other.get(f"sources/{source['id']}"))["name"] == f"source {number}"
    listed = await Shell(two.url, folder=tmp_path).json("node", "list")
    assert [(row["name"], row["state"]) for row in listed] == [("one", "living"), ("two", "living")]
    assert await one.stop() == 0
    listed = await Shell(two.url, folder=tmp_path).json("node", "list")
    assert [(row["name"], row["state"]) for row in listed] == [("one", "ended"), ("two", "living")]


async def test_a_schema_is_brought_up_to_date_by_itself_and_a_newer_one_is_refused(
    database: str, tmp_path: Path
):
    shell = Shell("", folder=tmp_path, TOCSIN_DATABASE=database)
    assert f"{len(MIGRATIONS)} applied" in (await shell.ok("migrate")).err
    assert "nothing to do" in (await shell.ok("migrate")).err
    connection = await asyncpg.connect(database)
    await connection.execute("INSERT INTO migrations VALUES (9999, 'of_tomorrow', 'x', 0)")
    await connection.close()
    for command in ("migrate", "serve"):
        refused = await shell.run(command)
        assert refused.code == 2
        assert "run a newer tocsin" in refused.err and len(refused.err.strip().splitlines()) == 1


async def test_a_node_runs_on_while_a_newer_one_adds_to_the_schema(
    start: Start, sink: HttpSink, database: str
):
    node = await start("older")
    async with node.client() as client:
        route = await client.webhook_route(sink.url("/hook"))
    senders = Senders([node], route["key"])
    senders.start(4)
    await until(lambda: len(senders.acknowledged) > 50, 20)
    connection = await asyncpg.connect(database)
    async with connection.transaction():
        for table in (
            "registry",
            "entities",
            "events",
            "dedup_keys",
            "deliveries",
            "attempts",
            "incarnations",
        ):
            await connection.execute(f"ALTER TABLE {table} ADD COLUMN of_tomorrow text NOT NULL DEFAULT ''")
        await connection.execute("CREATE TABLE of_tomorrow (number bigint PRIMARY KEY)")
        await connection.execute("CREATE INDEX of_tomorrow_too ON deliveries (of_tomorrow)")
        await connection.execute("INSERT INTO migrations VALUES (9999, 'of_tomorrow', 'x', 0)")
    await connection.close()
    enough = len(senders.acknowledged) + 100
    await until(lambda: len(senders.acknowledged) > enough, 20)
    await senders.stop()
    assert (senders.refused, senders.broken) == (0, 0)
    async with node.client() as client:
        assert (await client.create("sources", name="changed meanwhile"))["id"]
        await until_settled(client)
        assert senders.acknowledged.items() <= (await stored(client)).items()
    assert '"level":"error"' not in node.log_path.read_text()


async def test_an_older_node_refuses_events_while_it_cannot_read_the_configuration(
    start: Start, sink: HttpSink, database: str
):
    node = await start("older")
    connection = await asyncpg.connect(database)

    async def change(statement: str) -> None:
        async with connection.transaction():
            await connection.execute("UPDATE registry SET version = version + 1")
            await connection.execute(statement)

    async with node.client() as client:
        route = await client.webhook_route(sink.url("/hook"))
        await change("INSERT INTO entities VALUES ('of_tomorrow', 'x', 1, '{}')")
        status, problem = await client.send(cloudevent("refused"), route["source"])
        assert (status, problem["code"]) == (503, "configuration_unreadable")
        assert await _answers(f"{node.url}/healthz", 200)
        await change("DELETE FROM entities WHERE kind = 'of_tomorrow'")
        status, _ = await client.send(cloudevent("taken"), route["source"])
        assert status == 202
        await until_settled(client)
    assert len(sink.requests) == 1
    await connection.close()


async def test_a_password_in_a_command_line_is_refused_and_not_repeated(tmp_path: Path):
    refused = await Shell("", folder=tmp_path).run("serve", "--database", "postgresql://me:hunter2@host/db")
    assert refused.code == 2 and "TOCSIN_DATABASE_FILE" in refused.err and "hunter2" not in refused.err


async def test_a_role_on_a_file_is_refused_and_names_what_it_needs(tmp_path: Path):
    refused = await Shell("", folder=tmp_path).run("serve", "--role", "ingest")
    assert refused.code == 2 and "postgresql://" in refused.err


@pytest.mark.timeout(90)
async def test_workers_share_a_port_and_are_replaced(start: Start, sink: HttpSink, tmp_path: Path):
    node = await start("many", workers=2)
    shell = Shell(node.url, folder=tmp_path)

    async def living() -> dict[str, str]:
        rows = await shell.json("node", "list")
        return {row["name"]: row["id"] for row in rows if row["state"] == "living"}

    async def both_live() -> bool:
        return sorted(await living()) == ["many-1", "many-2"]

    await until_async(both_live, 20)
    async with node.client() as client:
        route = await client.webhook_route(sink.url("/hook"))
    senders = Senders([node], route["key"])
    senders.start(4)
    await until(lambda: len(senders.acknowledged) > 50, 20)
    before = await living()
    workers = [int(pid) for pid in _children(node.process.pid)]
    os.kill(workers[1], signal.SIGKILL)

    async def replaced() -> bool:
        return await both_live() and await living() != before

    await until_async(replaced, 25)
    await senders.stop()
    assert '"event":"worker.ended"' in node.log_path.read_text()
    async with node.client() as client:
        await until_settled(client, 30)
        kept = await stored(client)
        assert senders.acknowledged.items() <= kept.items()
        accepted, in_flight = "tocsin_events_accepted_total", "tocsin_deliveries_in_flight"
        for _ in range(8):
            metrics = await _metrics(node.url)
            # What the killed one took in its last moment may be stored and neither counted nor answered.
            assert len(senders.acknowledged) - 4 <= metrics[accepted] <= len(kept)
            assert metrics[in_flight] == 0
    running = _children(node.process.pid)
    assert await node.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in running)


async def test_workers_whose_parent_was_killed_end_and_give_back_what_they_hold(start: Start, database: str):
    node = await start("killed", workers=2)
    connection = await asyncpg.connect(database)

    async def nodes(condition: str) -> int:
        return int(await connection.fetchval(f"SELECT count(*) FROM incarnations WHERE {condition}"))

    async def both_serve() -> bool:
        return await nodes("version IS NOT NULL") == 2

    async def both_left() -> bool:
        return await nodes("ended_at IS NOT NULL") == 2

    await until_async(both_serve, 20)
    workers = _children(node.process.pid)
    assert len(workers) == 2
    node.kill()
    await until_async(both_left, 8)
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 10)
    assert node.log_path.read_text().count('"event":"worker.orphaned"') == 2
    await connection.close()


async def test_workers_on_a_file_are_refused_and_a_setting_that_is_wrong_ends_all(tmp_path: Path):
    refused = await Shell("", folder=tmp_path).run("serve", "--workers", "2")
    assert refused.code == 2 and "postgresql://" in refused.err
    shell = Shell("", folder=tmp_path, TOCSIN_DATABASE="postgresql://nobody@127.0.0.1:1/none")
    refused = await shell.run("serve", "--workers", "2", "--listen", "127.0.0.1:0")
    assert refused.code == 2 and refused.err.count("cannot be reached") == 1


async def _metrics(url: str) -> dict[str, float]:
    """The metrics without labels, from whichever worker answers."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        lines = [line for line in (await answer.text()).splitlines() if line[0] != "#" and "{" not in line]
    return {name: float(value) for name, value in (line.split()[:2] for line in lines)}


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


async def test_a_leaving_node_takes_events_until_a_balancer_has_noticed(start: Start, sink: HttpSink):
    node = await start("leaving", drain_delay=2)
    async with node.client() as client:
        route = await client.webhook_route(sink.url("/hook"))
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        await until_async(lambda: _answers(f"{node.url}/readyz", 503), 1.5)
        status, _ = await client.send(cloudevent("late"), route["source"])
        assert status == 202
    await until(lambda: node.exited, 10)
    assert node.process.returncode == 0
    assert len(sink.requests) == 1


@pytest.mark.timeout(120)
async def test_a_rolling_restart_behind_a_balancer_refuses_no_event(
    start: Start, sink: HttpSink, tmp_path: Path
):
    ports = [free_port() for _ in range(2)]
    nodes = [await start(f"node-{port}", listen_port=port, drain_delay=2.5) for port in ports]
    async with nodes[0].client() as client:
        route = await client.webhook_route(sink.url("/hook"))
    with Haproxy(tmp_path, ports) as balancer:
        await until_async(lambda: balancer.up(2), 20)
        senders = Senders([balancer], route["key"])
        senders.start(6)
        await until(lambda: len(senders.acknowledged) > 50, 20)
        for node in nodes:
            await until_async(lambda: balancer.up(2), 20)
            assert await node.stop() == 0
            await node.start()
            enough = len(senders.acknowledged) + 50
            await until(lambda enough=enough: len(senders.acknowledged) > enough, 20)
        await senders.stop()
    assert (senders.refused, senders.broken) == (0, 0)
    async with nodes[0].client() as client:
        await until_settled(client)
        assert senders.acknowledged.items() <= (await stored(client)).items()


async def _answers(url: str, status: int) -> bool:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status == status
