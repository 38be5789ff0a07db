"""IBM's notifications by IBM's rules, and every failure of IBM Cloud Backup for VPC in the right words."""

from __future__ import annotations

import json

import pytest
from ibm_eventnotifications.event_notifications_v1 import EmailAttachment, NotificationCreate

from adapters.sources.ibm_event_notifications import MAX_REASONS, MORE, UNKNOWN, IbmEventNotifications
from gateway.domain.errors import Malformed
from gateway.domain.event import DataForm
from gateway.domain.members import as_sent
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome
from gateway.rules.compile import compile_rule
from gateway.rules.ibm import parse_ibm
from gateway.spi.cloudevents import encode, structured
from gateway.spi.source_format import Decoded

FORMAT = IbmEventNotifications()
SOURCE = Source("source-1", "instance-1", "Backup policies", 0.0, 0.0)
PREFIX = "com.ibm.cloud.is.backup-policy."
VOLUME_CREATION = PREFIX + "backup-volume-creation"
CRN = "crn:v1:bluemix:public:is:us-south-1:a/be09dae34250437f96fc8b27ae7d233b::volume:r006-f6583aac"
HELP = "https://cloud.ibm.com/docs/vpc?topic=vpc-baas-troubleshoot"

FAILURES = {
    "backup-volume-creation": [
        "service-to-service-policy-missing",
        "snapshot-quota-reached",
        "snapshots-bad-state",
        "snapshots-source-volume-busy",
        "snapshot-volume-too-large",
        "snapshot-volume-unavailable",
        "snapshots-encryption-key-invalid",
    ],
    "backup-volume-retention": [
        "service-to-service-policy-missing",
        "snapshot-bad-state",
        "snapshot-in-pending-state",
    ],
    "backup-instance-creation": [
        "service-to-service-policy-missing",
        "snapshot_consistency_group-quota-reached",
        "snapshot_consistency_group-bad-state",
        "snapshot_consistency_group-source-volume-busy",
        "snapshot_consistency_group-volume-too-large",
        "snapshot_consistency_group-volume-unavailable",
        "snapshot_consistency_group-encryption-key-invalid",
    ],
    "backup-instance-retention": [
        "service-to-service-policy-missing",
        "snapshot_consistency_group-bad-state",
        "snapshot-consistency-group-in-pending-state",
    ],
}
ALL_FAILURES = [(kind, code) for kind, codes in FAILURES.items() for code in codes]
JOB_API_CODES = [
    "internal_error",
    "snapshot_encryption_key_invalid",
    "snapshot_pending",
    "snapshot_volume_limit",
    "source_volume_busy",
    "source_volume_too_large",
    "snapshot_rate_too_high",
    "source_volume_unavailable",
    "snapshot_source_unavailable",
]


def notification(**members):
    required = {"specversion": "1.0", "id": "n-1", "source": PREFIX[:-1], "type": VOLUME_CREATION}
    return {**required, "ibmensourceid": "s-1:api", "ibmenseverity": "medium", **members}


def parse(members, headers=None):
    (decoded,) = FORMAT.parse(json.dumps(members).encode(), headers or {}, SOURCE)
    return decoded


def failure(**members):
    """What a failure of a backup job means."""
    return FORMAT.refine(parse(notification(**members)))


# IBM's notifications


@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents+json", "text/plain"])
def test_a_notification_that_is_a_cloudevent_is_forwarded_unchanged(content_type):
    members = notification(ibmendefaultlong="text", data={"a": [1.50]})
    decoded = parse(members, {"content-type": content_type})
    assert decoded.event == structured.decode(json.dumps(members).encode())
    assert json.loads(encode.structured(decoded.event)) == members


def test_the_source_id_is_an_attribute():
    assert parse(notification(ibmensourceid="a/b:api")).event.text("ibmensourceid") == "a/b:api"


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "ibmensourceid"])
@pytest.mark.parametrize("loose", [{}, {"message_subject": "x"}])
def test_a_required_attribute_that_is_missing_is_named(name, loose):
    members = notification(**loose)
    del members[name]
    with pytest.raises(Malformed) as caught:
        parse(members)
    assert [(one.code, one.pointer) for one in caught.value.problems] == [("attribute_missing", f"/{name}")]


def test_the_registered_source_need_not_be_known():
    body = json.dumps(notification()).encode()
    assert FORMAT.parse(body, {}, None) == FORMAT.parse(body, {}, SOURCE)


def test_an_empty_source_id_is_none():
    with pytest.raises(Malformed, match="ibmensourceid"):
        parse(notification(ibmensourceid=""))


def test_binary_mode_takes_json_as_it_is_in_headers():
    members = notification(
        ibmenpushto='{"user_ids": ["a", "b"], "title": "50% off"}', **{"notification-type": "x"}
    )
    headers = {f"ce-{name}": value for name, value in members.items()} | {"content-type": "application/json"}
    (decoded,) = FORMAT.parse(b'{"a":1}', headers, SOURCE)
    assert as_sent(decoded.event) == {**members, "datacontenttype": "application/json"}
    assert decoded.payload == {"a": 1}


