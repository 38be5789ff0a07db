"""NATS, with a real server: streams, log-ins, TLS, subjects, and connections that go away."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import replace

import nats
import nkeys
import pytest
from nats.js.api import StreamConfig
from pydantic import ValidationError

from adapters.destinations.nats import Nats, NatsAddress, NatsConfig
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.security.egress import Dialer, EgressPolicy
from gateway.spi.cloudevents import structured
from gateway.spi.destination import Endpoint
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.transport.sockets import GuardedDialer
from tests.adapters.destinations.conftest import Loopback
from tests.fakes.golden import assert_golden
from tests.fakes.messages import DELIVERY_ID, make_message
from tests.fakes.nats_server import NatsServer
from tests.fakes.relay import Relay
from tests.waiting import until, until_async


@pytest.fixture
def server_of(tmp_path):
    @asynccontextmanager
    async def started(more="", *, stream=True, **settings):
        folder = tmp_path / f"nats-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        async with NatsServer(folder, more) as server:
            if stream:
                await add_stream(server)
            yield server

    return started


async def add_stream(server, **settings):
    async with await nats.connect(server.url) as client:
        given = {"name": "EVENTS", "subjects": ["tocsin.>"], **settings}
        await client.jetstream().add_stream(StreamConfig(**given))


async def stored(server, number=1):
    async with await nats.connect(server.url) as client:
        return await client.jetstream().get_msg("EVENTS", seq=number)


async def count(server) -> int:
    async with await nats.connect(server.url) as client:
        return (await client.jetstream().stream_info("EVENTS")).state.messages


@asynccontextmanager
async def adapter(url, tools, **settings):
    destination = Nats(NatsConfig(url=url, **settings), tools)
    try:
        yield destination
    finally:
        await destination.close()


async def failure(destination, message=None, address=None) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await destination.deliver(message or make_message(data={}), address or NatsAddress())
    return failed.value


MESSAGES = {
    "failure": make_message(
        severity=Severity.ERROR,
        outcome=Outcome.FAILED,
        data={"title": "Backup of db-1 failed", "size": 12345678901234567890},
        attributes={"subject": "db 1 %", "datacontenttype": "application/json"},
    ),
    "recovery": make_message(
        outcome=Outcome.OK, data={"title": "db-1 is back"}, attributes={"type": "backup.succeeded"}
    ),
    "hostile": make_message(
        data={"title": "x\r\nNats-Msg-Id: 1\u202e"},
        attributes={"type": "a..*.> $SYS\u2028\u00e9", "subject": '\u202e\u0430 "%"'},
    ),
    "bare": make_message(),
}


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize("name", MESSAGES)
async def test_what_a_stream_keeps_is_as_in_the_golden_file(server_of, tools, mode, name):
    async with server_of() as server, adapter(server.url, tools, mode=mode) as destination:
        receipt = await destination.deliver(MESSAGES[name], NatsAddress())
        kept = await stored(server)
    assert (receipt.code, receipt.vendor_id) == ("acked", "EVENTS:1")
    shown = {"subject": kept.subject, "headers": kept.headers, "payload": (kept.data or b"").decode()}
    text = json.dumps(shown, indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"nats/{name}-{mode}.json", text.encode())
    if mode == "structured":
        assert structured.decode(kept.data) == MESSAGES[name].event


async def test_a_stream_drops_a_repeat_and_says_so(server_of, tools):
    async with server_of() as server, adapter(server.url, tools) as destination:
        first, second = [await destination.deliver(make_message(), NatsAddress()) for _ in range(2)]
        other = make_message(delivery_id=DELIVERY_ID.replace("d001", "d002"))
        await destination.deliver(other, NatsAddress())
        assert await count(server) == 2
    assert "a repeat" not in first.detail
    assert "a repeat that it dropped" in second.detail
    assert first.vendor_id == second.vendor_id


async def test_without_jetstream_whoever_listens_hears_it(server_of, tools):
    async with (
        server_of(stream=False) as server,
        await nats.connect(server.url) as listener,
        adapter(server.url, tools, jetstream=False) as destination,
    ):
        heard = await listener.subscribe("tocsin.>")
        await listener.flush()
        receipt = await destination.deliver(MESSAGES["failure"], NatsAddress())
        message = await heard.next_msg(5)
    assert receipt.code == "flushed"
    assert message.subject == "tocsin.inst-1.com.example.backup.failed"
    assert message.headers["Nats-Msg-Id"] == DELIVERY_ID


async def test_a_subscription_chooses_the_subject_of_safe_words(server_of, tools):
    async with server_of() as server, adapter(server.url, tools) as destination:
        address = NatsAddress(subject="tocsin.ops.{severity}.{outcome}.{source}")
        await destination.deliver(make_message(severity=Severity.ERROR), address)
        assert (await stored(server)).subject == "tocsin.ops.error.none.src-1"


async def test_without_a_stream_the_settings_are_wrong(server_of, tools):
    async with server_of(stream=False) as server, adapter(server.url, tools) as destination:
        failed = await failure(destination)
    assert failed.reason is Reason.MISCONFIGURED
    assert "no JetStream stream takes the subject tocsin.inst-1.com.example" in failed.detail


async def test_a_full_stream_pauses_and_a_message_too_large_for_it_is_rejected(server_of, tools):
    async with server_of(stream=False) as server, adapter(server.url, tools) as destination:
        await add_stream(server, max_msgs=1, discard="new", max_msg_size=1000)
        large = make_message(data={"x": "y" * 2000})
        assert (await failure(destination, large)).reason is Reason.REJECTED
        await destination.deliver(make_message(), NatsAddress())
        other = make_message(delivery_id=DELIVERY_ID.replace("d001", "d002"))
        assert (await failure(destination, other)).reason is Reason.THROTTLED


async def test_what_is_over_the_server_s_limit_is_rejected_and_breaks_no_connection(server_of, tools):
    async with server_of("max_payload: 4096") as server, Relay(server.port) as relay:
        async with adapter(f"nats://127.0.0.1:{relay.port}", tools) as destination:
            await destination.deliver(make_message(), NatsAddress())
            failed = await failure(destination, make_message(data={"x": "y" * 4096}))
            await destination.deliver(make_message(), NatsAddress())
        assert relay.connections == 1
    assert failed.reason is Reason.REJECTED
    assert "max_payload of 4096" in failed.detail


# Logging in


@pytest.mark.parametrize(
    ("more", "settings"),
    [
        ('authorization { user: "gw", password: "pw" }', {"user": "gw", "password": "pw"}),
        ('authorization { token: "t0k" }', {"token": "t0k"}),
    ],
)
async def test_a_user_or_a_token_logs_in_and_a_wrong_one_does_not(server_of, tools, more, settings):
    async with server_of(more, stream=False) as server:
        async with adapter(server.url, tools, jetstream=False, **settings) as destination:
            assert (await destination.deliver(make_message(), NatsAddress())).code == "flushed"
        wrong = {**settings, next(reversed(settings)): "wr0ng-s3cret"}
        for given in (wrong, {}):
            async with adapter(server.url, tools, jetstream=False, **given) as destination:
                failed = await failure(destination)
                assert failed.reason is Reason.UNAUTHORIZED
                assert "wr0ng" not in failed.detail


async def test_an_nkey_logs_in_by_signing(server_of, tools):
    seed = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER)
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    users = f"authorization {{ users: [ {{ nkey: {public} }} ] }}"
    async with server_of(users, stream=False) as server:
        for given, reason in ((seed.decode(), None), ("SUANOTASEED", Reason.MISCONFIGURED)):
            async with adapter(server.url, tools, jetstream=False, nkey_secret=given) as destination:
                if reason is None:
                    await destination.deliver(make_message(), NatsAddress())
                else:
                    assert (await failure(destination)).reason is reason


def key_of(number: int, prefix: int) -> nkeys.KeyPair:
    return nkeys.from_seed(bytearray(nkeys.encode_seed(bytes([number]) * 32, prefix)))


def token_of(issuer: nkeys.KeyPair, subject: nkeys.KeyPair, kind: str, **claims) -> str:
    """A JWT as NATS' accounts have them (nats-io/jwt, version 2)."""

    def encoded(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    body = {
        "iat": 1_700_000_000,
        "iss": issuer.public_key.decode(),
        "sub": subject.public_key.decode(),
        "name": kind,
        "jti": kind,
        "nats": {"type": kind, "version": 2, **claims},
    }
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(issuer.sign(signed.encode()))}"


