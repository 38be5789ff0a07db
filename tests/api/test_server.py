"""The listener over real sockets: one form of errors, hostile bytes, slow clients, caps, an orderly end."""

import asyncio
import logging
import socket
import struct

import pytest
import structlog
from aiohttp import http_parser, web

from gateway.api.body import read_body
from gateway.api.connection import MAX_FIELD_BYTES
from gateway.api.endpoint import Api, RawEndpoint
from gateway.api.server import Server, trace_of
from gateway.domain.errors import (
    ConfigurationError,
    Conflict,
    HeadTooLarge,
    Invalid,
    Malformed,
    OutOfSpace,
    Problem,
    Refused,
    TooMany,
    Unauthorized,
    Unavailable,
)
from gateway.telemetry.metrics import Metrics
from tests.api.serving import ask, connected, raw, request, serving
from tests.waiting import until

LIMIT = 0.3
SLOW = {"head_seconds": LIMIT, "idle_seconds": LIMIT}
BODY_LIMIT = 100_000


def application(**handlers):
    """POST or GET /<name> for each handler, and /take, which reads a body."""

    async def take(request):
        body = await read_body(request, BODY_LIMIT, LIMIT)
        return web.json_response({"bytes": len(body), "headers": len(request.raw_headers)}, status=202)

    app = web.Application()
    for name, handler in {"take": take, **handlers}.items():
        app.router.add_route("*", f"/{name}", handler)
    return app


def raising(error):
    async def handler(request):
        raise error

    return handler


async def quick(request):
    return web.json_response({"trace": trace_of(request)})