def test_a_header_or_two_of_cloudevents_make_no_binary_mode():
    body = json.dumps(notification()).encode()
    (decoded,) = FORMAT.parse(body, {"ce-ibmenseverity": "HIGH"}, SOURCE)
    assert decoded.event.text("ibmenseverity") == "medium"


def test_what_the_official_sdk_sends_is_read_in_full():
    attachment = EmailAttachment(
        content="aGVsbG8=", filename="a.txt", content_type="text/plain", disposition="attachment"
    )
    members = notification(
        ibmendefaultshort="Alert",
        ibmendefaultlong="Two\nlines",
        source="1234-1234-sdfs-234:test",
        data={"a": 1},
    )
    model = NotificationCreate(**members, attachments=[attachment], personalization={"a@b.c": {"name": "A"}})
    sent = model.to_dict()
    decoded = parse(sent)
    assert {**as_sent(decoded.event), "data": decoded.payload} == sent
    assert decoded.vocabulary.summary == "Two\nlines"


@pytest.mark.parametrize(
    "rule",
    [
        "$.notification_event_info.event_type == 'cert_manager'",
        "$.notification.findings[0].severity == 'MODERATE'",
        "$.notification-type == 'maintenance'",
        "$.source == 'My source'",
        "$.score > 0.5",
        "$..event_type == 'cert_manager'",
        "$.ibmenseverity == 'medium'",
    ],
)
def test_rules_find_members_where_the_sender_put_them(rule):
    members = {
        "notification_event_info": {"event_type": "cert_manager"},
        "notification": {"findings": [{"severity": "MODERATE"}]},
        "notification-type": "maintenance",
        "source": "My source",
        "score": 0.75,
    }
    assert compile_rule(parse_ibm(rule))(parse(notification(**members)).view)


def test_texts_mean_what_was_written():
    words = parse(notification(type="x", ibmensubject="A\nsubject", ibmendefaultlong="a\n\nb")).vocabulary
    assert (words.title, words.summary) == ("A subject", "a\n\nb")


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("LOW", "INFO"), ("medium", "WARNING"), ("High", "ERROR"), ("CRITICAL", "CRITICAL"), ("info", "INFO")],
)
def test_severities_of_other_services_are_taken_as_they_are(severity, expected):
    words = parse(notification(type="com.acme.offer:new", ibmenseverity=severity)).vocabulary
    assert words.severity is Severity[expected]


def test_a_severity_that_is_none_matches_nothing():
    assert parse(notification(ibmenseverity="MODERATE")).vocabulary.severity is None


# IBM Cloud Backup for VPC


@pytest.mark.parametrize("severity", ["LOW", "medium", "HIGH", "whatever", None])
def test_a_failed_backup_is_an_error_at_least(severity):
    words = failure(ibmenseverity=severity)
    assert (words.severity, words.outcome) == (Severity.ERROR, Outcome.FAILED)


def test_a_failed_backup_may_be_worse_than_an_error():
    assert failure(ibmenseverity="CRITICAL").severity is Severity.CRITICAL


@pytest.mark.parametrize(("kind", "code"), ALL_FAILURES)
@pytest.mark.parametrize("shape", ["subtype", "reasons", "status_reason", "text"])
def test_every_failure_of_ibms_table_has_a_title_a_sentence_and_a_link(kind, code, shape):
    members = {
        "subtype": {"type": f"{PREFIX}{kind}:{code}"},
        "reasons": {"type": PREFIX + kind, "data": {"reasons": [{"status": code}]}},
        "status_reason": {"type": PREFIX + kind, "data": {"status_reason": code}},
        "text": {"type": PREFIX + kind, "ibmendefaultlong": json.dumps({"reasons": [{"status": code}]})},
    }
    words = failure(**members[shape])
    _, what, how = kind.split("-")
    title = f"{what.title()} Backup Job {how.title()} Failure"
    assert words.title == title
    assert words.summary.startswith(f"{title}. Reason: ")
    assert words.summary.endswith(".")
    assert code not in words.summary
    assert UNKNOWN not in words.summary
    assert words.links[MORE].startswith("https://cloud.ibm.com/docs/vpc?topic=vpc-baas-")


@pytest.mark.parametrize("code", JOB_API_CODES)
def test_the_codes_of_the_job_api_are_known_too(code):
    words = failure(data={"reasons": [{"status": code}]})
    assert UNKNOWN not in words.summary
    assert MORE in words.links


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("in_limbo", f"in_limbo ({UNKNOWN})."),
        ("in_limbo: It is in limbo.", f"It is in limbo ({UNKNOWN} in_limbo)."),
        ("Something else broke", "Something else broke."),
        ("Something else: it broke", "Something else: it broke."),
        ("source_volume_busy: Very busy", "Very busy."),
    ],
)
def test_an_unknown_code_is_flagged_never_refused(reason, sentence):
    assert failure(data={"status_reason": reason}).summary.endswith(f"Reason: {sentence}")


