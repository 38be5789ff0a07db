"""PagerDuty: alerts that open and close, what an event holds, and its limits."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from adapters.destinations.pagerduty import (
    MAX_EVENT,
    MAX_SUMMARY,
    PACE,
    PagerDuty,
    PagerDutyAddress,
    PagerDutyConfig,
    dedup_key,
    enqueued,
)
from gateway.domain.event import DataForm, Event
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi.secret_fields import plain_secrets
from tests.fakes.backup_messages import ALL, FAILURE, SUCCESS
from tests.fakes.golden import assert_golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import make_message, message_of
from tests.fakes.pagerduty_rules import answer, problems

KEY = "0123456789abcdef0123456789abcdef"


def sent(message, action="auto"):
    body = enqueued(message, PagerDutyAddress(event_action=action), KEY)
    assert problems(body) == []
    return json.loads(body)


def of_data(data: bytes, form=DataForm.JSON):
    attributes = {"specversion": "1.0", "id": "1", "source": "/a", "type": "backup.failed"}
    return message_of(Event(attributes, data, form), Vocabulary(title="t"))


@pytest.mark.parametrize("name", ALL)
def test_an_event_is_as_in_the_golden_file(name):
    pretty = json.dumps(sent(ALL[name]), indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"pagerduty/{name}.json", pretty.encode())


def test_what_ended_well_resolves_the_alert_that_its_failure_opened():
    failed, ended = sent(FAILURE), sent(SUCCESS)
    assert (failed["event_action"], ended["event_action"]) == ("trigger", "resolve")
    assert failed["dedup_key"] == ended["dedup_key"] == dedup_key(FAILURE)
    assert len(failed["dedup_key"]) == 64


def test_another_resource_and_another_source_are_other_alerts():
    keys = {dedup_key(make_message(resource=one)) for one in ("db-1", "db-2", "d" * 5000, "\ud800")}
    assert len(keys) == 4


@pytest.mark.parametrize("action", ["trigger", "acknowledge", "resolve"])
def test_a_subscription_may_do_always_the_same(action):
    assert sent(FAILURE, action)["event_action"] == action


def test_severities_are_those_of_ibms_second_table():
    severities = [sent(make_message(severity=one))["payload"]["severity"] for one in Severity]
    assert severities == ["info", "info", "warning", "error", "critical"]


def test_component_group_and_class_are_resource_job_and_type():
    payload = sent(FAILURE)["payload"]
    assert [payload[one] for one in ("component", "group", "class", "source")] == [
        "db-1",
        "nightly",
        "com.example.backup.failed",
        "/vault/a",
    ]
    assert sent(make_message(attributes={"subject": "disk"}))["payload"]["component"] == "disk"
    assert "group" not in sent(make_message())["payload"]


def test_a_text_that_repeats_the_title_is_not_put_after_it():
    twice = make_message(title="Volume backup failed", summary="Volume backup failed Resource: crn:1")
    assert sent(twice)["payload"]["summary"] == "Volume backup failed Resource: crn:1"


def test_the_summary_is_cut_and_the_whole_text_stands_in_the_details():
    event = sent(make_message(title="t", summary="s" * 5000))
    assert len(event["payload"]["summary"]) == MAX_SUMMARY
    assert event["payload"]["custom_details"]["tocsin"]["summary"] == "s" * 5000


def test_the_details_are_the_events_data_and_what_the_gateway_knows():
    details = sent(FAILURE)["payload"]["custom_details"]
    assert details["exit_code"] == 12
    assert details["tocsin"]["outcome"] == Outcome.FAILED


@pytest.mark.parametrize(
    ("data", "form", "shown"),
    [
        (b"[1,2]", DataForm.JSON, [1, 2]),
        (b"null", DataForm.JSON, None),
        (b"disk full", DataForm.TEXT, "disk full"),
        (b"\x00\x01", DataForm.BINARY, "2 bytes of data"),
    ],
)
def test_data_that_is_no_object_is_shown_as_data(data, form, shown):
    assert sent(of_data(data, form))["payload"]["custom_details"]["data"] == shown


def test_data_that_cannot_be_encoded_is_sent_all_the_same():
    data = b'{"a":"\\ud800x","\\udfff":"\\u202eexe.gpj","n":123456789012345678901234567890,"s":"a\\u2028b"}'
    details = sent(of_data(data))["payload"]["custom_details"]
    assert details["a"] == "?x"
    assert details["?"] == "exe.gpj"
    assert details["s"] == "a\u2028b"
    assert details["n"] == pytest.approx(1.2345678901234568e29)


def test_too_much_data_is_left_out_and_the_rest_stays():
    event = sent(of_data(json.dumps({"log": "é" * 300_000}, ensure_ascii=False).encode()))
    assert event["payload"]["custom_details"]["data"] == "left out: 600011 bytes"
    assert event["payload"]["custom_details"]["tocsin"]["source"] == "/a"


def test_the_largest_of_everything_keeps_the_limit():
    words = dict.fromkeys(("title", "summary", "resource", "job", "actor", "task_id"), "😈" * 50_000)
    links = {f"{number}😈" * 500: "https://example.org/" + "a" * 970 for number in range(20)}
    body = enqueued(make_message(**words, links=links, data={"a": "b" * 900_000}), PagerDutyAddress(), KEY)
    assert problems(body) == []
    assert len(body) < MAX_EVENT / 2


async def test_the_receipt_names_the_alert(tools):
    async with HttpSink(Reply(202, body=answer(dedup_key(FAILURE)))) as sink:
        adapter = PagerDuty(PagerDutyConfig(routing_key=KEY, url=sink.url("/")), tools)
        receipt = await adapter.deliver(FAILURE, PagerDutyAddress())
    assert sink.requests[0].target == "/v2/enqueue"
    assert (receipt.code, receipt.vendor_id) == (202, dedup_key(FAILURE))
    assert KEY.encode() not in receipt.sent
    assert adapter.pace is PACE


def test_the_hosts_path_is_added_where_it_is_missing():
    assert PagerDutyConfig(routing_key=KEY).url == "https://events.pagerduty.com/v2/enqueue"
    eu = PagerDutyConfig(routing_key=KEY, url="https://events.eu.pagerduty.com")
    assert eu.url == "https://events.eu.pagerduty.com/v2/enqueue"
    assert PagerDutyConfig(routing_key=KEY, url="https://proxy.lan/pd").url == "https://proxy.lan/pd"


def test_ibms_settings_are_taken_and_both_keys_are_secret():
    config = PagerDutyConfig.model_validate({"routing_key": "sample", "api_key": "old-s3cret"})
    assert plain_secrets(config) == {"routing_key": "sample", "api_key": "old-s3cret"}
    assert any("32 characters" in warning for warning in config.warnings())
    assert PagerDutyConfig(routing_key=KEY).warnings() == ()
    assert PagerDutyConfig(routing_key=KEY, url="http://proxy.lan/pd").warnings()


@pytest.mark.parametrize("given", [{"routing_key": ""}, {"routing_key": KEY, "url": "events"}, {}])
def test_settings_that_cannot_work_are_refused(given):
    with pytest.raises(ValidationError):
        PagerDutyConfig.model_validate(given)