# What errors become


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (
            Malformed("attribute_missing", "`id` is missing", pointer="/id", expected="a string"),
            400,
            "attribute_missing",
        ),
        (Unauthorized("unauthorized", "this needs a key"), 401, "unauthorized"),
        (Conflict("source_exists", "there is one already"), 409, "source_exists"),
        (Invalid("schema_violated", "the data does not fit"), 422, "schema_violated"),
        (TooMany("rate_limited", "too many", retry_after=7), 429, "rate_limited"),
        (HeadTooLarge("too_many_headers", "200 headers"), 431, "too_many_headers"),
        (Unavailable("stopping", "not now", retry_after=1), 503, "stopping"),
        (OutOfSpace("disk_full", "the disk is full"), 507, "disk_full"),
        (web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2), 413, "body_too_large"),
        (web.HTTPGone(), 410, "gone"),
        (web.HTTPInternalServerError(), 500, "internal_server_error"),
        (KeyError("secret"), 500, "internal_error"),
        (TimeoutError(), 500, "internal_error"),
        (ConnectionResetError("store"), 500, "internal_error"),
    ],
)
async def test_every_exception_becomes_the_one_error_body(error, status, code):
    async with serving(application(fail=raising(error))) as (_, port):
        answer = await ask(port, "GET", "/fail")
    body = answer.json
    assert answer.status == body["status"] == body["status_code"] == status
    assert body["code"] == body["errors"][0]["code"] == code
    assert body["type"] == f"urn:tocsin:error:{code}"
    assert body["problems"][0]["code"] == code
    assert body["trace"] == answer.headers["x-request-id"] == answer.headers["x-global-transaction-id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.body.decode()


async def test_a_problem_says_where_it_is_and_what_would_be_right():
    problems = [
        Problem("attribute_missing", "`id` is missing", "/id", "a non-empty string"),
        Problem("uri_invalid", "`dataschema` is no URI", "/dataschema", "an absolute URI"),
    ]
    async with serving(application(fail=raising(Malformed.of(problems)))) as (_, port):
        body = (await ask(port, "GET", "/fail")).json
    assert body["problems"][1] == {
        "code": "uri_invalid",
        "detail": "`dataschema` is no URI",
        "pointer": "/dataschema",
        "expected": "an absolute URI",
    }
    assert body["errors"][0]["message"] == "/id: `id` is missing (expected: a non-empty string)"


async def test_a_refusal_that_may_pass_says_when_to_come_back():
    async with serving(application(fail=raising(Unavailable("busy", "not now", retry_after=7)))) as (_, port):
        assert (await ask(port, "GET", "/fail")).headers["retry-after"] == "7"


async def test_an_unexpected_error_is_logged_once_under_its_trace():
    async with serving(application(fail=raising(KeyError("boom")))) as (_, port):
        with structlog.testing.capture_logs() as lines:
            answer = await ask(port, "GET", "/fail")
    failed = [line for line in lines if line["log_level"] == "error"]
    assert [line["event"] for line in failed] == ["request.failed"]
    assert failed[0]["trace"] == answer.json["trace"]


async def test_refusals_are_counted_by_code():
    metrics = Metrics()
    server = Server(application(), "127.0.0.1", 0, metrics=metrics)
    _, port = await server.start()
    await ask(port, "GET", "/nowhere")
    await raw(port, b"BROKEN\r\n\r\n")
    await server.stop(1.0)
    counts = metrics.render().decode()
    assert 'tocsin_requests_refused_total{code="route_not_found"} 1.0' in counts
    assert 'tocsin_requests_refused_total{code="http_malformed"} 1.0' in counts


async def test_every_answer_carries_its_trace_and_no_software_version():
    async with serving(application(quick=quick)) as (_, port):
        answer = await ask(port, "GET", "/quick")
    assert answer.json["trace"] == answer.headers["x-request-id"] == answer.headers["x-global-transaction-id"]
    assert answer.headers["server"] == "tocsin"


async def test_a_redirect_is_no_error():
    async with serving(application(moved=raising(web.HTTPFound("/quick")))) as (_, port):
        answer = await ask(port, "GET", "/moved")
    assert (answer.status, answer.headers["location"]) == (302, "/quick")


@pytest.fixture
def ibm_application():
    app = web.Application()
    endpoints = [
        RawEndpoint(
            method="GET",
            path="/v1/instances/{instance_id}/topics",
            handler=quick,
            summary="",
            tag="",
            ibm=True,
        ),
        RawEndpoint(
            method="GET", path="/v1/instances/{instance_id}/events", handler=quick, summary="", tag=""
        ),
    ]
    Api(endpoints).mount(app, lambda endpoint: None)
    return app


@pytest.mark.parametrize(
    ("path", "status", "content_type"),
    [
        ("/nowhere", 404, "application/problem+json"),
        ("/v1/instances/x/events/y", 404, "application/problem+json"),
        ("/v1/instances/x/topics/y/z", 404, "application/json"),
        ("/event-notifications/nowhere", 404, "application/json"),
        ("/event-notifications/v1/instances/x/events", 404, "application/json"),
    ],
)
async def test_errors_are_plain_json_where_clients_of_ibm_look(ibm_application, path, status, content_type):
    async with serving(ibm_application) as (_, port):
        answer = await ask(port, "GET", path)
        assert (answer.status, answer.headers["content-type"]) == (status, content_type)
        assert answer.json["errors"][0]["message"]


async def test_a_raw_endpoint_of_ibm_answers_below_both_prefixes(ibm_application):
    async with serving(ibm_application) as (_, port):
        for prefix in ("", "/event-notifications"):
            assert (await ask(port, "GET", f"{prefix}/v1/instances/x/topics")).status == 200


async def test_a_wrong_method_is_told_the_right_ones(ibm_application):
    async with serving(ibm_application) as (_, port):
        answer = await ask(port, "DELETE", "/v1/instances/x/topics")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json["problems"][0]["expected"] == "one of GET, HEAD"


async def test_head_is_answered_like_get_without_the_body(ibm_application):
    async with serving(ibm_application) as (_, port), connected(port) as client:
        found = await client.request("HEAD", "/v1/instances/x/topics")
        missing = await client.request("HEAD", "/nowhere")
        assert (found.status, missing.status) == (200, 404)
        assert int(missing.headers["content-length"]) > 0
        assert (await client.request("GET", "/v1/instances/x/topics")).status == 200


# Bodies


async def test_a_body_is_read_however_it_is_cut():
    async with serving(application()) as (_, port):
        whole = request("POST", "/take", b"x" * 5000)
        for cut in (1, 30, len(whole) - 5001, len(whole) - 5000, len(whole) - 1):
            assert (await raw(port, whole[:cut], whole[cut:])).json["bytes"] == 5000


async def test_a_chunked_body_is_read():
    async with serving(application()) as (_, port):
        head = b"POST /take HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await raw(port, head, b"5\r\nhello\r\n", b"3\r\nyou\r\n0\r\n\r\n")).json["bytes"] == 8


@pytest.mark.parametrize(
    "sent",
    [
        request("POST", "/take", b"x" * (BODY_LIMIT + 1)),
        b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: 10000000000\r\n\r\nx",
        b"POST /take HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4000\r\n"
        + b"x" * 16384
        + b"\r\n4000\r\n"
        + b"x" * 16384
        + b"\r\n"
        + (b"4000\r\n" + b"x" * 16384 + b"\r\n") * 6,
    ],
)
async def test_a_body_over_the_limit_is_413(sent):
    async with serving(application()) as (_, port):
        answer = await raw(port, sent)
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


async def test_a_badly_framed_body_is_400():
    async with serving(application()) as (_, port):
        answer = await raw(
            port, b"POST /take HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\nhello\r\n"
        )
    assert answer.status == 400


async def test_an_endless_refused_body_ends_the_connection():
    async with serving(application(), max_body_bytes=BODY_LIMIT) as (server, port), connected(port) as client:
        await client.send(b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: 10000000000\r\n\r\n")
        assert (await client.answer()).status == 413
        with pytest.raises(ConnectionError):
            while True:
                await client.send(b"x" * 65536)
        await until(lambda: server.connections == 0)


async def test_pipelined_requests_are_answered_in_order():
    async with serving(application()) as (_, port), connected(port) as client:
        await client.send(b"".join(request("POST", "/take", b"x" * size) for size in range(1, 80)))
        assert [(await client.answer()).json["bytes"] for _ in range(1, 80)] == list(range(1, 80))


async def test_pipelined_large_bodies_are_not_taken_for_heads():
    async with serving(application()) as (_, port), connected(port) as client:
        sending = asyncio.create_task(client.send(*[request("POST", "/take", b"x" * BODY_LIMIT)] * 20))
        assert [(await client.answer()).json["bytes"] for _ in range(20)] == [BODY_LIMIT] * 20
        await sending


# Heads


async def test_a_header_of_200_kib_is_read():
    async with serving(application()) as (_, port):
        answer = await ask(port, "POST", "/take", b"x", ce_note="v" * (MAX_FIELD_BYTES - 100))
    assert answer.status == 202


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"A": "v" * (MAX_FIELD_BYTES + 1)}, 431, "head_too_large"),
        ({f"A{number}": "v" * 100_000 for number in range(3)}, 431, "head_too_large"),
        ({f"A{number}": "v" for number in range(200)}, 431, "too_many_headers"),
    ],
)
async def test_a_head_over_a_limit_is_431(headers, status, code):
    async with serving(application()) as (_, port):
        answer = await ask(port, "POST", "/take", **headers)
    assert (answer.status, answer.json["code"]) == (status, code)


