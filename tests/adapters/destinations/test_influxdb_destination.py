"""InfluxDB: what a point looks like, the bucket at set-up, and real servers reading what is written."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.influxdb import InfluxDB
from adapters.destinations.influxdb.point import line, timestamp
from adapters.destinations.influxdb.settings import InfluxAddress, InfluxConfig
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.security.egress import Dialer, EgressPolicy, SystemResolver
from gateway.spi.destination import Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.transport.http import GuardedHttpClient
from gateway.transport.sockets import GuardedDialer
from gateway.transport.tls import client_context
from tests.docs.pages import text_of
from tests.fakes.golden import assert_golden, golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.influxdb import InfluxServer
from tests.fakes.line_protocol import Point, read_point
from tests.fakes.messages import make_message
from tests.waiting import until_async

TOKEN = "t0ken-s3cret=="
AT = 1_785_233_472_000
"""When the events of these tests happened, in milliseconds since the epoch."""

PLAIN = InfluxAddress(numbers={"size_bytes": "data.size", "duration_seconds": "data.took"})


def failure(**given):
    return make_message(
        **{
            "severity": Severity.ERROR,
            "outcome": Outcome.FAILED,
            "title": "Backup of R&D, db-1 failed",
            "summary": 'Disk "full"\nsee the log',
            "resource": "db-1",
            "job": "nightly run",
            "actor": "alice@polystack!backup-job",
            "task_id": "UPID:backup:00C123",
            "data": {"size": 1_048_576, "took": 12.5},
        }
        | given
    )


GOLDEN = {
    "failure": failure(),
    "success": failure(severity=Severity.INFO, outcome=Outcome.OK, title="Backup of db-1 done", summary=None),
    "hostile": failure(
        title="x\r\nm,a=b count=9i\u202e 1\ud800",
        summary='" \\',
        resource="a,b=c d\\ e\u2028f",
        job="\\",
        data={"size": True, "took": "12"},
    ),
    "sparse": make_message(),
}


async def point_of(message, address=PLAIN, *, texts=True) -> Point:
    written = await line(message, address.measurement, address.tags, address.numbers, texts=texts)
    return read_point(written.decode())


def config(server: HttpSink, **given) -> InfluxConfig:
    return InfluxConfig(**{"url": server.url(), "org": "backup", "bucket": "events", "token": TOKEN} | given)


def in_another_place(message, id: str):
    """The same event under another id."""
    return type(message)(message.delivery_id, message.accepted._replace(id=id))


# What is written


@pytest.mark.parametrize("name", GOLDEN)
async def test_a_point_is_as_in_the_golden_file(tools, name):
    async with InfluxServer(token=TOKEN) as server:
        receipt = await InfluxDB(config(server), tools).deliver(GOLDEN[name], PLAIN)
    (request,) = server.requests
    assert_golden(f"influxdb/{name}.txt", request.body + b"\n")
    assert receipt.sent == request.body
    assert len(server.points) == 1


async def test_a_write_names_organisation_bucket_and_precision(tools):
    async with InfluxServer(token=TOKEN, org="the org", buckets=("b/autogen",)) as server:
        await InfluxDB(config(server, org="the org", bucket="b/autogen"), tools).deliver(failure(), PLAIN)
    (request,) = server.requests
    assert (request.method, urlsplit(request.target).path) == ("POST", "/api/v2/write")
    assert parse_qs(urlsplit(request.target).query) == {
        "org": ["the org"],
        "bucket": ["b/autogen"],
        "precision": ["ns"],
    }
    assert request.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_server_below_a_path_and_without_organisations_is_written_to(tools):
    async with HttpSink(Reply(204, body=b"")) as sink:
        await InfluxDB(InfluxConfig(url=sink.url("/influx/"), bucket="b"), tools).deliver(failure(), PLAIN)
    (request,) = sink.requests
    assert request.target == "/influx/api/v2/write?bucket=b&precision=ns"
    assert "authorization" not in request.headers


async def test_tags_are_words_and_what_takes_any_value_is_a_field():
    point = await point_of(failure())
    assert point.tags == {
        "type": "com.example.backup.failed",
        "source": "/vault/a",
        "severity": "error",
        "outcome": "failed",
        "resource": "db-1",
        "job": "nightly run",
    }
    assert (point.fields["count"], point.fields["severity_number"], point.fields["ok"]) == (1, 4, False)
    assert (point.fields["size_bytes"], point.fields["duration_seconds"]) == (1_048_576.0, 12.5)
    assert point.fields["title"] == "Backup of R&D, db-1 failed"
    assert point.fields["summary"] == 'Disk "full" see the log'
    assert point.fields["event_id"] == "evt-1"


async def test_an_outcome_that_nobody_tells_is_no_flag():
    assert (await point_of(failure(outcome=None))).fields.keys() & {"ok"} == set()
    assert (await point_of(failure(outcome=Outcome.OK))).fields["ok"] is True


@pytest.mark.parametrize("size", [True, "5", None, [5], {"n": 5}])
async def test_what_is_no_number_is_no_field(size):
    assert "size_bytes" not in (await point_of(failure(data={"size": size}))).fields


@pytest.mark.parametrize("size", [0, 5, -(2**63), 2**64 - 1, 1.5, 1e300])
async def test_a_number_keeps_one_type_for_ever(size):
    found = (await point_of(failure(data={"size": size}))).fields["size_bytes"]
    assert isinstance(found, float)
    assert found == pytest.approx(size)


async def test_a_server_that_keeps_numbers_only_gets_no_texts():
    point = await point_of(failure(), texts=False)
    assert point.fields.keys() == {"count", "severity_number", "ok", "size_bytes", "duration_seconds"}


async def test_a_tag_that_is_called_like_a_text_takes_its_place():
    address = InfluxAddress(tags={"actor": "{{event.actor}}", "site": "north-{{ event.job }}"})
    point = await point_of(failure(), address)
    assert point.tags == {"actor": "alice@polystack!backup-job", "site": "north-nightly run"}
    assert "actor" not in point.fields


def test_two_events_of_one_moment_keep_apart_and_a_repeat_does_not():
    first, second = in_another_place(failure(), "evt-a"), in_another_place(failure(), "evt-b")
    assert timestamp(first) == timestamp(in_another_place(failure(), "evt-a"))
    assert timestamp(first) != timestamp(second)
    assert timestamp(first) // 1_000_000 == timestamp(second) // 1_000_000 == AT


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-07-28T10:11:12.123456789Z", AT + 123),
        ("2026-07-28t12:11:12.5+02:00", AT + 500),
        ("2016-12-31T23:59:60Z", AT),
        ("0001-01-01T00:00:00Z", AT),
        ("9999-12-31T23:59:59Z", AT),
    ],
)
def test_a_time_that_no_series_can_hold_is_the_time_of_receipt(time, expected):
    message = make_message(attributes={"time": time})
    assert timestamp(message) // 1_000_000 == expected


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=2000))
async def test_no_event_makes_a_line_that_cannot_be_read(title, resource, summary):
    point = await point_of(make_message(title=title, resource=resource, job=resource, summary=summary))
    assert "\n" not in point.tags.get("resource", "")
    assert point.tags["type"] == "com.example.backup.failed"
    assert point.fields["event_id"] == "evt-1"


async def test_long_texts_are_cut_and_long_tags_stay_apart():
    points = [await point_of(failure(resource="r" * 5000 + end, title="t" * 5000)) for end in "ab"]
    assert {len(point.tags["resource"]) for point in points} == {256}
    assert points[0].tags != points[1].tags
    assert len(points[0].fields["title"]) == 1024


# Settings


@pytest.mark.parametrize(
    "given",
    [
        {"tags": {"a": "{{event.nothing}}"}},
        {"tags": {"a": "{{event.type"}},
        {"tags": {"a": "{{data.size}}"}},
        {"tags": {"a-b": "x"}},
        {"tags": {"_x": "x"}},
        {"tags": {"count": "x"}},
        {"tags": {f"t{number}": "x" for number in range(17)}},
        {"numbers": {"time": "data.size"}},
        {"numbers": {"n": "size"}},
        {"numbers": {"n": "data.size = 5"}},
        {"numbers": {"n": "data.sizes[*]"}},
        {"measurement": "#comment"},
        {"measurement": "a b"},
    ],
)
def test_an_address_that_cannot_work_is_refused(given):
    with pytest.raises(ValidationError):
        InfluxAddress(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://example.org/?db=x"},
        {"url": "ftp://example.org/"},
        {"url": "http://example.org/" + "x" * 1024},
        {"user": "u"},
        {"user": "u", "password": "s3cret", "token": "s3cret"},
        {"password": "s3cret"},
        {"token": "s3cret\r\nX: y"},
        {"bucket": ""},
        {"bucket": "x\n"},
        {"bucket": "💾" * 255},
    ],
)
def test_settings_that_cannot_work_are_refused_without_their_secrets(given):
    with pytest.raises(ValidationError) as refused:
        InfluxConfig(**{"url": "https://example.org/", "bucket": "b"} | given)
    assert "s3cret" not in str(refused.value)


def test_plain_http_with_a_log_in_is_taken_with_a_warning():
    assert InfluxConfig(url="http://example.org/", bucket="b", token="t").warnings()
    assert not InfluxConfig(url="http://example.org/", bucket="b").warnings()
    assert not InfluxConfig(url="https://example.org/", bucket="b", token="t").warnings()


async def test_a_name_and_password_log_in_and_no_form_of_them_is_seen(tools):
    async with HttpSink(Reply(204, body=b"")) as sink:
        given = {"url": sink.url(), "bucket": "b", "user": "ops", "password": "s3cret"}
        influx = InfluxDB(InfluxConfig(**given), tools)
        await influx.deliver(failure(), PLAIN)
        login = sink.requests[0].headers["authorization"]
        assert login == "Basic b3BzOnMzY3JldA=="
        sink.usual = Reply(400, body=f"you sent {login}, which is s3cret".encode())
        with pytest.raises(DeliveryFailed) as failed:
            await influx.deliver(failure(), PLAIN)
    seen = failed.value.excerpt + failed.value.detail
    assert "b3BzOnMzY3JldA" not in seen
    assert "s3cret" not in seen


# The bucket at set-up


@asynccontextmanager
async def answering(reply: Reply):
    async with HttpSink(reply) as sink:
        yield sink


async def test_a_bucket_that_is_there_is_found_and_the_server_learnt(tools):
    async with InfluxServer(token=TOKEN) as server:
        assert await InfluxDB(config(server), tools).prepare() == {"server": "influxdb"}
    (request,) = server.requests
    assert (request.method, urlsplit(request.target).path) == ("GET", "/api/v2/buckets")
    assert parse_qs(urlsplit(request.target).query) == {"name": ["events"], "org": ["backup"]}


async def test_a_bucket_that_is_not_there_is_refused_or_made(tools):
    async with InfluxServer(token=TOKEN) as server:
        with pytest.raises(DeliveryFailed, match="'other' is not there") as failed:
            await InfluxDB(config(server, bucket="other"), tools).prepare()
        assert failed.value.reason is Reason.MISCONFIGURED
        await InfluxDB(config(server, bucket="other", bucket_setup="create"), tools).prepare()
        assert server.buckets == ["events", "other"]
        await InfluxDB(config(server, bucket="other"), tools).deliver(failure(), PLAIN)


async def test_a_bucket_that_is_left_alone_is_not_asked_for(tools):
    async with InfluxServer(token=TOKEN) as server:
        assert await InfluxDB(config(server, bucket_setup="leave"), tools).prepare() == {}
    assert server.requests == []


async def test_a_bucket_that_somebody_makes_meanwhile_is_there(tools):
    async with InfluxServer(token=TOKEN) as server:
        server.answer(Reply(404, body=b'{"code":"not found","message":"bucket not found"}'))
        influx = InfluxDB(config(server, bucket_setup="create"), tools)
        assert await influx.prepare() == {"server": "influxdb"}
    assert [request.method for request in server.requests] == ["GET", "GET", "POST"]


async def test_an_organisation_that_is_not_there_makes_no_bucket(tools):
    async with InfluxServer(token=TOKEN) as server:
        with pytest.raises(DeliveryFailed) as failed:
            await InfluxDB(config(server, org="nobody", bucket_setup="create"), tools).prepare()
    assert failed.value.reason is Reason.MISCONFIGURED
    assert server.buckets == ["events"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(401, body=b'{"code":"unauthorized","message":"unauthorized access"}'), Reason.UNAUTHORIZED),
        (Reply(429, {"Retry-After": "5"}), Reason.THROTTLED),
        (Reply(500, body=b'{"code":"internal error"}'), Reason.UNAVAILABLE),
        (Reply(200, {"Content-Type": "text/html"}, b"<!doctype html>"), Reason.MISCONFIGURED),
        (Reply(200, body=b'"surprise"'), Reason.MISCONFIGURED),
        (Reply(200, body=b'{"buckets": 5}'), Reason.MISCONFIGURED),
        (Reply(200, body=b""), Reason.MISCONFIGURED),
        (Reply(302, {"Location": "http://127.0.0.1:1/"}), Reason.REJECTED),
    ],
)
async def test_an_answer_that_tells_nothing_of_the_bucket_refuses_the_settings(tools, reply, reason):
    async with answering(reply) as sink:
        with pytest.raises(DeliveryFailed) as failed:
            await InfluxDB(config(sink, bucket_setup="create"), tools).prepare()
    assert failed.value.reason is reason
    assert {request.method for request in sink.requests} == {"GET"}, "nothing is made"


@pytest.mark.parametrize("status", [400, 404, 405, 501])
@pytest.mark.parametrize("written", [Reply(204, body=b""), Reply(400, body=b'{"error":"no data"}')])
async def test_a_server_without_buckets_is_asked_whether_it_takes_points(tools, status, written):
    async with answering(written) as sink:
        sink.answer(Reply(status, body=b"404 page not found"))
        assert await InfluxDB(config(sink), tools).prepare() == {"server": "influxdb"}
    assert [(request.method, request.body) for request in sink.requests] == [("GET", b""), ("POST", b"")]
    assert sink.requests[1].target.startswith("/api/v2/write?")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (Reply(404, body=b'{"error":"database not found: \\"d\\""}'), Reason.MISCONFIGURED),
        (Reply(401, body=b'{"error":"authorization failed"}'), Reason.UNAUTHORIZED),
    ],
)
async def test_a_server_without_buckets_that_takes_no_points_refuses_the_settings(tools, written, reason):
    async with answering(written) as sink:
        sink.answer(Reply(404, body=b"404 page not found"))
        with pytest.raises(DeliveryFailed) as failed:
            await InfluxDB(config(sink), tools).prepare()
    assert failed.value.reason is reason


async def test_set_up_opens_no_socket_past_the_guard(authority, clock):
    dialer = GuardedDialer(Dialer(EgressPolicy.parse(""), SystemResolver(clock)))
    http = GuardedHttpClient(dialer, user_agent="tocsin/test", tls=client_context(authority.file))
    async with InfluxServer(token=TOKEN) as server:
        with pytest.raises(DeliveryFailed) as failed:
            await InfluxDB(config(server), Tools(http, dialer, clock)).prepare()
    await http.close()
    assert failed.value.reason is Reason.BLOCKED_ADDRESS
    assert server.requests == []


# Real servers


async def test_victoria_metrics_has_what_was_written(tools, victoria_metrics, web):
    settings = InfluxConfig(url=victoria_metrics.url, bucket="ignored")
    influx = InfluxDB(settings, tools)
    learnt = await influx.prepare()
    assert learnt == {"server": "victoriametrics"}
    influx = InfluxDB(settings.model_copy(update=learnt), tools)
    messages = [in_another_place(GOLDEN["hostile"], id) for id in ("evt-a", "evt-b", "evt-a")]
    for message in [*messages, failure()]:
        await influx.deliver(message, PLAIN)
    found = await _exported(victoria_metrics, web, names=5)
    names = {f"backup_event_{name}" for name in ("count", "severity_number", "ok", "size_bytes")}
    assert {series["metric"]["__name__"] for series in found} == names | {"backup_event_duration_seconds"}
    (sizes,) = [series for series in found if series["metric"]["__name__"] == "backup_event_size_bytes"]
    assert (sizes["values"], sizes["timestamps"]) == ([1_048_576], [AT])
    assert sizes["metric"]["resource"] == "db-1"
    counts = [series for series in found if series["metric"]["__name__"] == "backup_event_count"]
    (hostile,) = [series for series in counts if series["metric"]["resource"] != "db-1"]
    assert hostile["metric"]["resource"] == "a,b=c d/ e f"


async def _exported(server, web, *, names: int) -> list[dict]:
    found: list[dict] = []

    async def there() -> bool:
        await web.get(f"{server.url}/internal/force_flush")
        query = {"match[]": '{__name__=~"backup_event_.*"}'}
        async with web.get(f"{server.url}/api/v1/export", params=query) as answer:
            found[:] = [json.loads(row) for row in (await answer.text()).splitlines()]
        return len({series["metric"]["__name__"] for series in found}) == names

    await until_async(there)
    return found


async def test_influxdb_reads_every_line_and_keeps_events_of_one_moment_apart(influxd, web):
    await web.post(f"{influxd.url}/query", data={"q": "CREATE DATABASE d"})
    messages = [*GOLDEN.values(), in_another_place(failure(), "evt-b"), failure()]
    for message in messages:
        written = await line(message, PLAIN.measurement, PLAIN.tags, PLAIN.numbers, texts=True)
        async with web.post(f"{influxd.url}/write?db=d&precision=ns", data=written) as answer:
            assert answer.status == 204, await answer.text()
    query = {"db": "d", "epoch": "ns", "q": "SELECT * FROM backup_event"}
    async with web.get(f"{influxd.url}/query", params=query) as answer:
        (series,) = (await answer.json())["results"][0]["series"]
    rows = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
    assert len(rows) == len(messages) - 1
    assert {row["time"] for row in rows} == {timestamp(message) for message in messages}
    for message in messages:
        point = await point_of(message)
        wanted = {"time": point.time, **point.tags, **point.fields}
        assert wanted in [{name: row[name] for name in wanted} for row in rows]


async def test_a_real_influxdb_without_that_api_is_refused_when_saved(tools, influxd):
    with pytest.raises(DeliveryFailed) as failed:
        await InfluxDB(InfluxConfig(url=influxd.url, bucket="d/autogen"), tools).prepare()
    assert failed.value.reason is Reason.MISCONFIGURED


@pytest.mark.parametrize("name", ["failure", "success"])
def test_the_page_shows_what_is_written(name):
    assert golden(f"influxdb/{name}.txt").decode() in text_of("destinations/influxdb.md")
