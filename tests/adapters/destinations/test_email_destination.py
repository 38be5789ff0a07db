"""Mail: what is written, how it is handed over, and that nothing is ever downgraded or sent twice."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from pydantic import SecretStr, ValidationError

from adapters.destinations.email import (
    BuiltInConfig,
    CustomDomainConfig,
    Email,
    EmailConfig,
    SmtpCustom,
    SmtpIbm,
    mailer,
)
from adapters.destinations.email.session import IDLE_SECONDS, MAX_MAILS, PROBE_AFTER_SECONDS
from adapters.destinations.email.subscription import MailAddress
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.destination import Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.transport.tls import client_context
from tests.fakes.golden import assert_golden, golden
from tests.fakes.messages import DELIVERY_ID, make_message
from tests.fakes.raw_server import Peer, RawServer
from tests.fakes.smtp_sink import DROP, HANG, SmtpSink

OPS = "ops@example.org"


@pytest.fixture
async def sink(authority):
    async with SmtpSink(starttls=authority.server("mail.example.org")) as sink:
        yield sink


@pytest.fixture
async def mail(sink, tools):
    mail = email(sink, tools)
    yield mail
    await mail.close()


def email(sink, tools, **settings) -> Email:
    given = {"host": "mail.example.org", "port": sink.port, "from": "Backups <backups@example.org>"}
    return Email(EmailConfig.model_validate({**given, **settings}), tools)


def to(recipient: str = OPS, **message):
    return make_message(recipient=recipient, **{"title": "Backup failed", "summary": "Disk full.", **message})


async def failing(mail, message) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await mail.deliver(message, MailAddress())
    return failed.value


# What is written


async def test_a_mail_is_as_in_the_golden_file(sink, mail):
    message = to(
        severity=Severity.CRITICAL,
        outcome=Outcome.FAILED,
        title="Sicherung für R&D <db-1> fehlgeschlagen",
        summary="Disk full.\n.hidden line\nÜberlauf",
        resource="db-1",
        links={"Log": "https://example.org/log?a=1&b=2"},
        data={"größe": 1, "a": [1, 2]},
    )
    address = MailAddress(
        add_notification_payload=True, reply_to_mail="help@example.org", reply_to_name="Help, me"
    )
    receipt = await mail.deliver(message, address)
    (taken,) = sink.mails
    assert (taken.sender, taken.recipients, taken.tls) == ("backups@example.org", (OPS,), True)
    assert (receipt.code, receipt.vendor_id) == (250, "00000001")
    assert_golden("email/critical.eml", taken.content.replace(b"\r\n", b"\n"))


async def test_the_mail_of_the_seed_is_the_mail_of_the_seed(sink, mail):
    title, body, details = seed_mail()
    message = to(title=title, summary=body, data=json.loads(details))
    await mail.deliver(message, MailAddress(add_notification_payload=True))
    (taken,) = sink.mails
    assert taken.message["Subject"] == title
    lines = taken.part("plain").split("\n\n")
    assert lines[:2] == [body, "Notification details:"]
    assert json.loads("\n\n".join(lines[2:])) == json.loads(details)
    assert list(json.loads(lines[2])) == list(json.loads(details))


def seed_mail() -> tuple[str, str, str]:
    """Title, body line and details of the seed's example."""
    text = golden("email/ibm-backup-for-vpc.txt").decode()
    head, _, details = text.partition("Notification details:")
    title, _, body = head.partition("Email Body:")
    return title.removeprefix("Email Title:").strip(), body.strip(), details.strip()


async def test_without_the_payload_the_text_is_the_summary_alone(sink, mail):
    await mail.deliver(to(data={"a": 1}), MailAddress())
    assert sink.mails[0].part("plain") == "Disk full.\n"


