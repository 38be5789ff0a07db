"""Heartbeat: where a ping goes, what it tells, and that nobody learns the monitor's URL."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.heartbeat import (
    MAX_BODY,
    Heartbeat,
    HeartbeatAddress,
    HeartbeatConfig,
    exit_status,
    quote_within,
    run_id,
    text,
)
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.outcome import DeliveryFailed, Reason
from tests.fakes.backup_messages import ALL, BARE, FAILURE, SUCCESS
from tests.fakes.golden import assert_golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import make_message

STARTED = make_message(outcome=Outcome.STARTED, task_id="43", title="Backup of db-1 began")


async def pinged(tools, message, path="/ping/uuid", address=None, reply=None, **settings):
    async with HttpSink(reply) as sink:
        adapter = Heartbeat(HeartbeatConfig(url=sink.url(path), **settings), tools)
        receipt = await adapter.deliver(message, HeartbeatAddress(**(address or {})))
    (request,) = sink.requests
    return request, receipt


@pytest.mark.parametrize("name", ALL)
async def test_a_ping_is_as_in_the_golden_file(tools, name):
    request, _ = await pinged(tools, ALL[name], monitor="healthchecks")
    sent = f"{request.method} {request.target}\n\n".encode() + request.body
    assert_golden(f"heartbeat/{name}.txt", sent)


@pytest.mark.parametrize(
    ("message", "signal", "path"),
    [
        (SUCCESS, "outcome", "/ping/uuid"),
        (FAILURE, "outcome", "/ping/uuid/fail"),
        (STARTED, "outcome", "/ping/uuid/start"),
        (BARE, "outcome", "/ping/uuid"),
        (SUCCESS, "exit_status", "/ping/uuid/0"),
        (FAILURE, "exit_status", "/ping/uuid/12"),
        (STARTED, "exit_status", "/ping/uuid/start"),
        (FAILURE, "alive", "/ping/uuid"),
        (STARTED, "alive", "/ping/uuid"),
    ],
)
async def test_healthchecks_is_told_by_the_path(tools, message, signal, path):
    request, _ = await pinged(tools, message, monitor="healthchecks", address={"signal": signal})
    assert urlsplit(request.target).path == path


async def test_a_check_at_the_root_of_a_host_is_pinged_too(tools):
    well, _ = await pinged(tools, BARE, "/", monitor="healthchecks")
    badly, _ = await pinged(tools, FAILURE, "/", monitor="healthchecks", address={"signal": "exit_status"})
    assert (well.target, badly.target.partition("?")[0]) == ("/", "/12")


async def test_start_and_end_of_one_run_have_the_same_run_id(tools):
    start, _ = await pinged(tools, STARTED, "/ping/uuid/?create=1", monitor="healthchecks")
    end, _ = await pinged(tools, SUCCESS, "/ping/uuid/?create=1", monitor="healthchecks")
    assert parse_qs(urlsplit(start.target).query) == {"create": ["1"], "rid": [run_id(STARTED)]}
    assert end.target == f"/ping/uuid?create=1&rid={run_id(STARTED)}"
    assert run_id(FAILURE) != run_id(STARTED)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"exit_status": 3}, 3),
        ({"exit_code": 255}, 255),
        ({"exit_code": 256}, 1),
        ({"exit_code": True}, 1),
        ({"exit_code": "7"}, 1),
        ({"exit_code": 0}, 1),
        ([7], 1),
        (None, 1),
    ],
)
def test_the_exit_status_of_a_problem_is_the_jobs_and_never_zero(data, status):
    assert exit_status(make_message(outcome=Outcome.FAILED, data=data)) == status


@pytest.mark.parametrize(
    ("message", "signal", "status"),
    [(SUCCESS, "outcome", "up"), (FAILURE, "outcome", "down"), (FAILURE, "alive", "up")],
)
async def test_uptime_kuma_is_told_by_the_query(tools, message, signal, status):
    request, _ = await pinged(
        tools,
        message,
        "/api/push/t0ken?status=up&msg=OK&ping=&probe=1",
        monitor="uptime_kuma",
        address={"signal": signal},
    )
    assert (request.method, request.body) == ("GET", b"")
    query = parse_qs(urlsplit(request.target).query, keep_blank_values=True)
    assert query == {"probe": ["1"], "status": [status], "msg": [message.title], "ping": [""]}


async def test_without_text_nothing_of_the_event_leaves(tools):
    kuma, _ = await pinged(tools, FAILURE, monitor="uptime_kuma", address={"add_text": False})
    assert kuma.target == "/ping/uuid?status=down&msg=OK&ping="
    other, _ = await pinged(tools, FAILURE, monitor="healthchecks", address={"add_text": False})
    assert other.body == b""


@pytest.mark.parametrize("verb", ["get", "head", "post"])
async def test_any_url_can_be_pinged_as_it_is(tools, verb):
    request, receipt = await pinged(tools, FAILURE, "/alive?key=s3cret-key", verb=verb)
    assert (request.method, request.target) == (verb.upper(), "/alive?key=s3cret-key")
    assert (b"Backup of db-1 failed" in request.body) == (verb == "post")
    assert b"Backup of db-1 failed" in receipt.sent
    assert b"s3cret" not in receipt.sent


@pytest.mark.parametrize("monitor", ["healthchecks", "uptime_kuma", "plain"])
async def test_no_part_of_the_url_is_kept_or_told(tools, monitor):
    said = b"there is no /ping/s3cret-uuid/fail, and s3cret-uuid is no check"
    for path in ("/ping/s3cret-uuid", "/ping/s3cret-uuid/?create=1"):
        with pytest.raises(DeliveryFailed) as failed:
            await pinged(tools, FAILURE, path, monitor=monitor, verb="get", reply=Reply(400, body=said))
        seen = f"{failed.value.sent!r} {failed.value.excerpt} {failed.value.detail}"
        assert failed.value.reason is Reason.REJECTED
        assert "s3cret" not in seen


@given(st.text(max_size=400))
def test_a_line_in_a_url_keeps_its_limit_and_is_cut_between_characters(line):
    line = line.encode("utf-8", "replace").decode()
    quoted = quote_within(line, 300)
    assert len(quoted) <= 300
    assert parse_qs(f"msg={quoted}x")["msg"][0].removesuffix("x").removesuffix("…") in line


def test_a_long_text_keeps_the_limit_of_a_body():
    long = make_message(title="😈" * 400, summary="é" * 20_000, resource="r", severity=Severity.ERROR)
    assert len(text(long).encode()) <= MAX_BODY


def test_healthchecks_is_pinged_five_times_a_minute_at_most(tools):
    of = {
        monitor: Heartbeat(HeartbeatConfig(url="https://hc.example/x", monitor=monitor), tools).pace
        for monitor in ("plain", "healthchecks", "uptime_kuma")
    }
    assert of == {"plain": None, "healthchecks": (5, 60.0), "uptime_kuma": None}


@pytest.mark.parametrize("given", [{"url": "ping"}, {"url": "https://x.example", "verb": "put"}, {}])
def test_settings_that_cannot_work_are_refused(given):
    with pytest.raises(ValidationError):
        HeartbeatConfig.model_validate(given)


def test_plain_http_is_taken_with_a_warning():
    assert HeartbeatConfig(url="http://kuma.lan/api/push/x").warnings()
    assert not HeartbeatConfig(url="https://kuma.example/api/push/x").warnings()