async def test_a_creds_file_logs_in_by_its_token_and_seed(server_of, tools):
    operator, user = key_of(1, nkeys.PREFIX_BYTE_OPERATOR), key_of(2, nkeys.PREFIX_BYTE_USER)
    account, system = (key_of(number, nkeys.PREFIX_BYTE_ACCOUNT) for number in (3, 4))
    most = dict.fromkeys(("subs", "conn", "leaf", "imports", "exports", "data", "payload"), -1)
    accounts = {
        one.public_key.decode(): token_of(operator, one, "account", limits={**most, "wildcards": True})
        for one in (account, system)
    }
    preload = ", ".join(f"{name}: {token}" for name, token in accounts.items())
    more = (
        f"operator: {token_of(operator, operator, 'operator')}\n"
        f"system_account: {system.public_key.decode()}\n"
        f"resolver: MEMORY\nresolver_preload: {{ {preload} }}"
    )
    token = token_of(account, user, "user", subs=-1, data=-1, payload=-1)
    creds = (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
    )
    async with server_of(more, stream=False) as server:
        settings = {"jetstream": False, "credentials_secret": creds}
        async with adapter(server.url, tools, **settings) as destination:
            assert (await destination.deliver(make_message(), NatsAddress())).code == "flushed"
        settings["credentials_secret"] = creds.replace(token[-20:], token[-20:][::-1])
        async with adapter(server.url, tools, **settings) as destination:
            failed = await failure(destination)
            assert failed.reason is Reason.UNAUTHORIZED
        settings["credentials_secret"] = "no creds at all"
        async with adapter(server.url, tools, **settings) as destination:
            assert (await failure(destination)).reason is Reason.MISCONFIGURED


