"""The transport against real servers on loopback, most of them hostile.

Faults F24 to F29 of the failure catalogue, keep-alive, the pool, and that the egress guard cannot be
talked into dialling an address it refuses.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from aiohttp import web

from gateway.domain.clock import SystemClock
from gateway.security.egress import Dialer, EgressPolicy, SystemResolver
from gateway.security.egress.resolver import getaddrinfo
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.transport import HttpRequest, InvalidUrl, Url, failure_of, parse_url
from gateway.transport import connection as connection_module
from gateway.transport.http import GuardedHttpClient
from gateway.transport.limits import Limits
from gateway.transport.sockets import GuardedDialer
from gateway.transport.tls import client_context
from tests.fakes.certificates import Authority
from tests.fakes.raw_server import Peer, RawServer, answering, answering_once

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\n"
SHORT = 0.3
"""Seconds, where the timeout itself is what is tested."""


class Answers:
    """A resolver with prepared answers, one list per question."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str) -> tuple[str, ...]:
        return self.answers.pop(0)

    async def close(self) -> None:
        pass


def make_client(
    allow: str = "127.0.0.0/8,[::1]/128", *, resolver=None, tls=None, **limits
) -> GuardedHttpClient:
    resolver = resolver or SystemResolver(SystemClock())
    dialer = GuardedDialer(Dialer(EgressPolicy.parse(allow), resolver))
    return GuardedHttpClient(dialer, user_agent="tocsin/test", tls=tls, limits=Limits(**limits))


@pytest.fixture
async def client():
    client = make_client()
    yield client
    await client.close()


def post(url: str | Url, body: bytes = b"{}", *, timeout: float = 5.0) -> HttpRequest:
    return HttpRequest(
        "POST", url if isinstance(url, Url) else parse_url(url), [("X-Test", "1")], body, timeout
    )


async def failing(client: GuardedHttpClient, request: HttpRequest) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        await client.send(request)
    return failure.value


# Plain exchanges


async def test_a_post_arrives_whole_and_its_answer_comes_back(client):
    async with RawServer(answering(OK)) as server:
        answer = await client.send(post(server.url("/hook?a=%2F"), b'{"a":1}'))
    assert (answer.status, answer.body, answer.truncated) == (200, b"ok", False)
    assert server.requests == [
        f"POST /hook?a=%2F HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Test: 1\r\n"
        'User-Agent: tocsin/test\r\nContent-Length: 7\r\n\r\n{"a":1}'.encode()
    ]


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", b"1\r\n!\r\n", b"0\r\n\r\n"], b"ok!"),
        ([HEAD + b"Content-Length: 3\r\n", b"\r\n", b"ok", b"!"], b"ok!"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", OK], b"ok"),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"], b"ok"),
    ],
)
async def test_answers_in_all_forms_are_read(client, pieces, body):
    async with RawServer(answering_once(*pieces)) as server:
        answer = await client.send(post(server.url()))
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("head", [HEAD, b"HTTP/1.0 200 OK\r\n"])
async def test_an_answer_may_end_with_the_connection(client, head):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head + b"\r\nuntil close")

    async with RawServer(script) as server:
        answer = await client.send(post(server.url()))
    assert (answer.body, answer.truncated) == (b"until close", False)