async def test_html_shows_facts_and_links_and_escapes_everything(sink, mail):
    links = {
        "<Log>": 'https://example.org/?a="b"',
        "Log": "https://example.org/?a=1&b=2",
        "x": "javascript:alert(1)",
    }
    await mail.deliver(to(title="<b>", resource="<i>", links=links, data="</pre>"), MailAddress())
    html = sink.mails[0].part("html")
    assert re.search("<h1 [^>]+>&lt;b&gt;</h1>", html)
    assert re.search("<td [^>]+>&lt;i&gt;</td>", html)
    assert '<a href="https://example.org/?a=1&amp;b=2">Log</a>' in html
    assert "javascript" not in html
    assert 'a="b"' not in html


async def test_mails_of_one_thing_are_one_thread_and_each_its_own_message(sink, mail):
    for delivery, resource in (("d1", "db-1"), ("d2", "db-1"), ("d3", "db-2")):
        await mail.deliver(to(delivery_id=delivery, resource=resource), MailAddress())
    first, second, other = (taken.message for taken in sink.mails)
    assert [part["Message-ID"] for part in (first, second, other)] == [
        "<d1@gw.example>",
        "<d2@gw.example>",
        "<d3@gw.example>",
    ]
    assert first["References"] == first["In-Reply-To"] == second["References"] != other["References"]


async def test_a_subscription_may_name_another_sender(sink, mail):
    await mail.deliver(to(), MailAddress(from_email="night@example.org", from_name='Night "Shift"'))
    (taken,) = sink.mails
    assert taken.sender == "night@example.org"
    assert taken.message["From"].addresses[0].display_name == 'Night "Shift"'


async def test_only_the_recipient_of_the_delivery_gets_it(sink, mail):
    address = MailAddress(invited=["a@example.org", "b@example.org"])
    await mail.deliver(to("b@example.org"), address)
    (taken,) = sink.mails
    assert taken.recipients == ("b@example.org",)
    assert taken.message["To"] == "b@example.org"
    assert b"a@example.org" not in taken.content


@pytest.mark.parametrize("recipient", ["", "a@b, c@d", "x> SIZE=1\r\nRCPT TO:<y@z", "a b@example.org"])
async def test_what_is_no_single_address_gets_nothing(sink, mail, recipient):
    assert (await failing(mail, to(recipient))).reason is Reason.REJECTED
    assert sink.commands["CONNECT"] == 0


async def test_one_refused_recipient_costs_the_others_nothing(sink, mail):
    sink.recipients = {"b@example.org": "451 4.7.1 later", "c@example.org": "550 5.1.1 unknown"}
    address = MailAddress()
    await mail.deliver(to("a@example.org"), address)
    assert (await failing(mail, to("b@example.org"))).retry_after == 300.0
    assert (await failing(mail, to("c@example.org"))).reason is Reason.REJECTED
    await mail.deliver(to("d@example.org"), address)
    assert [taken.recipients for taken in sink.mails] == [("a@example.org",), ("d@example.org",)]
    assert sink.commands["CONNECT"] == 1


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it(sink, mail, authority, tools):
    await mail.deliver(to("jürgen@example.org"), MailAddress())
    assert sink.mails[0].recipients == ("jürgen@example.org",)
    async with SmtpSink(starttls=authority.server("mail.example.org"), utf8=False) as old:
        failed = await failing(email(old, tools), to("jürgen@example.org"))
    assert (failed.reason, old.mails) == (Reason.REJECTED, [])


# TLS and log-in


async def test_a_server_without_starttls_gets_no_mail(tools):
    async with SmtpSink() as sink:
        failed = await failing(email(sink, tools), to())
    assert failed.reason is Reason.TLS
    assert (sink.commands["EHLO"], sink.commands["MAIL"], sink.mails) == (1, 0, [])


async def test_implicit_tls_logs_in_and_delivers(authority, tools):
    async with SmtpSink(tls=authority.server("mail.example.org"), users={"u": "p"}) as sink:
        mail = email(sink, tools, security="tls", user="u", password="p")
        await mail.deliver(to(), MailAddress())
        await mail.close()
    assert (sink.mails[0].tls, sink.mails[0].user) == (True, "u")


