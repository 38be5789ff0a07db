"""Pushgateway: groups, gauges, and a real one that is pushed to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.pushgateway import (
    Pushgateway,
    PushgatewayAddress,
    PushgatewayConfig,
    exposition,
    gauges,
    grouping,
)
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.outcome import DeliveryFailed, Reason
from tests.docs.pages import text_of
from tests.fakes.exposition import gauges_of, grouping_of
from tests.fakes.golden import assert_golden, golden
from tests.fakes.http_sink import HttpSink
from tests.fakes.messages import make_message

AT = 1_785_233_472.0
"""When the events of these tests happened, in seconds since the epoch."""

NUMBERS = PushgatewayAddress(numbers={"size_bytes": "data.size", "duration_seconds": "data.took"})


def failure(**given):
    return make_message(
        **{
            "severity": Severity.ERROR,
            "outcome": Outcome.FAILED,
            "title": "Backup of db-1 failed",
            "resource": "db-1",
            "job": "nightly run",
            "data": {"took": 12.5},
        }
        | given
    )


def success(**given):
    return failure(
        **{"severity": Severity.INFO, "outcome": Outcome.OK, "data": {"size": 1_048_576, "took": 61}} | given
    )


GOLDEN = {
    "failure": failure(),
    "success": success(),
    "hostile": failure(
        resource="../../metrics/job/x\r\n\u202e\ud800💾", job=".", data={"size": True, "took": "12"}
    ),
    "sparse": make_message(),
}


@pytest.fixture
async def real(pushgateway, web, tools):
    """An adapter for the real one, emptied, and what it has: gauges by labels."""
    async with web.put(f"{pushgateway.url}/api/v1/admin/wipe") as answer:
        assert answer.status == 202

    async def groups() -> dict[frozenset, dict[str, float]]:
        async with web.get(f"{pushgateway.url}/api/v1/metrics") as answer:
            found = (await answer.json())["data"]
        return {frozenset(one["labels"].items()): _values(one) for one in found}

    return Pushgateway(PushgatewayConfig(url=pushgateway.url), tools), groups


def _values(group) -> dict[str, float]:
    families = {name: one for name, one in group.items() if isinstance(one, dict) and "metrics" in one}
    return {
        name: float(one["metrics"][0]["value"])
        for name, one in families.items()
        if not name.startswith("push_")
    }


# What is pushed


@pytest.mark.parametrize("name", GOLDEN)
async def test_a_push_is_as_in_the_golden_file(tools, name):
    async with HttpSink() as sink:
        gateway = Pushgateway(PushgatewayConfig(url=sink.url("/push/")), tools)
        receipt = await gateway.deliver(GOLDEN[name], NUMBERS)
    (request,) = sink.requests
    assert_golden(f"pushgateway/{name}.txt", f"{request.method} {request.target}\n\n".encode() + request.body)
    assert request.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert gauges_of(request.body.decode()) == gauges(GOLDEN[name], NUMBERS)
    assert grouping_of(request.target.removeprefix("/push")) == grouping(GOLDEN[name], NUMBERS)
    assert receipt.sent.endswith(request.body)


@pytest.mark.parametrize("name", ["failure", "success"])
def test_the_page_shows_what_is_pushed(name):
    assert golden(f"pushgateway/{name}.txt").decode() in text_of("destinations/pushgateway.md")


@pytest.mark.parametrize(
    ("outcome", "severity", "told"),
    [
        (Outcome.OK, Severity.INFO, {"ok": 1, "success_timestamp_seconds": AT}),
        (Outcome.OK, Severity.WARNING, {"ok": 1, "success_timestamp_seconds": AT}),
        (Outcome.FAILED, Severity.ERROR, {"ok": 0, "failure_timestamp_seconds": AT}),
        (Outcome.PARTIAL, Severity.WARNING, {"ok": 0, "failure_timestamp_seconds": AT}),
        (Outcome.CORRUPT, None, {"ok": 0, "failure_timestamp_seconds": AT}),
        (Outcome.MISSED, None, {"ok": 0, "failure_timestamp_seconds": AT}),
        (None, Severity.ERROR, {"ok": 0, "failure_timestamp_seconds": AT}),
        (None, Severity.WARNING, {}),
        (Outcome.STARTED, Severity.INFO, {}),
        (Outcome.WARNING, Severity.WARNING, {}),
    ],
)
def test_what_counts_as_success_and_what_as_failure(outcome, severity, told):
    found = gauges(make_message(outcome=outcome, severity=severity), PushgatewayAddress(prefix="p_"))
    assert found.pop("p_event_timestamp_seconds") == AT
    assert found.pop("p_severity") == float(severity or Severity.INFO)
    assert found == {f"p_{name}": value for name, value in told.items()}


def test_a_group_is_made_of_what_the_event_names():
    assert grouping(failure(), PushgatewayAddress()) == {
        "job": "nightly run",
        "instance": "db-1",
        "source": "/vault/a",
    }
    assert grouping(make_message(), PushgatewayAddress()) == {"job": "tocsin", "source": "/vault/a"}
    own = PushgatewayAddress(job="ibs", instance="{{event.source}}", labels={"operation": "verify"})
    assert grouping(failure(), own) == {"job": "ibs", "instance": "/vault/a", "operation": "verify"}


@given(st.text(max_size=400), st.text(max_size=400), st.floats(allow_nan=False, allow_infinity=False))
def test_no_event_makes_a_push_that_cannot_be_read(job, resource, size):
    message = make_message(job=job, resource=resource, data={"size": size})
    values = gauges(message, NUMBERS)
    assert gauges_of(exposition(values).decode()) == values
    assert all(1 <= len(value) <= 200 for value in grouping(message, NUMBERS).values())


@pytest.mark.parametrize(
    "given",
    [
        {"labels": {"job": "x"}},
        {"labels": {"instance": "x"}},
        {"labels": {"a-b": "x"}},
        {"job": "{{event.nothing}}"},
        {"numbers": {"ok": "data.n"}},
        {"numbers": {"n": "n"}},
        {"prefix": "1x"},
        {"method": "delete"},
    ],
)
def test_an_address_that_cannot_work_is_refused(given):
    with pytest.raises(ValidationError):
        PushgatewayAddress(**given)


# A real Pushgateway


async def test_a_success_after_a_failure_keeps_both_moments(real):
    gateway, groups = real
    await gateway.deliver(failure(), NUMBERS)
    await gateway.deliver(success(attributes={"time": "2026-07-29T10:11:12Z"}), NUMBERS)
    await gateway.deliver(failure(job="weekly"), NUMBERS)
    found = await groups()
    ours = {"instance": "db-1", "source": "/vault/a"}
    assert found.keys() == {frozenset({**ours, "job": job}.items()) for job in ("nightly run", "weekly")}
    assert found[frozenset({**ours, "job": "nightly run"}.items())] == {
        "backup_last_event_timestamp_seconds": AT + 86_400,
        "backup_last_success_timestamp_seconds": AT + 86_400,
        "backup_last_failure_timestamp_seconds": AT,
        "backup_last_ok": 1,
        "backup_last_severity": 1,
        "backup_last_size_bytes": 1_048_576,
        "backup_last_duration_seconds": 61,
    }


async def test_put_replaces_the_group_and_nothing_beside_it(real):
    gateway, groups = real
    await gateway.deliver(success(), NUMBERS)
    await gateway.deliver(success(job="weekly"), NUMBERS)
    await gateway.deliver(failure(), NUMBERS.model_copy(update={"method": "put"}))
    by_job = {dict(labels)["job"]: values for labels, values in (await groups()).items()}
    assert "backup_last_success_timestamp_seconds" not in by_job["nightly run"]
    assert "backup_last_success_timestamp_seconds" in by_job["weekly"]


async def test_what_others_push_to_the_same_group_stays(real, pushgateway, web):
    gateway, groups = real
    url = f"{pushgateway.url}/metrics/job/nightly/instance/db-1"
    await web.put(url, data=b"# TYPE backup_files gauge\nbackup_files 7\n")
    await gateway.deliver(success(job="nightly"), PushgatewayAddress(labels={}))
    (values,) = (await groups()).values()
    assert values["backup_files"] == 7
    assert values["backup_last_ok"] == 1


@pytest.mark.parametrize(
    "text", ["../../x", ".", "..", "a/b", "a b", "a%2Fb", "ä💾", "@base64", "x" * 5000, '"\\']
)
async def test_whatever_a_label_holds_arrives_as_it_is(real, text):
    gateway, groups = real
    message = success(resource=text, job=text)
    await gateway.deliver(message, NUMBERS)
    (labels,) = await groups()
    assert dict(labels) == grouping(message, NUMBERS)
    assert dict(labels)["instance"][:100] == text[:100]


async def test_a_gauge_that_somebody_pushes_as_a_counter_is_rejected(real, pushgateway, web):
    gateway, _ = real
    await web.put(
        f"{pushgateway.url}/metrics/job/other", data=b"# TYPE backup_last_ok counter\nbackup_last_ok 1\n"
    )
    with pytest.raises(DeliveryFailed, match="invalid or inconsistent") as failed:
        await gateway.deliver(success(), NUMBERS)
    assert failed.value.reason is Reason.REJECTED
    await gateway.deliver(success(), NUMBERS.model_copy(update={"prefix": "tried_"}))


async def test_a_url_that_leads_elsewhere_is_misconfigured(tools, pushgateway):
    gateway = Pushgateway(PushgatewayConfig(url=f"{pushgateway.url}/elsewhere"), tools)
    with pytest.raises(DeliveryFailed) as failed:
        await gateway.deliver(success(), NUMBERS)
    assert failed.value.reason is Reason.MISCONFIGURED
