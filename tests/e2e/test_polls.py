"""A health page that sends nothing: asked by a running gateway, told by a webhook."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.security.vault import fresh_key
from gateway.spi.secret_fields import MASK
from tests.commands import Shell
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import Client, GatewayProcess
from tests.waiting import until, until_async

UP = Reply(200, body=b'{"Status": "UP", "Database": {"Status": "UP"}}')
DOWN = Reply(200, body=b'{"Status": "DOWN", "Database": {"Status": "UP"}, "Drives": {"Status": "DOWN"}}')
SECONDS = 25
"""The shortest period is 10 s."""


@pytest.fixture
async def page() -> AsyncIterator[HttpSink]:
    async with HttpSink(DOWN) as opened:
        yield opened


def told(sink: HttpSink) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in sink.requests]


async def polled(client: Client, page: HttpSink, sink: HttpSink, **options: object) -> str:
    """A route from a page that is asked to a webhook; the id of its source."""
    asking = {"url": page.url("/health?key=hush"), "every": 10, "equal_answers": 1, **options}
    route = await client.webhook_route(
        sink.url("/hook"), rule="outcome in (ok, failed)", format="poll", format_options=asking
    )
    return str(route["source"])


async def test_from_a_page_that_is_down_to_a_message_and_back(
    tenant: Client, page: HttpSink, sink: HttpSink, shared_gateway: GatewayProcess
):
    source = await polled(tenant, page, sink, headers={"X-Key": "quiet"})
    await until(lambda: len(sink.requests) == 1, SECONDS)
    (failed,) = told(sink)
    assert (failed["type"], failed["source"]) == ("health.failed", f"/poll/{source}")
    assert failed["data"]["answer"] == {"status": 200, "body": json.loads(DOWN.body)}
    assert page.requests[0].target == "/health?key=hush" and page.requests[0].headers["X-Key"] == "quiet"
    page.usual = UP
    await until(lambda: len(sink.requests) == 2, SECONDS)
    assert told(sink)[1]["type"] == "health.recovered"
    newest, first = (await tenant.get(f"events?source_id={source}"))["events"]
    assert first["vocabulary"]["title"] == "hook is not well (DOWN): Drives"
    assert (newest["vocabulary"]["outcome"], newest["vocabulary"]["resource"]) == ("ok", "hook")
    poll = (await tenant.get(f"sources/{source}/activity"))["poll"]
    assert (poll["settled"], poll["outcome"], poll["changes"]) == ("2xx UP", "ok", 2)
    assert poll["answer"] == {"status": 200, "body": json.dumps(json.loads(UP.body), separators=(",", ":"))}
    shown = await tenant.get(f"sources/{source}")
    assert "hush" not in str(shown) and shown["format_options"]["headers"] == {"X-Key": "**********"}
    status, answer = await tenant.call("POST", f"sources/{source}/events", {"Status": "UP"})
    assert (status, answer["code"]) == (403, "source_polled")
    log = shared_gateway.log_path.read_text()
    assert "hush" not in log and "quiet" not in log and '"event":"poll.changed"' in log


async def test_what_cannot_be_asked_is_refused(tenant: Client):
    for code, pointer, options in (
        ("invalid_value", "/format_options/url", {}),
        ("invalid_value", "/format_options/url", {"url": "ftp://somewhere"}),
        ("source_not_ready", "/format_options/url", {"url": "http://10.0.0.1/health"}),
        ("invalid_value", "/format_options/every", {"url": "http://127.0.0.1:9/", "every": 9}),
        ("invalid_value", "/format_options/compare", {"url": "http://127.0.0.1:9/", "compare": "Status"}),
        ("secret_missing", "/format_options/headers/X", {"url": "http://127.0.0.1/", "headers": {"X": MASK}}),
    ):  # fmt: skip
        status, answer = await tenant.call(
            "POST", "sources", {"name": "wrong", "format": "poll", "format_options": options}
        )
        assert (status, answer["code"]) == (422, code), answer
        assert answer["problems"][0]["pointer"].startswith(pointer)
    assert (await tenant.get("sources"))["sources"] == []


async def test_polls_on_the_command_line(tenant: Client, shell: Shell, page: HttpSink):
    made = await shell.json(
        "source", "create", "--name", "vault", "--format", "poll", "--url", page.url("/health?key=hush"),
        "--every", "10", "--header", "X-Key: quiet", "--format-option", "compare: /Status",
    )  # fmt: skip
    assert made["format_options"] | {"url": page.url("/health"), "every": 10} == made["format_options"]
    await until(lambda: len(page.requests) == 1)
    changed = await shell.json("source", "update", "vault", "--every", "30")
    assert changed["format_options"] == made["format_options"] | {"every": 30}
    moved = await shell.json("source", "update", "vault", "--url", page.url("/other"))
    assert "secret_query" not in moved["format_options"], "it belongs to the URL before"

    async def asked() -> bool:
        return "answer" in (await shell.json("source", "activity", "vault"))["poll"]

    await until_async(asked)
    assert (await shell.json("source", "activity", "vault"))["poll"]["candidate"] == "2xx DOWN"
    pasted = shell.folder / "answer.json"
    pasted.write_bytes(DOWN.body)
    (event,) = (await shell.json("source", "try", "vault", str(pasted)))["events"]
    assert event["cloudevent"]["type"] == "health.failed"
    assert event["vocabulary"]["title"] == "vault is not well (DOWN): Drives"


async def test_the_count_goes_on_after_a_kill(tmp_path: Path, page: HttpSink, sink: HttpSink):
    gateway = GatewayProcess(tmp_path)
    await gateway.start()
    try:
        async with gateway.client() as client:
            source = await polled(client, page, sink, equal_answers=2)

            async def seen() -> bool:
                poll = (await client.get(f"sources/{source}/activity"))["poll"]
                return bool(poll.get("seen") == 1)

            await until_async(seen)
        gateway.kill()
        await gateway.start()
        await until(lambda: len(sink.requests) == 1, SECONDS)
        assert len(page.requests) == 2 and told(sink)[0]["type"] == "health.failed"
    finally:
        gateway.close()


async def test_two_nodes_tell_once_although_one_is_killed(
    tmp_path: Path, database: str, page: HttpSink, sink: HttpSink
):
    secret, nodes = fresh_key(), []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        nodes.append(GatewayProcess(tmp_path / name, database=database, secret_key=secret, node_name=name))
        await nodes[-1].start()
    try:
        async with nodes[0].client() as client, nodes[1].client() as other:
            ids = []
            for number in range(6):
                route = await client.webhook_route(
                    sink.url("/hook"),
                    name=f"vault {number}",
                    format="poll",
                    format_options={"url": page.url("/health"), "every": 10, "equal_answers": 2},
                )
                ids.append(route["source"])
            await until(lambda: len(page.requests) == 6)
            page.usual = UP
            page.answer(*[DOWN] * 6)
            await until(lambda: len(page.requests) >= 12, SECONDS)
            await until(lambda: len(sink.requests) == 6, SECONDS)
            nodes[0].kill()
            # What the killed node had in flight may come twice, with the same id.
            await until(lambda: len({one.headers["webhook-id"] for one in sink.requests}) == 12, 2 * SECONDS)
            stored = (await other.get("events?limit=100"))["events"]
            told_of = sorted((one["cloudevent"]["source"], one["cloudevent"]["type"]) for one in stored)
            assert told_of == sorted(
                (f"/poll/{one}", f"health.{how}") for one in ids for how in ("failed", "recovered")
            )
    finally:
        for node in nodes:
            node.close()