async def test_without_security_mail_goes_out_plain(tools):
    async with SmtpSink() as sink:
        mail = email(sink, tools, security="none")
        await mail.deliver(to(), MailAddress())
        await mail.close()
    assert not sink.mails[0].tls


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("other.example.org",), {}),
        (("mail.example.org",), {"days": (-9, -1)}),
        (("mail.example.org",), {"self_signed": True}),
    ],
)
async def test_a_bad_certificate_gets_no_mail(authority, tools, security, names, options):
    context = authority.server(*names, **options)
    async with SmtpSink(**{security: context}) as sink:
        failed = await failing(email(sink, tools, security=security), to())
    assert failed.reason is Reason.TLS
    assert "certificate" in failed.detail
    assert sink.mails == []


async def test_tls_towards_a_plain_port_fails_as_tls(tools):
    async with SmtpSink() as sink:
        failed = await failing(email(sink, tools, security="tls"), to())
    assert failed.reason is Reason.TLS


@pytest.mark.parametrize(
    ("method", "without", "used"),
    [("auto", (), "PLAIN"), ("auto", ("PLAIN",), "LOGIN"), ("login", (), "LOGIN"), ("plain", (), "PLAIN")],
)
async def test_one_log_in_by_the_chosen_method(authority, tools, method, without, used):
    context = authority.server("mail.example.org")
    async with SmtpSink(starttls=context, users={"u": "pä"}, without_methods=without) as sink:
        mail = email(sink, tools, user="u", password="pä", auth_method=method)
        await mail.deliver(to(), MailAddress())
        await mail.close()
    assert sink.logins == [(used, "u")]
    assert sink.mails[0].user == "u"


async def test_a_wrong_password_is_tried_once_a_delivery(authority, tools):
    async with SmtpSink(starttls=authority.server("mail.example.org"), users={"u": "p"}) as sink:
        mail = email(sink, tools, user="u", password="wrong")
        for _ in range(2):
            assert (await failing(mail, to())).reason is Reason.UNAUTHORIZED
    assert len(sink.logins) == 2
    assert sink.mails == []


async def test_a_server_that_offers_no_log_in_is_misconfigured(authority, tools):
    context = authority.server("mail.example.org")
    async with SmtpSink(starttls=context, without_methods=("PLAIN", "LOGIN")) as sink:
        failed = await failing(email(sink, tools, user="u", password="p"), to())
    assert failed.reason is Reason.MISCONFIGURED
    assert sink.commands["MAIL"] == 0


# Connections


async def test_mails_share_a_connection_until_it_has_carried_enough(sink, mail):
    for _ in range(MAX_MAILS + 1):
        await mail.deliver(to(), MailAddress())
    assert len(sink.mails) == MAX_MAILS + 1
    assert sink.commands["CONNECT"] == 2


async def test_many_at_once_take_four_connections_at_most(sink, mail):
    await asyncio.gather(*(mail.deliver(to(delivery_id=f"d{n}"), MailAddress()) for n in range(40)))
    assert len({taken.message["Message-ID"] for taken in sink.mails}) == 40
    assert sink.commands["CONNECT"] <= 4


async def test_an_idle_connection_is_asked_and_a_stale_one_replaced(sink, mail, clock):
    await mail.deliver(to(), MailAddress())
    clock.advance(PROBE_AFTER_SECONDS - 1)
    await mail.deliver(to(), MailAddress())
    assert (sink.commands["NOOP"], sink.commands["CONNECT"]) == (0, 1)
    clock.advance(PROBE_AFTER_SECONDS)
    await mail.deliver(to(), MailAddress())
    assert (sink.commands["NOOP"], sink.commands["CONNECT"]) == (1, 1)
    clock.advance(IDLE_SECONDS)
    await mail.deliver(to(), MailAddress())
    assert (sink.commands["NOOP"], sink.commands["CONNECT"]) == (1, 2)
    assert len(sink.mails) == 4