async def test_a_hundred_requests_at_once_get_each_its_own_answer(client):
    async def echo(request: web.Request) -> web.Response:
        body = await request.read()
        return web.Response(text=f"{request.query['n']} {hashlib.sha256(body).hexdigest()}")

    application = web.Application(client_max_size=2**21)
    application.router.add_post("/", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    async def one(number: int) -> None:
        body = bytes([number]) * (number * 5000)
        answer = await client.send(post(f"http://127.0.0.1:{port}/?n={number}", body))
        assert answer.body.decode() == f"{number} {hashlib.sha256(body).hexdigest()}"

    await asyncio.gather(*(one(number) for number in range(100)))
    await runner.cleanup()


async def test_a_megabyte_goes_to_a_reader_that_takes_its_time(client):
    async def script(peer: Peer) -> None:
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 1048576\r\n" in head
        for _ in range(64):
            await peer.reader.readexactly(16_384)
            await asyncio.sleep(0)
        await peer.send(OK)

    async with RawServer(script) as server:
        answer = await client.send(post(server.url(), b"x" * 1_048_576))
    assert answer.status == 200


async def test_a_head_request_waits_for_no_body(client):
    async with RawServer(answering_once(HEAD + b"Content-Length: 500\r\n\r\n")) as server:
        answer = await client.send(HttpRequest("HEAD", parse_url(server.url())))
    assert (answer.status, answer.body) == (200, b"")


async def test_no_proxy_of_the_environment_is_used(client, monkeypatch):
    async with RawServer(answering(OK)) as server, RawServer(answering(OK)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        await client.send(post(server.url()))
    assert (server.connections, proxy.connections) == (1, 0)


# Hostile answers: F24 to F27


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(client, status):
    async with RawServer(answering(OK)) as target:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {target.url()}\r\nContent-Length: 0\r\n\r\n"
        async with RawServer(answering(moved.encode())) as server:
            answer = await client.send(post(server.url()))
    assert failure_of(answer, time.time()).reason is Reason.REJECTED
    assert (len(server.requests), target.connections) == (1, 0)


async def test_a_server_that_never_answers_is_ambiguous_when_the_time_is_over(client):
    async with RawServer(answering_once()) as server:
        began = time.monotonic()
        failure = await failing(client, post(server.url(), timeout=SHORT))
        took = time.monotonic() - began
        await server.finished.wait()
    assert (failure.reason, failure.detail) == (
        Reason.AMBIGUOUS,
        f"127.0.0.1:{server.port}: no whole answer in time",
    )
    assert SHORT - 0.05 <= took <= SHORT + 0.5


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b"H"),
        (HEAD, b"X: y\r\n"),
        (HEAD + b"Content-Length: 10000\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
)
async def test_a_dripping_answer_ends_with_the_total_timeout(client, begin, drop):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(begin)
        await peer.drip(drop, 0.02)

    async with RawServer(script) as server:
        began = time.monotonic()
        failure = await failing(client, post(server.url(), timeout=SHORT))
        took = time.monotonic() - began
        await server.finished.wait()
    assert failure.reason is Reason.AMBIGUOUS
    assert took <= SHORT + 0.5


@pytest.mark.parametrize(
    "wire",
    [
        b"garbage\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        HEAD + b"A: b\x00c\r\n\r\n",
        HEAD + b"A: b\r\n" * 201 + b"Content-Length: 0\r\n\r\n",
        HEAD + b"A: " + b"b" * 1_000_000 + b"\r\n\r\n",
    ],
    ids=["garbage", "smtp", "000", "101", "smuggling", "two lengths", "nul", "header flood", "1 MB header"],
)
async def test_an_unreadable_answer_is_ambiguous_at_once(client, wire):
    async with RawServer(answering_once(wire)) as server:
        began = time.monotonic()
        failure = await failing(client, post(server.url()))
        took = time.monotonic() - began
        await server.finished.wait()
    assert failure.reason is Reason.AMBIGUOUS
    assert "no readable answer" in failure.detail
    assert failure.status is None
    assert took < 1


@pytest.mark.parametrize(
    ("begin", "flood"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"", b"\r\n" * 500),
        (b"HTTP/1.1 200 ", b"x" * 1000),
        (HEAD + b"A: ", b"x" * 1000),
        (HEAD, b"A: b\r\n" * 100),
    ],
    ids=["interim answers", "empty lines", "phrase", "header value", "headers"],
)
async def test_a_head_without_end_is_cut_off(client, begin, flood):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(begin)
        await peer.flood(flood)

    async with RawServer(script) as server:
        failure = await failing(client, post(server.url()))
        await server.finished.wait()
    assert failure.reason is Reason.AMBIGUOUS