@pytest.mark.parametrize("jetstream", [True, False])
async def test_a_subject_that_the_user_may_not_publish_to_is_no_silent_success(server_of, tools, jetstream):
    users = 'authorization { users: [ { user: gw, password: pw, permissions: { publish: "other.>" } } ] }'
    async with server_of(users, stream=False) as server:
        settings = {"user": "gw", "password": "pw", "jetstream": jetstream}
        async with adapter(server.url, tools, **settings) as destination:
            for refused in ("", "Tocsin.UPPER.{type}"):
                failed = await failure(destination, address=NatsAddress(subject=refused))
                assert failed.reason is Reason.UNAUTHORIZED
                assert "permissions violation" in failed.detail
            if not jetstream:
                allowed = NatsAddress(subject="other.{type}")
                assert (await destination.deliver(make_message(), allowed)).code == "flushed"


# TLS


def tls(authority, *names, **given) -> str:
    file = authority.certificate(*names, **given)
    return f'tls {{ cert_file: "{file}", key_file: "{file}" }}'


async def test_tls_is_spoken_with_a_server_that_proves_its_name(server_of, tools, authority):
    async with server_of(tls(authority, "nats.example"), stream=False) as server:
        url = f"tls://nats.example:{server.port}"
        async with adapter(url, tools, jetstream=False) as destination:
            assert (await destination.deliver(make_message(), NatsAddress())).code == "flushed"
        async with adapter(f"tls://other.example:{server.port}", tools, jetstream=False) as destination:
            failed = await failure(destination)
            assert (failed.reason, "certificate" in failed.detail) == (Reason.TLS, True)


async def test_where_tls_is_demanded_nothing_is_said_in_plain_text(server_of, tools):
    async with server_of(stream=False) as server, Relay(server.port) as relay:
        heard = bytearray()

        async def listen(reader, writer):
            writer.write(b'INFO {"server_id":"X","version":"2.9.10","max_payload":1024}\r\n')
            heard.extend(await reader.read(1024))

        relay.script = listen
        url = f"tls://127.0.0.1:{relay.port}"
        async with adapter(url, tools, token="s3cret") as destination:
            failed = await failure(destination)
            await until(lambda: not relay._open)
    assert failed.reason is Reason.TLS
    assert "offers no TLS" in failed.detail
    assert heard == b""


# Connections


async def test_one_connection_serves_all_and_a_new_one_follows_a_lost_one(server_of, tools):
    async with server_of() as server, Relay(server.port) as relay:
        async with adapter(f"nats://127.0.0.1:{relay.port}", tools) as destination:
            await asyncio.gather(*(destination.deliver(make_message(), NatsAddress()) for _ in range(20)))
            assert relay.connections == 1
            relay.drop()
            await until(lambda: destination._connection is None or destination._connection.lost.done())
            await destination.deliver(make_message(), NatsAddress())
            assert relay.connections == 2