async def test_idle_connections_are_closed_by_themselves(sink, mail, clock, monkeypatch):
    monkeypatch.setattr(mailer, "IDLE_SECONDS", 0.01)
    await mail.deliver(to(), MailAddress())
    clock.advance(IDLE_SECONDS)
    await sink.when("LOST")
    await mail.deliver(to(), MailAddress())
    assert sink.commands["CONNECT"] == 2


@pytest.mark.parametrize("fault", [DROP, "421 4.4.2 idle for too long", "451 4.3.0 not now"])
async def test_an_idle_connection_that_does_not_answer_well_is_replaced(sink, mail, clock, fault):
    await mail.deliver(to(), MailAddress())
    clock.advance(PROBE_AFTER_SECONDS)
    sink.script["NOOP"] = fault
    await mail.deliver(to(), MailAddress())
    assert (len(sink.mails), sink.commands["CONNECT"]) == (2, 2)


@pytest.mark.parametrize("closing", [b"421 4.7.0 one mail is enough\r\n", b""])
async def test_a_connection_closed_between_two_mails_costs_no_attempt(tools, closing):
    """Servers that take one mail a connection say so only when the second one begins."""

    async def one_mail(peer: Peer) -> None:
        await peer.send(b"220 here\r\n")
        for reply in (b"250 here", b"250 sender", b"250 recipient", b"354 go"):
            await peer.reader.readuntil(b"\r\n")
            await peer.send(reply + b"\r\n")
        await peer.reader.readuntil(b"\r\n.\r\n")
        await peer.send(b"250 taken\r\n")
        await peer.reader.readuntil(b"\r\n")
        await peer.send(closing)

    async with RawServer(one_mail) as server:
        mail = email(server, tools, security="none")
        for _ in range(3):
            await mail.deliver(to(), MailAddress())
        await mail.close()
        assert server.connections == 3


async def test_a_cancelled_mail_takes_its_connection_with_it(sink, mail):
    await mail.deliver(to(), MailAddress())
    sink.script["RCPT"] = HANG
    sink.reached.clear()
    delivering = asyncio.create_task(mail.deliver(to(title="Cancelled"), MailAddress()))
    await sink.when("RCPT")
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    sink.script.clear()
    for title in ("Second", "Third"):
        await mail.deliver(to(title=title), MailAddress())
    assert [taken.message["Subject"] for taken in sink.mails] == ["Backup failed", "Second", "Third"]


async def test_a_mail_taken_without_an_answer_is_ambiguous_and_its_retry_recognisable(sink, mail):
    sink.script["CONTENT"] = DROP
    failed = await failing(mail, to())
    assert failed.reason is Reason.AMBIGUOUS
    sink.script.clear()
    await mail.deliver(to(), MailAddress())
    assert [taken.message["Message-ID"] for taken in sink.mails] == [f"<{DELIVERY_ID}@gw.example>"] * 2


async def test_closing_says_goodbye(sink, mail):
    await mail.deliver(to(), MailAddress())
    await mail.close()
    await sink.when("QUIT")


@pytest.mark.parametrize(
    "greeting", [b"garbage\r\n", b"220", b"220-" + b"x" * 40_000 + b"\r\n", b"\xff\xfe\r\n"]
)
async def test_a_server_that_speaks_no_smtp_fails_without_harm(tools, greeting):
    async def script(peer: Peer) -> None:
        await peer.send(greeting)

    async with RawServer(script) as server:
        failed = await failing(email(server, tools, security="none"), to())
    assert failed.reason is Reason.UNAVAILABLE


# Kinds over the operator's relay


def relayed(kind, config, tools, url) -> SmtpCustom | SmtpIbm:
    smtp_url = SecretStr(url) if url else None
    return kind(
        config, Tools(tools.http, tools.dialer, tools.clock, tools.tls, "gw.example", smtp_url=smtp_url)
    )