async def test_a_status_outside_http_counts_as_a_server_error_and_its_phrase_is_cleaned(client):
    async with RawServer(answering(b"HTTP/1.1 999 O\x00\x1b[2JK\r\nContent-Length: 0\r\n\r\n")) as server:
        answer = await client.send(post(server.url()))
    failure = failure_of(answer, time.time())
    assert (failure.reason, failure.detail) == (Reason.UNAVAILABLE, "answered 999 O [2JK")


async def closing(peer: Peer) -> None:
    pass


async def resetting(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("end", [closing, resetting])
@pytest.mark.parametrize(
    "begin", [b"", b"HTTP/1.1 20", HEAD + b"X: y\r\n", HEAD + b"Content-Length: 9\r\n\r\nhalf"]
)
async def test_a_yes_that_is_cut_off_is_ambiguous(client, begin, end):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(begin)
        await end(peer)

    async with RawServer(script) as server:
        failure = await failing(client, post(server.url()))
    assert failure.reason is Reason.AMBIGUOUS
    assert server.connections == 1


async def test_what_a_cut_off_yes_had_said_is_kept(client):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"Content-Length: 9\r\n\r\nhalf")

    async with RawServer(script) as server:
        failure = await failing(client, post(server.url()))
    assert (failure.status, failure.excerpt) == (200, "half")


@pytest.mark.parametrize("end", [closing, resetting])
async def test_a_no_is_believed_even_if_its_body_is_cut_off(client, end):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 900\r\n\r\n")
        await end(peer)

    async with RawServer(script) as server:
        try:
            answer = await client.send(post(server.url()))
        except DeliveryFailed as failure:
            # A reset may overtake the bytes that were sent before it.
            assert (end, failure.reason) == (resetting, Reason.AMBIGUOUS)
            return
    assert (answer.status, answer.truncated) == (429, True)
    assert failure_of(answer, time.time()).retry_after == 7


@pytest.mark.parametrize(
    ("framing", "flood", "body"),
    [
        (b"Content-Length: 1000000000\r\n\r\n", b"x" * 65_536, b"x" * 16_384),
        (b"\r\n", b"x" * 65_536, b"x" * 16_384),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"8\r\nabcdefgh\r\n" * 1000, b"abcdefgh" * 2048),
        (b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65_536, b""),
    ],
    ids=["length", "until close", "chunked", "chunk extension"],
)
async def test_an_answer_without_end_is_cut_and_the_connection_closed(client, framing, flood, body):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + framing)
        await peer.flood(flood)

    async with RawServer(script) as server:
        began = time.monotonic()
        answer = await client.send(post(server.url()))
        took = time.monotonic() - began
        await server.finished.wait()
    assert (answer.status, answer.body, answer.truncated) == (200, body, True)
    assert took < 1


async def test_a_gzip_bomb_stays_compressed(client):
    bomb = gzip.compress(b"\x00" * 20_000_000)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with RawServer(answering_once(head + bomb)) as server:
        answer = await client.send(post(server.url()))
    assert answer.body == bomb[:16_384]
    assert answer.truncated
    assert answer.text == ""
    assert b"accept-encoding" not in server.requests[0].lower()


# Keep-alive and the pool


async def test_a_connection_is_used_again(client):
    async with RawServer(answering(OK)) as server:
        for _ in range(5):
            await client.send(post(server.url()))
    assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok",
        OK + b"surplus",
        OK + OK,
        HEAD + b"Content-Length: 20000\r\n\r\n" + b"x" * 20_000,
    ],
    ids=["close", "1.0", "about to close", "surplus", "second answer", "truncated"],
)
async def test_a_connection_that_cannot_be_trusted_is_not_used_again(client, wire):
    async with RawServer(answering(wire)) as server:
        for _ in range(2):
            assert (await client.send(post(server.url()))).status == 200
    assert server.connections == 2