async def test_a_server_that_is_replaced_is_found_again(server_of, tools):
    async with server_of() as server, Relay(server.port) as relay:
        async with adapter(f"nats://127.0.0.1:{relay.port}", tools) as destination:
            await destination.deliver(make_message(), NatsAddress())
            server.end()
            first = await failure(destination)
            assert first.reason in {Reason.UNAVAILABLE, Reason.AMBIGUOUS}
            await server.start()
            relay._to = server.port

            async def delivers() -> bool:
                try:
                    return (await destination.deliver(make_message(), NatsAddress())).code == "acked"
                except DeliveryFailed:
                    return False

            await until_async(delivers)


async def test_a_server_that_is_none_is_told(server_of, tools):
    async def speak_http(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read(1024)

    async with Relay(1) as relay:
        relay.script = speak_http
        async with adapter(f"nats://127.0.0.1:{relay.port}", tools) as destination:
            failed = await failure(destination)
    assert failed.reason is Reason.UNAVAILABLE
    assert relay.connections == 1


async def test_a_server_that_says_nothing_is_a_timeout(tools):
    async def hang(reader, writer):
        await reader.read()

    async with Relay(1) as relay:
        relay.script = hang
        async with adapter(f"nats://127.0.0.1:{relay.port}", tools) as destination:
            type(destination).timeout, usual = 0.3, type(destination).timeout
            try:
                failed = await failure(destination)
            finally:
                type(destination).timeout = usual
    assert failed.reason is Reason.TIMEOUT


async def test_neighbours_that_a_server_names_are_never_dialled(tools, clock):
    """They never passed the guard: only the configured server is."""
    dialled = []

    class Watching(GuardedDialer):
        async def open(self, host, port, timeout):
            dialled.append((host, port))
            return await super().open(host, port, timeout)

    async def name_neighbours(reader, writer):
        writer.write(
            b'INFO {"server_id":"X","version":"2.9.10","max_payload":9000,'
            b'"connect_urls":["10.0.0.1:4222"]}\r\n'
        )
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await writer.drain()
        writer.close()

    watching = replace(tools, dialer=Watching(Dialer(EgressPolicy.parse("127.0.0.0/8"), Loopback())))
    async with Relay(1) as relay:
        relay.script = name_neighbours
        async with adapter(f"nats://127.0.0.1:{relay.port}", watching, jetstream=False) as destination:
            for _ in range(2):
                await failure(destination)
    assert set(dialled) == {("127.0.0.1", relay.port)}


# Settings


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"url": "http://127.0.0.1:4222"}, "nats://host:port"),
        ({"url": "nats://user:pw@127.0.0.1"}, "credentials have fields"),
        ({"url": "nats://127.0.0.1:99999"}, "nats://host:port"),
        ({"user": "gw"}, "belong together"),
        ({"token": "t", "user": "u", "password": "p"}, "one way"),
        ({"subject": "tocsin.>"}, "letters, digits"),
        ({"subject": "tocsin..x"}, "letters, digits"),
        ({"subject": "$SYS.{type}"}, "letters, digits"),
        ({"subject": "tocsin.{secret}"}, "there is no field"),
        ({"subject": "t" * 201}, "longer than"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, fault):
    with pytest.raises(ValidationError, match=fault):
        NatsConfig(**{"url": "nats://127.0.0.1", **settings})


def test_the_port_is_known_to_the_guard():
    assert NatsConfig(url="tls://nats.example").endpoints() == (Endpoint("nats.example", 4222),)
    assert NatsConfig(url="nats://[::1]:5222").endpoints() == (Endpoint("::1", 5222),)


def test_a_password_without_tls_is_warned_of():
    assert NatsConfig(url="nats://127.0.0.1", token="t").warnings()
    assert not NatsConfig(url="tls://127.0.0.1", token="t").warnings()


@pytest.mark.parametrize("module", ["nats", "nkeys"])
async def test_without_the_extra_it_says_what_to_install(tools, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    async with adapter("nats://127.0.0.1:1", tools) as destination:
        failed = await failure(destination)
        with pytest.raises(DeliveryFailed, match="pip install"):
            await destination.prepare()
    assert failed.reason is Reason.MISCONFIGURED
    assert "pip install 'tocsin[nats]'" in failed.detail
