"""Unsubscribing by the link of a mail, from outside: what a mail program does, and what a person sees."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.smtp_sink import SmtpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async

PUBLIC = "https://gateway.example.com"
ONE, OTHER = "one+ops@example.org", "other@example.org"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
async def mailbox() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as sink:
        yield sink


@pytest.fixture
async def house(tmp_path: Path, mailbox: SmtpSink) -> AsyncIterator[GatewayProcess]:
    relay = f"smtp://127.0.0.1:{mailbox.port}?security=none&from=gw@example.org"
    process = GatewayProcess(tmp_path, public_url=PUBLIC, smtp_url=relay)
    await process.start()
    yield process
    process.close()


@pytest.fixture
async def client(house: GatewayProcess) -> AsyncIterator[Client]:
    async with house.client() as opened:
        yield opened


@pytest.fixture
async def subscription(client: Client) -> dict[str, Any]:
    """A source, a topic of all that it sends, and two who get mail of it."""
    source = await client.create("sources", name="s")
    topic = await client.create("topics", name="t", sources=[{"id": source["id"], "rules": [{}]}])
    listed = (await client.get("destinations"))["destinations"]
    mail = next(row for row in listed if row["type"] == "smtp_ibm")
    attributes = {"invited": [ONE, OTHER], "add_notification_payload": False}
    return await client.create(
        "subscriptions",
        name="failures <mail>",
        topic_id=topic["id"],
        destination_id=mail["id"],
        attributes=attributes,
    ) | {"source": source["id"]}


async def mails(client: Client, mailbox: SmtpSink, subscription: dict[str, Any], id: str, count: int):
    """The mails of one event by recipient, once there are as many."""
    before = len(mailbox.mails)
    await client.send(cloudevent(id), subscription["source"])
    await until(lambda: len(mailbox.mails) == before + count)
    return {mail.message["To"]: mail.message for mail in mailbox.mails[before:]}


def link(house: GatewayProcess, mail: EmailMessage) -> str:
    """The link of a mail, at the address where the gateway really listens."""
    url = mail["List-Unsubscribe"].strip("<>")
    assert url.startswith(f"{PUBLIC}/unsubscribe/")
    assert url in mail.get_body(("plain",)).get_content()
    assert url in mail.get_body(("html",)).get_content()
    return house.url + url.removeprefix(PUBLIC)


async def lists(client: Client, subscription: dict[str, Any]) -> dict[str, list[str]]:
    shown = (await client.get(f"subscriptions/{subscription['id']}"))["attributes"]
    return {
        name: [row["email"] for row in shown.get(name, ())]
        for name in ("invited", "subscribed", "unsubscribed")
    }


async def test_one_click_ends_the_mails_of_one_recipient(house, client, mailbox, subscription):
    first = await mails(client, mailbox, subscription, "1", 2)
    assert first[ONE]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    async with aiohttp.ClientSession() as program:
        for _ in range(2):
            async with program.post(link(house, first[ONE]), data=ONE_CLICK, allow_redirects=False) as answer:
                assert (answer.status, answer.content_type) == (200, "text/html")
                assert not answer.cookies
                assert f"<strong>{ONE}</strong> gets no more" in await answer.text()
    assert await lists(client, subscription) == {
        "invited": [OTHER],
        "subscribed": [],
        "unsubscribed": [ONE],
    }
    assert set(await mails(client, mailbox, subscription, "2", 1)) == {OTHER}
    await until(lambda: house.log_path.read_text().count("recipient.unsubscribed") == 1)
    assert ONE not in house.log_path.read_text()


async def test_following_the_link_only_asks(house, client, mailbox, subscription):
    first = await mails(client, mailbox, subscription, "1", 2)
    async with aiohttp.ClientSession() as reader:
        async with reader.get(link(house, first[ONE])) as answer:
            page, headers = await answer.text(), answer.headers
        assert answer.status == 200
        assert "failures &lt;mail&gt;" in page
        assert re.findall("<form [^>]+>", page) == ['<form method="post">']
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        async with reader.head(link(house, first[ONE])) as answer:
            assert answer.status == 200
        assert await lists(client, subscription) == {
            "invited": [ONE, OTHER],
            "subscribed": [],
            "unsubscribed": [],
        }
        form = aiohttp.FormData(ONE_CLICK, default_to_multipart=True)
        async with reader.post(link(house, first[ONE]), data=form) as answer:
            assert answer.status == 200
        async with reader.get(link(house, first[ONE])) as answer:
            assert "<form" not in await answer.text()


async def test_what_is_pending_is_cancelled(house, client, mailbox, subscription):
    first = await mails(client, mailbox, subscription, "1", 2)
    mailbox.script["RCPT"] = "451 4.7.1 come again"
    tried = mailbox.commands["RCPT"]
    status, sent = await client.send(cloudevent("2"), subscription["source"])
    assert status == 202

    async def states() -> dict[str, str]:
        found = await client.get(f"deliveries?event_id={sent['notification_id']}")
        return {row["recipient"]: row["state"] for row in found["deliveries"]}

    async def both_wait() -> bool:
        tries = mailbox.commands["RCPT"] - tried
        return tries == 2 and await states() == {ONE: "pending", OTHER: "pending"}

    await until_async(both_wait)
    async with aiohttp.ClientSession() as program, program.post(link(house, first[ONE])) as answer:
        assert answer.status == 200
    assert await states() == {ONE: "cancelled", OTHER: "pending"}


async def test_links_that_are_not_ours_change_nothing(house, client, mailbox, subscription):
    good = link(house, (await mails(client, mailbox, subscription, "1", 2))[ONE])
    async with aiohttp.ClientSession() as program:
        for url in (good[:-1], good[:-2] + "AA", f"{house.url}/unsubscribe/x", f"{good}A"):
            for method in ("GET", "POST"):
                async with program.request(method, url, data=b"List-Unsubscribe=One-Click") as answer:
                    assert answer.status == 404
                    assert "not valid" in await answer.text()
        async with program.post(good, data=b"x" * 20_000) as answer:
            assert answer.status == 413
    assert (await lists(client, subscription))["unsubscribed"] == []


async def test_after_the_subscription_is_gone_the_link_says_that_all_is_quiet(
    house, client, mailbox, subscription
):
    url = link(house, (await mails(client, mailbox, subscription, "1", 2))[ONE])
    assert (await client.call("DELETE", f"subscriptions/{subscription['id']}"))[0] == 204
    async with aiohttp.ClientSession() as program:
        for method in ("GET", "POST"):
            async with program.request(method, url) as answer:
                assert answer.status == 200
                assert "gets no more" in await answer.text()


async def test_who_unsubscribed_is_told_again_only_when_taken_off_that_list(
    house, client, mailbox, subscription
):
    url = link(house, (await mails(client, mailbox, subscription, "1", 2))[ONE])
    async with aiohttp.ClientSession() as program, program.post(url) as answer:
        assert answer.status == 200
    path = f"subscriptions/{subscription['id']}"
    changes = {"attributes": {"invited": {"add": [ONE]}}}
    assert (await client.call("PATCH", path, changes))[0] == 200
    assert set(await mails(client, mailbox, subscription, "2", 1)) == {OTHER}
    changes = {"attributes": {"unsubscribed": {"remove": [ONE]}}}
    assert (await client.call("PATCH", path, changes))[0] == 200
    assert set(await mails(client, mailbox, subscription, "3", 2)) == {ONE, OTHER}


async def test_a_burst_of_unsubscribing_is_asked_to_wait(house, client, mailbox, subscription):
    url = link(house, (await mails(client, mailbox, subscription, "1", 2))[ONE])
    async with aiohttp.ClientSession() as program:
        statuses = []
        for _ in range(60):
            async with program.post(url) as answer:
                statuses.append(answer.status)
                if answer.status == 429:
                    assert answer.headers["Retry-After"] == "1"
    assert set(statuses) <= {200, 429}
    assert (await lists(client, subscription))["unsubscribed"] == [ONE]


async def test_the_user_whom_an_event_names_can_unsubscribe_too(house, client, mailbox, subscription):
    direct = {"recipient_from": "/mail", "recipient_domains": ["example.org"]}
    status, _ = await client.call("PATCH", f"subscriptions/{subscription['id']}", direct)
    assert status == 200
    await client.send(cloudevent("1", data={"mail": ONE}), subscription["source"])
    await until(lambda: len(mailbox.mails) == 1)
    async with (
        aiohttp.ClientSession() as program,
        program.post(link(house, mailbox.mails[0].message), data=ONE_CLICK) as answer,
    ):
        assert answer.status == 200
    for id, mail in (("2", ONE), ("3", OTHER)):
        await client.send(cloudevent(id, data={"mail": mail}), subscription["source"])
    await until(lambda: len(mailbox.mails) == 2)
    assert mailbox.mails[1].recipients == (OTHER,)
    rows = (await client.get("deliveries?state=suppressed"))["deliveries"]
    assert [row["reason"] for row in rows] == ["no_allowed_recipient"]