async def test_bytes_that_come_between_two_exchanges_are_no_answer(client):
    more = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await more.wait()
        await peer.send(b"HTTP/1.1 200 FORGED\r\nContent-Length: 6\r\n\r\nforged")
        await peer.until_closed()

    async with RawServer(script) as server:
        await client.send(post(server.url()))
        more.set()
        await server.finished.wait()
        answer = await client.send(post(server.url()))
    assert answer.body == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize("surplus", [b"", b"HTTP/1.1 200 FORGED\r\nContent-Length: 0\r\n\r\n"])
async def test_a_connection_that_ended_while_it_rested_is_replaced_unseen(monkeypatch, client, surplus):
    """The server is a thread, and the loop does not run between its close and our next write."""
    monkeypatch.setattr(connection_module, "_TRUST_SECONDS", 0.0)
    listener = socket.create_server(("127.0.0.1", 0))
    answered, close = threading.Event(), threading.Event()

    def serve() -> None:
        first, _ = listener.accept()
        with first:
            first.recv(65_536)
            first.sendall(OK)
            answered.set()
            close.wait(5)
            first.sendall(surplus)

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    assert (await client.send(post(url))).body == b"ok"
    close.set()
    thread.join(5)
    listener.close()
    # The port is closed: being refused shows that a new connection was tried, and nothing was ambiguous.
    assert (await failing(client, post(url))).reason is Reason.UNAVAILABLE


async def test_a_request_that_dies_on_a_used_connection_is_ambiguous_and_not_sent_twice(client):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()

    async with RawServer(script) as server:
        await client.send(post(server.url()))
        failure = await failing(client, post(server.url()))
    assert failure.reason is Reason.AMBIGUOUS
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_resting_connections_are_closed_after_their_time():
    client = make_client(idle_seconds=0.0)
    async with RawServer(answering(OK)) as server:
        for _ in range(2):
            await client.send(post(server.url()))
    assert server.connections == 2
    await client.close()


async def test_old_connections_are_replaced():
    client = make_client(connection_seconds=0.0)
    async with RawServer(answering(OK)) as server:
        for _ in range(2):
            await client.send(post(server.url()))
    assert server.connections == 2
    await client.close()


async def test_the_oldest_resting_connection_goes_when_there_are_too_many():
    client = make_client(idle_connections=1)
    async with RawServer(answering(OK)) as first, RawServer(answering(OK)) as second:
        await client.send(post(first.url()))
        await client.send(post(second.url()))
        await first.finished.wait()
        await client.send(post(second.url()))
        await client.send(post(first.url()))
        assert (first.connections, second.connections) == (2, 1)
    await client.close()


async def test_connections_per_origin_are_bounded_and_shared_by_those_who_wait():
    client = make_client(connections_per_origin=2)
    async with RawServer(answering(OK)) as server:
        answers = await asyncio.gather(*(client.send(post(server.url())) for _ in range(50)))
    assert {answer.status for answer in answers} == {200}
    assert (server.connections, len(server.requests)) == (2, 50)
    await client.close()


async def test_who_waits_for_a_place_gets_it_when_a_connection_closes():
    client = make_client(connections_per_origin=1)
    wire = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with RawServer(answering(wire)) as server:
        answers = await asyncio.gather(*(client.send(post(server.url())) for _ in range(10)))
    assert len(answers) == server.connections == 10
    await client.close()


