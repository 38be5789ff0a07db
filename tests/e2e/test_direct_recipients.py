"""The user whom an event is about: told by mail in the right words, or visibly not told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

import schemas
from tests.commands import Shell
from tests.fakes.smtp_sink import SmtpSink
from tests.harness import Client, cloudevent
from tests.waiting import until, until_async

LOGIN = schemas.load("events/dbackup/user_login")["examples"][0]


@pytest.fixture
async def post() -> AsyncIterator[SmtpSink]:
    async with SmtpSink() as opened:
        yield opened


async def mailing(shell: Shell, post: SmtpSink) -> None:
    """A source, a topic that takes all of it, and a mail destination."""
    await shell.ok("source", "create", "--name", "app")
    await shell.ok("topic", "create", "--name", "logins", "--source", "app")
    await shell.ok(
        "destination", "create", "email", "--name", "post", "--host", "127.0.0.1", "--port", str(post.port),
        "--security", "none", "--from-address", "db@a.test",
    )  # fmt: skip


async def send(client: Client, id: str, mail: object) -> str:
    (source,) = (await client.get("sources"))["sources"]
    event = cloudevent(id, data={"who": {"mail": mail}})
    status, answer = await client.send(event, source["id"])
    assert status == 202, answer
    return str(answer["notification_id"])


async def ended(client: Client, event_id: str) -> list[Mapping[str, Any]]:
    """The deliveries of an event, once they have all ended."""
    rows: list[Mapping[str, Any]] = []

    async def over() -> bool:
        rows[:] = (await client.get(f"deliveries?event_id={event_id}"))["deliveries"]
        return all("settled_at" in row for row in rows)

    await until_async(over)
    return rows


async def test_a_direct_subscription_is_made_and_changed_by_the_command_line(
    tenant: Client, shell: Shell, post: SmtpSink
):
    await mailing(shell, post)
    made = await shell.json(
        "subscription", "create", "--name", "user", "--topic", "logins", "--destination", "post",
        "--recipient-from", "/who/mail", "--recipient-domain", "Example.com",
        "--recipient-domain", "b.example",
    )  # fmt: skip
    assert made["recipient_from"] == "/who/mail"
    assert made["recipient_domains"] == ["example.com", "b.example"]
    (told,) = await ended(tenant, await send(tenant, "1", "alice@example.com"))
    assert (told["state"], told["recipient"]) == ("delivered", "alice@example.com")
    assert [one.recipients for one in post.mails] == [("alice@example.com",)]
    changed = await shell.json("subscription", "update", "user", "--recipient-domain", "c.example")
    assert (changed["recipient_from"], changed["recipient_domains"]) == ("/who/mail", ["c.example"])
    refused = await shell.run("subscription", "update", "user", "--recipient-from", "who")
    assert refused.code == 1 and "direct_invalid" in refused.err
    cleared = await shell.json("subscription", "update", "user", "--recipient-from", "")
    assert "recipient_from" not in cleared
    await shell.ok("subscription", "update", "user", "--recipient-from", "/who/mail", "--dry-run")
    assert "recipient_from" not in await shell.json("subscription", "show", "user")


@pytest.mark.parametrize("mail", ["alice@evil.test", "nonsense", None])
async def test_an_event_that_names_nobody_who_may_be_told_says_so(
    tenant: Client, shell: Shell, post: SmtpSink, mail: object
):
    await mailing(shell, post)
    made = await shell.json(
        "subscription", "create", "--name", "user", "--topic", "logins", "--destination", "post",
        "--recipient-from", "/who/mail", "--recipient-domain", "example.com",
    )  # fmt: skip
    event_id = await send(tenant, "1", mail)
    (row,) = await ended(tenant, event_id)
    assert (row["state"], row["reason"]) == ("suppressed", "no_allowed_recipient")
    assert row["subscription_id"] == made["id"] and not row.get("recipient")
    listed = await shell.json("delivery", "list", "--state", "suppressed")
    assert [one["id"] for one in listed] == [row["id"]]
    explained = await shell.ok("explain", event_id)
    assert "suppressed" in explained.out and "no_allowed_recipient" in explained.out

    async def counted() -> bool:
        counts = (await tenant.get(f"subscriptions/{made['id']}"))["counts"]
        return bool(counts["matched"] == counts["suppressed"] == 1 and counts["delivered"] == 0)

    await until_async(counted)
    tried = await shell.json("subscription", "update", "user", "--rule", "type = other", "--dry-run")
    assert tried["events"] == 1 and tried["deliveries"] == {"was": 0, "now": 0, "would": 0}
    status, again = await tenant.call("POST", f"deliveries/{row['id']}/replay")
    assert status in (200, 202), again
    (dead,) = await ended(tenant, event_id)
    assert (dead["state"], dead["reason"]) == ("dead", "rejected"), "there is still nobody to send it to"
    assert post.mails == []


async def test_the_user_gets_the_preset_s_own_words_and_keeps_those_that_were_changed(
    tenant: Client, shell: Shell, post: SmtpSink
):
    await mailing(shell, post)
    await shell.ok("source", "create", "--name", "dbackup", "--format", "dbackup")
    await shell.ok(
        "preset", "apply", "dbackup", "--source", "dbackup", "--role", "system=post", "--to",
        "system=admin@example.org", "--on", "user_login", "--notify-user", "user_login=only",
        "--domain", "example.com",
    )  # fmt: skip
    sources = {row["name"]: row["id"] for row in (await tenant.get("sources"))["sources"]}
    path = f"sources/{sources['dbackup']}/events"
    assert (await tenant.call("POST", path, LOGIN))[0] == 200
    await until(lambda: len(post.mails) == 1)
    (mail,) = post.mails
    assert mail.recipients == ("alice@example.com",)
    assert mail.message["subject"] == "You have logged in"
    plain, html = mail.part("plain"), mail.part("html")
    assert plain.startswith(
        "Your account has just been used to log in.\n\nUser alice logged in.\n\nIf that was"
    )
    assert "<p>Your account has just been used to log in.</p><p>User alice logged in.</p>" in html
    template = "dbackup user_login: user"
    assert template in await shell.names("template")