@pytest.mark.parametrize(
    ("kind", "config", "sender", "expected"),
    [
        (SmtpIbm, BuiltInConfig(), "", "tocsin@gw.example"),
        (SmtpIbm, BuiltInConfig(), "?from=alerts@example.org", "alerts@example.org"),
        (
            SmtpCustom,
            CustomDomainConfig(domain="Example.org"),
            "?from=alerts@example.org",
            "alerts@example.org",
        ),
        (
            SmtpCustom,
            CustomDomainConfig(domain="example.com"),
            "?from=alerts@example.org",
            "noreply@example.com",
        ),
    ],
)
async def test_the_relay_carries_mail_from_the_usual_sender(sink, tools, kind, config, sender, expected):
    mail = relayed(kind, config, tools, f"smtp://mail.example.org:{sink.port}{sender}")
    await mail.deliver(to(), MailAddress())
    await mail.close()
    assert sink.mails[0].sender == expected


@pytest.mark.parametrize("url", ["", "https://s3cret@example.org", "smtp://mail?from=not-an-address"])
async def test_without_a_usable_relay_it_says_what_to_set(tools, url):
    mail = relayed(SmtpIbm, BuiltInConfig(), tools, url)
    failed = await failing(mail, to())
    assert failed.reason is Reason.MISCONFIGURED
    assert "TOCSIN_SMTP_URL" in failed.detail
    assert "s3cret" not in failed.detail
    await mail.close()


def test_the_built_in_destination_cannot_be_created():
    assert not SmtpIbm.creatable


# Settings


@pytest.mark.parametrize(
    "change",
    [
        {"security": "opportunistic"},
        {"security": "none", "user": "u", "password": "s3cret"},
        {"user": "u"},
        {"password": "s3cret"},
        {"host": "mail.example.org\r\nX"},
        {"host": ""},
        {"port": 0},
        {"from": "nobody"},
        {"from": "a@example.org, b@example.org"},
        {"user": "u\r\n", "password": "s3cret"},
    ],
)
def test_settings_that_cannot_work_are_refused(change):
    given = {"host": "mail.example.org", "from": "backups@example.org"}
    with pytest.raises(ValidationError) as refused:
        EmailConfig.model_validate({**given, **change})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 587)])
def test_the_usual_port_follows_from_the_security(security, port):
    config = EmailConfig.model_validate({"host": "h", "from": "a@b", "security": security})
    mail = Email(config, Tools(None, None, None, client_context()))
    assert mail._mailer._relay.port == port


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("backups@example.org", "", "backups@example.org"),
        ("Backups <backups@example.org>", "Backups", "backups@example.org"),
        ('"Backups, nightly" <backups@Example.org>', "Backups, nightly", "backups@example.org"),
        ("<backups@example.org>", "", "backups@example.org"),
    ],
)
def test_from_is_short_for_name_and_address(written, name, address):
    config = EmailConfig.model_validate({"host": "h", "from": written})
    assert (config.from_name, config.from_address) == (name, address)


def test_recipients_are_who_is_invited_or_subscribed_and_has_not_unsubscribed():
    address = MailAddress(
        invited=["a@Example.org", "B@example.org", "gone@example.org", "A@example.ORG"],
        subscribed=["c@example.org", "b@example.org", "münchen@bücher.example"],
        unsubscribed=["GONE@EXAMPLE.ORG"],
    )
    assert Email.recipients(address) == (
        "a@example.org",
        "B@example.org",
        "c@example.org",
        "münchen@xn--bcher-kva.example",
    )
    assert Email.recipients(MailAddress()) == ()


@pytest.mark.parametrize(
    "address",
    [
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "<a@b>",
        "a@b,c@d",
        "a@b\r\nc",
        "a@[127.0.0.1]",
        '"a"@b',
        "a@-b",
        "a@b..c",
        "a\u200b@b",
        "a@b\u2028c",
        "x" * 65 + "@b",
        "a@" + "b." * 130,
        "a@\u2460.example",
        "a;b@c",
        "Ops <a@b>",
    ],
)
def test_what_is_no_plain_address_cannot_subscribe(address):
    with pytest.raises(ValidationError):
        MailAddress(invited=[address])