def test_the_senders_link_comes_before_the_tables():
    assert failure(data={"status_reason": "source_volume_busy", "more_info": HELP}).links == {MORE: HELP}
    rows = [{"status": "source_volume_busy", "more_info": HELP}, {"status": "snapshot_pending"}]
    links = failure(ibmendefaultlong=json.dumps({"reasons": rows})).links
    assert links[MORE] == HELP
    assert links[f"{MORE}: snapshot_pending"].startswith("https://cloud.ibm.com/")


def test_a_link_without_a_reason_is_kept():
    assert failure(ibmendefaultlong=json.dumps({"more_info": HELP})).links == {MORE: HELP}


def test_a_link_that_is_no_web_address_is_none():
    assert failure(ibmendefaultlong='{"more_info": "javascript:alert(1)"}').links == {}


def test_one_reason_told_twice_is_told_once():
    words = failure(
        type=VOLUME_CREATION + ":snapshots-source-volume-busy",
        data={"status_reason": "source_volume_busy: Busy", "reasons": [{"status": "SOURCE_VOLUME_BUSY"}]},
    )
    assert words.summary.endswith("Reason: Busy.")


def test_there_are_only_so_many_reasons():
    summary = failure(data={"reasons": [{"status": f"odd-{n}"} for n in range(1000)]}).summary
    assert summary.count(UNKNOWN) == MAX_REASONS


def test_the_resource_is_known_by_its_crn_and_its_id():
    words = failure(data={"resource": CRN, "backup_policy": "r006-1", "backup_policy_job": "r006-2"})
    assert (words.resource, words.resources) == (CRN, (CRN, "r006-f6583aac"))
    assert words.job == "r006-2"
    assert f"Resource: {CRN}. BackupJobID: r006-2." in words.summary


def test_without_a_resource_it_is_the_policy():
    words = failure(data={"backup_policy": "r006-1"})
    assert (words.resource, words.resources) == ("r006-1", ("r006-1",))
    assert "Resource" not in words.summary
    assert "BackupPolicyID: r006-1." in words.summary


def test_text_for_people_is_kept_as_it_is():
    text = f"Volume Backup Job Creation Failure. Resource: {CRN}. Reason: Snapshot quota per volume reached."
    words = failure(ibmendefaultshort="A title", ibmendefaultlong=text, data={"resource": "other"})
    assert (words.title, words.summary) == ("A title", text)


@pytest.mark.parametrize("text", ["{}", "{ what is this? }", '{"a": 1}', '{"status": 5}', "{" * 100_000])
def test_json_that_says_nothing_known_is_kept(text):
    assert failure(ibmendefaultlong=text).summary == text[: 8 * 1024 - 5] + "[...]" * (len(text) > 8192)


BROKEN = """{"status":"Backup job creation / retention failed",
   "backup_policy": r006-1, "backup_policy_job":"r006-\\"2\\"", "resource": "%s",
   "reasons": [{"more_info": "%s", "status": "source_volume_busy"},],
   "job_type": creation"""


def test_details_are_found_in_json_that_is_none():
    words = failure(ibmendefaultlong=BROKEN % (CRN, HELP), ibmendefaultshort="Failed")
    assert words.resource == CRN
    assert words.links == {MORE: HELP}
    assert words.summary.endswith("Reason: The source volume has busy set (after multiple retries).")


def test_data_comes_before_the_text():
    words = failure(
        ibmendefaultlong='{"resource": "a", "backup_policy_job": "j"}',
        data={"resource": "b", "job_type": None},
    )
    assert (words.resource, words.job) == ("b", "j")


@pytest.mark.parametrize(
    "value", [5, True, [], ["x"], {}, {"a": "b"}, [{"status": 5}], [["status"]], [None], "", "\x00"]
)
@pytest.mark.parametrize(
    "name",
    ["resource", "reasons", "status_reason", "status", "more_info", "backup_policy", "backup_policy_job"],
)
def test_odd_details_never_fail(name, value):
    for members in ({"data": {name: value}}, {"ibmendefaultlong": json.dumps({name: value})}):
        words = failure(**members)
        assert words.severity is Severity.ERROR
        assert words.resource is None or isinstance(words.resource, str)


def test_a_plain_cloudevent_of_the_product_is_refined_alike():
    event = structured.decode(json.dumps(notification(data={"resource": CRN})).encode())
    parsed = parse(notification(data={"resource": CRN}))
    assert event.form is DataForm.JSON
    assert FORMAT.refine(Decoded(event, parsed.vocabulary, parsed.payload)) == FORMAT.refine(parsed)


def test_hostile_details_take_no_time():
    for text in (
        '{"status":"' + '\\"' * 30_000,
        '{"status"' + " " * 60_000,
        '{"status":"' * 6_000,
        "{[" * 30_000,
    ):
        assert failure(ibmendefaultlong=text).outcome is Outcome.FAILED