async def test_a_request_that_never_got_a_connection_is_a_timeout_and_was_not_sent():
    client = make_client(connections_per_origin=1, waiting_per_origin=1)
    async with RawServer(answering_once()) as server:
        hanging = asyncio.create_task(failing(client, post(server.url(), timeout=SHORT * 2)))
        waiting = asyncio.create_task(failing(client, post(server.url(), timeout=SHORT)))
        await asyncio.sleep(0)
        too_many = await failing(client, post(server.url()))
        assert too_many.reason is Reason.UNAVAILABLE
        assert (await waiting).reason is Reason.TIMEOUT
        assert (await hanging).reason is Reason.AMBIGUOUS
        assert len(server.requests) == 1
    await client.close()


async def test_a_cancelled_request_takes_its_connection_with_it():
    client = make_client(connections_per_origin=1)
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.until_closed()

    async with RawServer(script) as server:
        task = asyncio.create_task(client.send(post(server.url())))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.finished.wait()
        again = asyncio.create_task(client.send(post(server.url(), timeout=SHORT)))
        with pytest.raises(DeliveryFailed):
            await again
    assert server.connections == 2
    await client.close()


async def test_a_cancelled_waiter_leaves_its_turn_to_the_next():
    client = make_client(connections_per_origin=1)
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await go.wait()
            await peer.send(OK)

    async with RawServer(script) as server:
        tasks = [asyncio.create_task(client.send(post(server.url()))) for _ in range(3)]
        while not server.requests:
            await asyncio.sleep(0)
        tasks[1].cancel()
        go.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert [done[0].status, done[2].status] == [200, 200]
    await client.close()


async def test_closing_ends_busy_and_resting_connections():
    client = make_client()
    async with RawServer(answering(OK)) as resting, RawServer(answering_once()) as busy:
        await client.send(post(resting.url()))
        task = asyncio.create_task(failing(client, post(busy.url())))
        while not busy.requests:
            await asyncio.sleep(0)
        await client.close()
        assert (await task).reason is Reason.AMBIGUOUS
        await resting.finished.wait()
        await busy.finished.wait()
        assert (await failing(client, post(resting.url()))).reason is Reason.UNAVAILABLE


# No connection: F28


async def test_a_closed_port_is_unavailable(client):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    failure = await failing(client, post(f"http://127.0.0.1:{port}/"))
    assert failure.reason is Reason.UNAVAILABLE
    assert "connection refused" in failure.detail


async def test_a_host_that_takes_no_connection_is_a_timeout(client):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        failure = await failing(client, post(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=SHORT))
        for filler in fillers:
            filler.close()
    assert failure.reason is Reason.TIMEOUT


async def test_the_next_address_is_tried_when_one_does_not_answer():
    async with RawServer(answering(OK)) as server:
        client = make_client(resolver=Answers(("127.0.0.77", "127.0.0.1")))
        assert (await client.send(post(f"http://two.test:{server.port}/"))).status == 200
        await client.close()


async def test_a_name_that_does_not_resolve_is_unavailable():
    def unknown(host: str):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = make_client(resolver=SystemResolver(SystemClock(), unknown))
    failure = await failing(client, post("http://nowhere.test/s3cret"))
    assert failure.reason is Reason.UNAVAILABLE
    assert "nowhere.test" in failure.detail
    assert "s3cret" not in str(failure)
    await client.close()


async def test_a_name_that_nobody_answers_for_costs_others_nothing():
    release = threading.Event()

    def lookup(host: str):
        if host == "dead.test":
            release.wait(5)
            return ()
        return ("127.0.0.1",)

    client = make_client(resolver=SystemResolver(SystemClock(), lookup))
    async with RawServer(answering(OK)) as server:
        dead = [
            asyncio.create_task(failing(client, post("http://dead.test/", timeout=SHORT))) for _ in range(60)
        ]
        for number in range(20):
            assert (await client.send(post(f"http://alive{number}.test:{server.port}/"))).status == 200
        assert {failure.reason for failure in await asyncio.gather(*dead)} == {Reason.UNAVAILABLE}
    release.set()
    await client.close()


# TLS: F29


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def tls_client(authority):
    client = make_client(tls=client_context(authority.file), resolver=Answers(*[("127.0.0.1",)] * 5))
    yield client
    await client.close()


