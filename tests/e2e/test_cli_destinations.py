"""Destinations and whom they tell, by commands: options of the kinds, secrets, tests."""

from __future__ import annotations

from pathlib import Path

from tests.commands import Shell
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.smtp_sink import SmtpSink


async def test_headers_are_added_one_by_one_and_shown_to_nobody(shell: Shell, sink: HttpSink):
    created = await shell.ok(
        "destination",
        "create",
        "webhook",
        "--name",
        "chat-ops",
        "--url",
        sink.url("/hook"),
        "--custom-headers",
        "X-Team: storage",
        "--header",
        "Authorization: env:OLD",
        env={"OLD": "Bearer old-secret"},
    )
    changed = await shell.ok("target", "update", "chat-ops", "--header", "X-Token: another-secret")
    assert not any(
        secret in ran.out for ran in (created, changed) for secret in ("old-secret", "another-secret")
    )
    await shell.ok(
        "target", "update", "chat-ops", "--header", "Authorization: -", stdin="Bearer new-secret\n"
    )
    await shell.ok("target", "test", "chat-ops")
    headers = sink.requests[0].headers
    assert [headers[name] for name in ("X-Team", "X-Token", "Authorization")] == [
        "storage",
        "another-secret",
        "Bearer new-secret",
    ]


async def test_a_secret_needs_no_argument(shell: Shell, sink: HttpSink, tmp_path: Path):
    (tmp_path / "slack-url").write_text(sink.url("/services/T0/B0/fromfile") + "\n")
    sink.usual = Reply(body=b"ok")
    ways = {
        "file": (("--url-file", "slack-url"), "", {}),
        "stdin": (("--url", "-"), sink.url("/services/T0/B0/fromstdin"), {}),
        "env": (("--url", "env:SLACK"), "", {"SLACK": sink.url("/services/T0/B0/fromenv")}),
    }
    for name, (options, stdin, env) in ways.items():
        created = await shell.ok(
            "destination", "create", "slack", "--name", name, *options, stdin=stdin, env=env
        )
        assert "/services/" not in created.out + created.err
        await shell.ok("destination", "test", name)
    assert [request.target for request in sink.requests] == [f"/services/T0/B0/from{name}" for name in ways]


async def test_a_test_that_does_not_arrive_says_why_and_is_exit_code_1(shell: Shell, sink: HttpSink):
    await shell.ok("destination", "create", "webhook", "--name", "hook", "--url", sink.url())
    sink.usual = Reply(404)
    failed = await shell.run("destination", "test", "hook")
    assert failed.code == 1 and "hook was not reached: answered 404" in failed.err
    assert "dead" in failed.out


async def test_a_recipient_is_told_of_a_test(shell: Shell):
    async with SmtpSink() as mail:
        await shell.ok(
            "target",
            "create",
            "email",
            "--name",
            "ops-smtp",
            "--host",
            "127.0.0.1",
            "--port",
            str(mail.port),
            "--security",
            "none",
            "--from-address",
            "tocsin@example.com",
        )
        nobody = await shell.run("target", "test", "ops-smtp")
        assert nobody.code == 1 and "recipient" in nobody.err
        await shell.ok("target", "test", "ops-smtp", "--recipient", "admin@example.com")
        assert [one.recipients for one in mail.mails] == [("admin@example.com",)]


async def test_recipients_are_added_and_removed(shell: Shell):
    await shell.ok("topic", "create", "--name", "ops")
    await shell.ok(
        "destination",
        "create",
        "email",
        "--name",
        "mail",
        "--host",
        "mail.example.com",
        "--from-address",
        "a@b.example",
    )
    await shell.ok(
        "subscription",
        "create",
        "--name",
        "s",
        "--topic",
        "ops",
        "--destination",
        "mail",
        "--to",
        "one@b.example",
        "--to",
        "two@b.example",
        "--add-notification-payload",
    )
    changed = await shell.json(
        "subscription", "update", "s", "--to", "three@b.example", "--remove", "one@b.example"
    )
    assert [row["email"] for row in changed["attributes"]["invited"]] == ["two@b.example", "three@b.example"]
    assert changed["attributes"]["add_notification_payload"] is True
    wrong = await shell.run("subscription", "update", "s", "--channel", "#ops")
    assert wrong.code == 2 and "--channel is no option of email" in wrong.err


async def test_each_kind_has_its_own_options(shell: Shell):
    overview = (await shell.ok("destination", "create", "--help")).out
    assert all(kind in overview for kind in ("webhook", "email", "slack"))
    email = (await shell.ok("destination", "create", "email", "--help")).out
    assert "--security" in email and "starttls" in email and "--signing-secret" not in email
    update = (await shell.ok("destination", "update", "--help")).out
    assert "Settings of email" in update and "Settings of webhook" in update
    missing = await shell.run("destination", "create", "webhook", "--name", "x")
    assert missing.code == 2 and "--url" in missing.err
