"""Alertmanager: what an alert is and when it ends, and a real one that is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.alertmanager import (
    Alertmanager,
    AlertmanagerAddress,
    AlertmanagerConfig,
    alert,
    labels,
)
from gateway.domain.clock import SystemClock
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.destination import Tools
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason
from tests.docs.pages import text_of
from tests.fakes import daemons
from tests.fakes.alertmanager_rules import problems
from tests.fakes.golden import assert_golden, golden
from tests.fakes.http_sink import HttpSink
from tests.fakes.messages import make_message
from tests.waiting import until

NOW = 1_785_240_000_000
"""When the messages of these tests are sent, in milliseconds since the epoch."""

PLAIN = AlertmanagerAddress()


def failure(**given) -> Message:
    return make_message(
        **{
            "severity": Severity.ERROR,
            "outcome": Outcome.FAILED,
            "title": "Backup of db-1 failed",
            "summary": "Disk full\nsee the log",
            "resource": "db-1",
            "job": "nightly",
            "links": {"Log": "https://example.org/log?a=1&b=2", "Bad": "javascript:alert(1)"},
        }
        | given
    )


def success(**given) -> Message:
    told = {"severity": Severity.INFO, "outcome": Outcome.OK, "title": "Backup of db-1 done", "summary": None}
    return failure(**told | {"attributes": {"time": "2026-07-28T11:11:12Z"}} | given)


GOLDEN = {
    "failure": failure(),
    "success": success(),
    "hostile": failure(
        title="x\r\ny\u202e\ud800 {{ .Labels }} <!channel>",
        summary='"\x00\u2028</script>',
        resource="\u202e\x00 ",
    ),
    "sparse": make_message(),
}


@pytest.fixture
async def receiver():
    async with HttpSink() as sink:
        yield sink


@pytest.fixture
def alertmanager(receiver):
    with daemons.Alertmanager(receiver.url("/told")) as server:
        yield server


@pytest.fixture
def adapter(alertmanager, tools):
    real_time = Tools(tools.http, tools.dialer, SystemClock(), tools.tls)
    return Alertmanager(AlertmanagerConfig(url=alertmanager.url), real_time)


# What is posted


@pytest.mark.parametrize("name", GOLDEN)
async def test_an_alert_is_as_in_the_golden_file(tools, clock, receiver, name):
    config = AlertmanagerConfig(url=receiver.url("/prefix"))
    receipt = await Alertmanager(config, tools).deliver(GOLDEN[name], PLAIN)
    (request,) = receiver.requests
    assert (request.method, request.target) == ("POST", "/prefix/api/v2/alerts")
    assert request.headers["content-type"] == "application/json"
    assert receipt.sent == request.body
    pretty = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"alertmanager/{name}.json", pretty.encode())


@pytest.mark.parametrize("name", ["failure", "success"])
def test_the_page_shows_what_is_posted(name):
    assert golden(f"alertmanager/{name}.json").decode() in text_of("destinations/alertmanager.md")


@pytest.mark.parametrize(
    "recovery",
    [
        success(),
        success(job="by hand"),
        success(attributes={"time": "2026-07-28T10:00:00Z"}),
        success(actor="x"),
    ],
)
def test_a_recovery_has_the_labels_of_the_failure(recovery):
    assert recovery.thread_key == failure().thread_key
    assert labels(recovery, PLAIN) == labels(failure(severity=Severity.CRITICAL), PLAIN)


def test_another_thing_and_mere_news_are_other_alerts():
    known = [failure(), failure(resource="db-2"), failure(outcome=Outcome.STARTED, severity=Severity.INFO)]
    assert len({json.dumps(labels(one, PLAIN)) for one in known}) == 3


def test_long_things_stay_apart():
    one, other = (labels(failure(resource="r" * 5000 + end), PLAIN)["resource"] for end in "ab")
    assert one != other
    assert len(one) == len(other) == 256


@pytest.mark.parametrize(
    ("message", "start", "end"),
    [
        (failure(), "2026-07-28T10:11:12.000Z", "2026-07-29T14:00:00.000Z"),
        (success(), "2026-07-28T11:11:12.000Z", "2026-07-28T11:11:12.000Z"),
        (make_message(), "2026-07-28T10:11:12.000Z", None),
        (
            failure(attributes={"time": "2030-01-01T00:00:00Z"}),
            "2026-07-28T12:00:00.000Z",
            "2026-07-29T14:00:00.000Z",
        ),
        (
            success(attributes={"time": "2030-01-01T00:00:00Z"}),
            "2026-07-28T12:00:00.000Z",
            "2026-07-28T12:00:00.000Z",
        ),
    ],
)
def test_a_problem_stays_open_a_recovery_ends_it_and_news_end_by_themselves(message, start, end):
    made = alert(message, PLAIN, NOW)
    assert (made["startsAt"], made.get("endsAt")) == (start, end)


def test_an_alert_leads_to_its_event_where_the_gateway_has_an_address():
    message = Message("d", failure().accepted, public_url="https://gw.example/")
    assert alert(message, PLAIN, NOW)["generatorURL"] == message.event_url
    assert "generatorURL" not in alert(failure(), PLAIN, NOW)


def test_annotations_say_what_labels_may_not():
    said = alert(failure(), PLAIN, NOW)["annotations"]
    assert said["summary"] == "Backup of db-1 failed"
    assert said["description"] == "Disk full\nsee the log"
    assert (said["severity"], said["outcome"], said["job"]) == ("error", "failed", "nightly")
    assert said["links"] == "https://example.org/log?a=1&b=2"


def test_labels_of_ones_own_are_fixed_or_stay_the_same():
    address = AlertmanagerAddress(
        alertname="Backups",
        labels={"severity": "critical", "job_of": "{{event.job}}", "none": "{{event.job}}"},
    )
    found = labels(failure(job=None), address)
    assert found == {
        "alertname": "Backups",
        "state": "problem",
        "source": "src-1",
        "resource": "db-1",
        "severity": "critical",
    }
    assert labels(failure(), address)["job_of"] == "nightly"


@pytest.mark.parametrize(
    "given",
    [
        {"labels": {"severity": "{{event.severity}}"}},
        {"labels": {"what": "{{event.type}}"}},
        {"labels": {"what": "x {{event.title}}"}},
        {"labels": {"resource": "x"}},
        {"labels": {"alertname": "x"}},
        {"labels": {"__name__": "x"}},
        {"alertname": "Backup failed"},
        {"open_hours": 0},
    ],
)
def test_an_address_that_cannot_work_is_refused(given):
    with pytest.raises(ValidationError):
        AlertmanagerAddress(**given)


@given(st.text(max_size=2000), st.text(max_size=9000), st.text(max_size=600))
def test_no_event_makes_an_alert_that_is_refused(title, summary, resource):
    made = alert(make_message(title=title, summary=summary, resource=resource, job=resource), PLAIN, NOW)
    assert problems(json.loads(json.dumps([made]))) == []
    assert len(made["annotations"]["summary"]) <= 1024
    assert len(made["annotations"].get("description", "")) <= 8192


# A real Alertmanager


def told(receiver: HttpSink) -> list[tuple[str, str]]:
    """What its receiver was told: status and summary of each alert, in order."""
    bodies = [json.loads(request.body) for request in receiver.requests]
    return [(one["status"], one["annotations"]["summary"]) for body in bodies for one in body["alerts"]]


async def alerts_of(alertmanager, web) -> list[dict]:
    async with web.get(f"{alertmanager.url}/api/v2/alerts") as answer:
        return list(await answer.json())


async def test_a_failure_opens_an_alert_and_its_recovery_closes_it(adapter, alertmanager, receiver, web):
    await adapter.deliver(failure(), PLAIN)
    await adapter.deliver(failure(severity=Severity.CRITICAL, title="Failed again"), PLAIN)
    (known,) = await alerts_of(alertmanager, web)
    assert known["status"]["state"] == "active"
    assert known["labels"] == labels(failure(), PLAIN)
    assert known["annotations"]["summary"] == "Failed again"
    await until(lambda: len(told(receiver)) > 0)
    await adapter.deliver(success(), PLAIN)
    await until(lambda: told(receiver)[-1] == ("resolved", "Backup of db-1 done"))
    assert await alerts_of(alertmanager, web) == []


async def test_a_recovery_of_nothing_tells_nobody(adapter, alertmanager, receiver, web):
    await adapter.deliver(success(), PLAIN)
    await adapter.deliver(failure(resource="db-2"), PLAIN)
    await until(lambda: len(told(receiver)) > 0)
    assert told(receiver) == [("firing", "Backup of db-1 failed")]


async def test_news_leave_an_open_problem_alone_and_end_by_themselves(adapter, alertmanager, web):
    await adapter.deliver(failure(), PLAIN)
    await adapter.deliver(failure(outcome=Outcome.STARTED, severity=Severity.INFO, title="Started"), PLAIN)
    by_state = {one["labels"]["state"]: one for one in await alerts_of(alertmanager, web)}
    assert by_state["problem"]["annotations"]["summary"] == "Backup of db-1 failed"
    assert by_state["info"]["annotations"]["summary"] == "Started"
    assert by_state["info"]["endsAt"] < by_state["problem"]["endsAt"]


@pytest.mark.parametrize("name", GOLDEN)
async def test_a_real_one_takes_whatever_an_event_holds(adapter, alertmanager, web, name):
    receipt = await adapter.deliver(GOLDEN[name], PLAIN)
    assert receipt.code == 200
    for known in await alerts_of(alertmanager, web):
        assert known["labels"] == labels(GOLDEN[name], PLAIN)


async def test_a_url_that_leads_elsewhere_is_misconfigured(tools, alertmanager):
    adapter = Alertmanager(AlertmanagerConfig(url=f"{alertmanager.url}/elsewhere"), tools)
    with pytest.raises(DeliveryFailed) as failed:
        await adapter.deliver(failure(), PLAIN)
    assert failed.value.reason is Reason.MISCONFIGURED


async def test_what_a_real_one_refuses_is_rejected_in_its_own_words(adapter):
    unchecked = PLAIN.model_copy(update={"labels": {"a-b": "x"}})
    with pytest.raises(DeliveryFailed, match="invalid label set") as failed:
        await adapter.deliver(failure(), unchecked)
    assert failed.value.reason is Reason.REJECTED