async def test_a_verified_server_gets_the_request_and_the_connection_lasts(authority, tls_client):
    async with RawServer(answering(OK), tls=authority.server("good.test")) as server:
        for _ in range(3):
            answer = await tls_client.send(post(f"https://good.test:{server.port}/"))
            assert (answer.status, answer.body) == (200, b"ok")
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_a_certificate_may_name_an_address(authority, tls_client):
    async with RawServer(answering(OK), tls=authority.server("127.0.0.1")) as server:
        assert (await tls_client.send(post(server.url()))).status == 200


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({"names": ["other.test"]}, "hostname mismatch"),
        ({"names": ["127.0.0.1"]}, "hostname mismatch"),
        ({"names": ["good.test"], "days": (-10, -1)}, "expired"),
        ({"names": ["good.test"], "days": (1, 10)}, "not yet valid"),
        ({"names": ["good.test"], "self_signed": True}, "self-signed"),
    ],
)
async def test_a_certificate_that_does_not_verify_gets_not_one_byte(
    authority, tls_client, certificate, words
):
    certificate = dict(certificate)
    context = authority.server(*certificate.pop("names"), **certificate)
    async with RawServer(answering(OK), tls=context) as server:
        failure = await failing(tls_client, post(f"https://good.test:{server.port}/"))
    assert failure.reason is Reason.TLS
    assert words in failure.detail.lower()
    assert server.requests == []


async def test_an_unknown_authority_is_not_trusted(authority):
    client = make_client(resolver=Answers(("127.0.0.1",)))
    async with RawServer(answering(OK), tls=authority.server("good.test")) as server:
        failure = await failing(client, post(f"https://good.test:{server.port}/"))
    assert (failure.reason, server.requests) == (Reason.TLS, [])
    await client.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_an_old_protocol_is_refused(authority, tls_client):
    context = authority.server("good.test")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with RawServer(answering(OK), tls=context) as server:
        failure = await failing(tls_client, post(f"https://good.test:{server.port}/"))
    assert (failure.reason, server.requests) == (Reason.TLS, [])


async def test_a_stalled_handshake_is_a_timeout_and_nothing_was_sent(tls_client):
    received = []

    async def script(peer: Peer) -> None:
        received.append(await peer.until_closed())

    async with RawServer(script) as server:
        failure = await failing(tls_client, post(f"https://good.test:{server.port}/s3cret", timeout=SHORT))
        await server.finished.wait()
    assert (failure.reason, "handshake" in failure.detail) == (Reason.TIMEOUT, True)
    assert b"s3cret" not in received[0]


async def test_a_server_without_tls_is_named_as_such(tls_client):
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await peer.until_closed()

    async with RawServer(script) as server:
        failure = await failing(tls_client, post(f"https://good.test:{server.port}/"))
    assert failure.reason is Reason.TLS
    assert "plain http" in failure.detail


@pytest.mark.parametrize("end", [closing, resetting])
async def test_a_handshake_that_the_peer_breaks_off_is_a_tls_failure(tls_client, end):
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await end(peer)

    async with RawServer(script) as server:
        failure = await failing(tls_client, post(f"https://good.test:{server.port}/"))
    assert failure.reason is Reason.TLS


async def test_a_yes_over_tls_that_is_cut_off_is_ambiguous(authority, tls_client):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"Content-Length: 9\r\n\r\nhalf")

    async with RawServer(script, tls=authority.server("good.test")) as server:
        failure = await failing(tls_client, post(f"https://good.test:{server.port}/"))
    assert (failure.reason, failure.status) == (Reason.AMBIGUOUS, 200)