async def test_a_flood_of_header_bytes_is_refused_before_it_is_kept():
    async with serving(application()) as (server, port), connected(port) as client:
        await client.send(b"GET /take HTTP/1.1\r\n")
        for number in range(40):
            await client.send(b"A%d: " % number + b"v" * 10_000 + b"\r\n")
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close")
        assert answer.json["trace"] == answer.headers["x-request-id"]
        assert await client.closed() == b""
        await until(lambda: server.connections == 0)


async def test_the_bytes_of_a_head_are_counted_for_each_request_anew():
    async with serving(application()) as (_, port), connected(port) as client:
        for _ in range(4):
            assert (await client.request("POST", "/take", b"x" * 1000, note="v" * 150_000)).status == 202


async def test_a_request_line_over_the_limit_is_414():
    async with serving(application()) as (_, port):
        assert (await ask(port, "GET", "/" + "x" * 20_000)).json["code"] == "uri_too_long"


HOSTILE = {
    "length and chunked": b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "length with a sign": b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: +4\r\n\r\nabcd",
    "bare line feeds": b"GET /take HTTP/1.1\nHost: g\n\n",
    "two hosts": b"GET /take HTTP/1.1\r\nHost: g\r\nHost: h\r\n\r\n",
    "no host": b"GET /take HTTP/1.1\r\n\r\n",
    "unknown transfer encoding": b"POST /take HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "folded header": b"GET /take HTTP/1.1\r\nHost: g\r\nA: b\r\n c\r\n\r\n",
    "zero byte": b"GET /take HTTP/1.1\r\nHost: g\r\nA: b\0c\r\n\r\n",
    "space before the colon": b"GET /take HTTP/1.1\r\nHost : g\r\n\r\n",
    "no http": b"hello\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_is_no_clean_http_is_400_and_costs_no_log_line(sent, caplog):
    caplog.set_level(logging.DEBUG)
    async with serving(application()) as (_, port):
        async with connected(port) as client:
            with structlog.testing.capture_logs() as lines:
                await client.send(sent)
                answer = await client.answer()
                await client.closed()
    assert (answer.status, answer.json["code"]) == (400, "http_malformed")
    assert not lines
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("version", ["2.0", "0.9"])
async def test_only_http_1_is_spoken(version):
    async with serving(application()) as (_, port):
        answer = await raw(port, f"GET /take HTTP/{version}\r\nHost: g\r\n\r\n".encode())
    assert (answer.status, answer.json["code"]) == (505, "http_version_unsupported")


@pytest.mark.parametrize("line", ["CONNECT g:443", "OPTIONS *", "GET http://elsewhere/take/x", "GET /%zz%ff"])
async def test_odd_targets_are_not_found(line):
    async with serving(application()) as (_, port):
        answer = await raw(port, f"{line} HTTP/1.1\r\nHost: g\r\n\r\n".encode())
    assert answer.status == 404


async def test_an_upgrade_that_is_not_offered_is_ignored():
    async with serving(application(quick=quick)) as (_, port):
        answer = await ask(
            port, "GET", "/quick", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version="13"
        )
    assert answer.status == 200


# Slow and silent clients


@pytest.mark.parametrize("sent", [b"", b"GET /ta", b"GET /take HTTP/1.1\r\nHost: g\r\n"])
async def test_a_silent_client_is_cut_off(sent):
    async with serving(application(), **SLOW) as (server, port), connected(port) as client:
        await client.send(sent)
        started = asyncio.get_running_loop().time()
        assert await client.closed() == b""
        assert LIMIT * 0.5 < asyncio.get_running_loop().time() - started < LIMIT + 1
        await until(lambda: server.connections == 0)


async def drip(client, text):
    """Send byte by byte, faster than any limit on silence."""
    try:
        for byte in text:
            await client.send(bytes([byte]))
            await asyncio.sleep(LIMIT / 20)
    except ConnectionError:
        return


async def test_a_dripped_head_is_cut_off():
    async with serving(application(), **SLOW) as (_, port), connected(port) as client:
        dripping = asyncio.create_task(drip(client, b"GET /take HTTP/1.1\r\n" + b"A: b\r\n" * 1000))
        assert await client.closed() == b""
        dripping.cancel()


@pytest.mark.parametrize("dripped", [b"", b"x" * 1000])
async def test_a_slow_body_is_408_and_the_connection_ends(dripped):
    async with serving(application(), **SLOW) as (server, port), connected(port) as client:
        await client.send(b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: 5000\r\n\r\nx")
        dripping = asyncio.create_task(drip(client, dripped))
        answer = await client.answer()
        assert (answer.status, answer.json["code"], answer.headers["connection"]) == (
            408,
            "body_too_slow",
            "close",
        )
        await client.closed()
        dripping.cancel()
        await until(lambda: server.connections == 0)


@pytest.mark.parametrize("sent", [b"", b"GET /quick HTTP/1.1\r\nHo"])
async def test_a_kept_connection_that_is_not_used_is_closed(sent):
    async with serving(application(quick=quick), **SLOW) as (_, port), connected(port) as client:
        assert (await client.request("GET", "/quick")).status == 200
        await client.send(sent)
        assert await client.closed() == b""


async def test_a_client_that_does_not_take_its_answer_is_cut_off():
    async def large(_):
        return web.Response(body=b"x" * 20_000_000)

    async with serving(application(large=large), **SLOW) as (server, port), connected(port) as client:
        await client.send(request("GET", "/large"))
        await until(lambda: server.connections == 1)
        await until(lambda: server.connections == 0)


async def test_a_handler_may_take_longer_than_a_client():
    async def slow(_):
        await asyncio.sleep(LIMIT * 3)
        return web.Response(text="done")

    async with serving(application(slow=slow), **SLOW) as (_, port):
        assert (await ask(port, "GET", "/slow")).body == b"done"


async def test_a_reset_in_the_middle_of_a_body_is_no_error_of_ours(caplog):
    told = []

    async def take(request):
        try:
            await read_body(request, 1000, 10.0)
        except Malformed as error:
            told.append(error.code)
            raise

    async with serving(application(take=take)) as (server, port), connected(port) as client:
        with structlog.testing.capture_logs() as lines:
            await client.send(b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: 500\r\n\r\nhalf")
            await until(lambda: server.busy == 1)
            sock = client.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.writer.transport.abort()
            await until(lambda: bool(told))
            await until(lambda: server.connections == 0)
    assert told == ["body_incomplete"]
    assert not lines
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_an_answer_that_breaks_off_ends_the_connection():
    async def stream(request):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"begun")
        raise KeyError("boom")

    async with serving(application(stream=stream)) as (_, port), connected(port) as client:
        with structlog.testing.capture_logs() as lines:
            await client.send(request("GET", "/stream"))
            assert (await client.closed()).endswith(b"begun")
    assert [line["event"] for line in lines] == ["request.failed"]


# Many connections


async def test_over_the_cap_a_newcomer_is_told_to_come_back():
    async with serving(application(quick=quick), max_connections=2) as (server, port):
        async with connected(port) as one, connected(port) as two:
            for client in (one, two):
                assert (await client.request("GET", "/quick")).status == 200
            async with connected(port) as third:
                answer = await third.answer()
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                assert answer.json["code"] == "too_many_connections"
            assert server.connections == 2
        await until(lambda: server.connections == 0)
        assert (await ask(port, "GET", "/quick")).status == 200


@pytest.mark.parametrize("cap", [{"max_connections": 3}, {"max_per_address": 3}])
async def test_those_who_sent_nothing_yet_make_room_the_oldest_first(cap):
    async with serving(application(quick=quick), **cap) as (server, port):
        async with connected(port) as proven, connected(port) as first, connected(port) as second:
            assert (await proven.request("GET", "/quick")).status == 200
            await until(lambda: server.connections == 3)
            assert (await ask(port, "GET", "/quick")).status == 200
            assert await first.closed() == b""
            assert (await second.request("GET", "/quick")).status == 200
            assert (await proven.request("GET", "/quick")).status == 200


async def test_a_crowd_of_silent_clients_keeps_nobody_out():
    async with serving(application(quick=quick), max_connections=20) as (server, port):
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        statuses = [(await ask(port, "GET", "/quick")).status for _ in range(10)]
        assert statuses == [200] * 10
        assert server.connections <= 20
        for _, writer in crowd:
            writer.close()


# Start and stop


async def test_stop_lets_a_request_finish_and_closes_what_is_unused():
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_):
        begun.set()
        await may_end.wait()
        return web.Response(text="done")

    async with serving(application(slow=slow, quick=quick)) as (server, port):
        async with connected(port) as busy, connected(port) as idle:
            assert (await idle.request("GET", "/quick")).status == 200
            await busy.send(request("GET", "/slow"))
            await begun.wait()
            stopping = asyncio.create_task(server.stop(5.0))
            assert await idle.closed() == b""
            with pytest.raises(ConnectionError):
                await asyncio.open_connection("127.0.0.1", port)
            may_end.set()
            answer = await busy.answer()
            assert (answer.body, answer.headers["connection"]) == (b"done", "close")
            await stopping
            assert server.connections == 0


async def test_stop_waits_for_a_body_that_is_still_coming():
    async with serving(application(quick=quick), **SLOW) as (server, port), connected(port) as client:
        await client.send(b"POST /take HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\nhalf")
        await until(lambda: server.busy == 1)
        stopping = asyncio.create_task(server.stop(5.0))
        await client.send(b"andhlf")
        assert (await client.answer()).status == 202
        await stopping


async def test_stop_does_not_wait_longer_than_its_grace():
    async def endless(_):
        await asyncio.Event().wait()

    async with serving(application(endless=endless)) as (server, port), connected(port) as client:
        await client.send(request("GET", "/endless"))
        await until(lambda: server.busy == 1)
        started = asyncio.get_running_loop().time()
        await server.stop(0.1)
        assert asyncio.get_running_loop().time() - started < 2
        await client.closed()


async def test_a_port_in_use_is_one_clear_line():
    async with serving(application()) as (_, port):
        with pytest.raises(ConfigurationError, match=f"TOCSIN_LISTEN: cannot listen on 127.0.0.1:{port}"):
            await Server(application(), "127.0.0.1", port).start()


async def test_without_the_c_parser_it_does_not_start(monkeypatch):
    monkeypatch.setattr(http_parser, "HttpRequestParser", http_parser.HttpRequestParserPy)
    with pytest.raises(ConfigurationError, match="C parser"):
        await Server(application(), "127.0.0.1", 0).start()


async def test_a_refused_request_leaves_the_connection_usable():
    async with (
        serving(application(fail=raising(Refused("bad", "no")), quick=quick)) as (_, port),
        connected(port) as client,
    ):
        assert (await client.request("POST", "/fail", b"unread body")).status == 400
        assert (await client.request("GET", "/quick")).status == 200