# The guard

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.1",
    "127.0.0.01",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1.nip.test",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:1::1]",
    "[2001:0:7f00:1::]",
    "[::1%1]",
    "[::1%25lo]",
    "[fe80::1%lo]",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "ⓛocalhost",
    "user@127.0.0.1",
    "example.com@127.0.0.1",
    "127.0.0.1\t",
    "127.\r\n0.0.1",
    "127.0.0.1\\@example.com",
    "%31%32%37.0.0.1",
]


def local_lookup(host: str):
    """The system's resolver for what it can answer by itself, and a public name that points inwards."""
    if host == "127.0.0.1.nip.test":
        return ("127.0.0.1",)
    return getaddrinfo(host)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_loopback_reaches_it(spelling):
    client = make_client("", resolver=SystemResolver(SystemClock(), local_lookup))
    async with RawServer(answering(OK)) as server:
        try:
            failure = await failing(client, post(f"http://{spelling}:{server.port}/"))
            assert failure.reason is Reason.BLOCKED_ADDRESS
        except InvalidUrl:
            pass
    assert server.connections == 0
    await client.close()


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_gets_past_the_dialer_either(spelling):
    """What the URL check catches first, the guard at the socket refuses by itself."""
    dialer = GuardedDialer(Dialer(EgressPolicy(), SystemResolver(SystemClock(), local_lookup)))
    async with RawServer(answering(OK)) as server:
        with pytest.raises(DeliveryFailed) as failure:
            await dialer.open(spelling.strip("[]"), server.port, 1.0)
    assert failure.value.reason in (Reason.BLOCKED_ADDRESS, Reason.UNAVAILABLE)
    assert server.connections == 0


async def test_loopback_by_its_numbers_is_what_the_system_makes_of_them():
    """Shows that the spellings above are live ammunition: without the guard they do reach the server."""
    reached = 0
    async with RawServer(answering(OK)) as server:
        for spelling in ("127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7f000001"):
            assert [ipaddress.ip_address(each) for each in getaddrinfo(spelling)] == [
                ipaddress.ip_address("127.0.0.1")
            ]
            client = make_client("127.0.0.1/32")
            dialer = GuardedDialer(Dialer(EgressPolicy.parse("127.0.0.1/32"), SystemResolver(SystemClock())))
            (await dialer.open(spelling, server.port, 1.0)).close()
            reached += 1
            await client.close()
    assert reached == 5


async def test_the_line_that_a_refusal_names_opens_exactly_that():
    async with RawServer(answering(OK)) as server, RawServer(answering(OK)) as other:
        client = make_client("")
        failure = await failing(client, post(server.url()))
        assert failure.reason is Reason.BLOCKED_ADDRESS
        _, _, entry = failure.detail.partition("TOCSIN_ALLOW_NETWORKS=")
        assert entry == f"127.0.0.1/32:{server.port}"
        await client.close()

        opened = make_client(entry)
        assert (await opened.send(post(server.url()))).status == 200
        assert (await failing(opened, post(other.url()))).reason is Reason.BLOCKED_ADDRESS
        await opened.close()
    assert (server.connections, other.connections) == (1, 0)


async def test_a_rebinding_name_is_checked_at_every_connection():
    """The name answers with a permitted address first and with a forbidden one then; 127.0.0.2 stands for
    the public address."""
    wire = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with RawServer(answering(wire), host="127.0.0.2") as permitted:
        resolver = Answers(("127.0.0.2",), ("127.0.0.1",), ("127.0.0.1", "127.0.0.2"))
        client = make_client(f"127.0.0.2/32:{permitted.port}", resolver=resolver)
        reached = []
        forbidden = await asyncio.start_server(lambda *_: reached.append(1), "127.0.0.1", permitted.port)
        async with forbidden:
            url = f"http://rebinding.test:{permitted.port}/"
            assert (await client.send(post(url))).status == 200
            assert (await failing(client, post(url))).reason is Reason.BLOCKED_ADDRESS
            assert (await client.send(post(url))).status == 200
        assert (permitted.connections, reached) == (2, [])
        await client.close()
