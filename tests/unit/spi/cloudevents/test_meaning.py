"""The order of sources for every word of the vocabulary, and that hostile values say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.event import Event
from gateway.domain.severity import Severity
from gateway.domain.view import MISSING
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi.cloudevents.meaning import (
    CUT,
    MAX_LINKS,
    MAX_NAME,
    MAX_SUMMARY,
    MAX_TITLE,
    block,
    line,
    meaning,
    outcome_of_type,
    spellings,
    web_address,
)

IBS = {
    "event_id": "evt-2026-05-21-001",
    "type": "backup.failed",
    "severity": "error",
    "subject": "Backup failed for vm/12345",
    "summary": "Task failed at chunk upload step: connection refused",
    "task_id": "UPID:backup:00C123:6643:abc...",
    "actor": "alice@polystack!backup-job",
    "resource": "ibs-primary:production/vm/12345",
    "timestamp": "2026-05-21T02:14:35Z",
    "task_url": "https://ibs.example/#tasks/1",
    "links": {"task_log": "https://ibs.example/api2/json/tasks/1/log"},
}


def words(payload=MISSING, *, type="x.happened", **attributes):
    required = {"specversion": "1.0", "id": "1", "source": "/s", "type": type}
    return meaning(Event({**required, **attributes}), payload)


def test_an_event_that_says_nothing_means_nothing():
    assert words() == Vocabulary()


def test_the_subject_attribute_is_no_resource():
    assert words(subject="vm/1") == Vocabulary()


def test_the_members_of_the_data_of_ironcores_event_are_its_meaning():
    assert words(IBS, type="backup.failed") == Vocabulary(
        severity=Severity.ERROR,
        outcome=Outcome.FAILED,
        title="Backup failed for vm/12345",
        summary="Task failed at chunk upload step: connection refused",
        resource="ibs-primary:production/vm/12345",
        resources=("ibs-primary:production/vm/12345", "/datastore/ibs-primary/production/vm/12345"),
        actor="alice@polystack!backup-job",
        task_id="UPID:backup:00C123:6643:abc...",
        links={
            "Task": "https://ibs.example/#tasks/1",
            "Task log": "https://ibs.example/api2/json/tasks/1/log",
        },
    )


SEVERITIES = [
    ("severity", "critical", Severity.CRITICAL),
    ("severitytext", "ERROR", Severity.ERROR),
    ("severitynumber", 13, Severity.WARNING),
    ("ibmenseverity", "LOW", Severity.INFO),
]


@pytest.mark.parametrize("first", range(len(SEVERITIES)))
def test_the_first_source_of_severity_wins(first):
    attributes = {name: value for name, value, _ in SEVERITIES[first:]}
    assert words({"severity": "notice"}, **attributes).severity is SEVERITIES[first][2]


def test_severity_comes_from_data_last():
    assert words({"severity": "notice"}).severity is Severity.NOTICE


@pytest.mark.parametrize("attributes", [dict([source[:2]]) for source in SEVERITIES])
def test_a_severity_that_is_none_leaves_the_word_to_the_next_source(attributes):
    unreadable = dict.fromkeys(attributes, "purple")
    assert words({"severity": "notice"}, **unreadable).severity is Severity.NOTICE


@pytest.mark.parametrize(
    ("attributes", "severity"),
    [
        ({"severity": "Warn"}, Severity.WARNING),
        ({"severity": "high"}, Severity.ERROR),
        ({"severitytext": "INFO2"}, Severity.INFO),
        ({"severitytext": "FATAL"}, Severity.CRITICAL),
        ({"severitynumber": 1}, Severity.INFO),
        ({"severitynumber": "17"}, Severity.ERROR),
        ({"severitynumber": 24}, Severity.CRITICAL),
        ({"severitynumber": 0}, None),
        ({"severitynumber": 25}, None),
        ({"severitynumber": "9" * 5000}, None),
        ({"severitynumber": "\u0661\u0667"}, None),
        ({"ibmenseverity": "Medium"}, Severity.WARNING),
        ({"ibmenseverity": "HIGH"}, Severity.ERROR),
        ({"ibmenseverity": "critical"}, Severity.CRITICAL),
        ({"ibmenseverity": "info"}, Severity.INFO),
        ({"severity": True}, None),
    ],
)
def test_severities_of_all_scales(attributes, severity):
    assert words(**attributes).severity is severity


@pytest.mark.parametrize(
    ("word", "attributes", "member"),
    [
        ("title", ["title", "ibmensubject", "ibmendefaultshort"], "title"),
        ("summary", ["summary", "ibmendefaultlong"], "summary"),
        ("resource", ["resource"], "resource"),
        ("job", ["job"], "job"),
        ("actor", ["actor", "authid"], "actor"),
        ("task_id", ["taskid"], "task_id"),
    ],
)
def test_the_first_source_of_a_word_wins(word, attributes, member):
    sources = [*attributes, member]
    for first, name in enumerate(sources):
        given_ = {later: f"from {later}" for later in attributes[first:]}
        found = getattr(words({member: "from data"}, **given_), word)
        assert found == (f"from {name}" if given_ else "from data")


def test_the_title_is_at_last_the_subject_in_data():
    assert words({"subject": "Backup failed for vm/12345"}).title == "Backup failed for vm/12345"
    assert words({"subject": "second", "title": "first"}).title == "first"


def test_an_empty_source_leaves_the_word_to_the_next():
    assert words({"job": "nightly"}, job="").job == "nightly"
    assert words({"job": "   "}).job is None


def test_integers_say_something_as_attributes_as_they_do_in_binary_mode():
    assert words(job=7) == words(job="7")
    assert words(job=7).job == "7"


@pytest.mark.parametrize("value", [7, 1.5, True, None, ["x"], {"name": "x"}])
@pytest.mark.parametrize(
    "name", ["severity", "outcome", "title", "summary", "resource", "job", "actor", "task_id"]
)
def test_members_of_data_that_are_no_strings_say_nothing(name, value):
    assert words({name: value}) == Vocabulary()


@pytest.mark.parametrize("payload", [MISSING, None, [], ["severity"], "error", 5, {}])
def test_data_that_is_no_object_says_nothing(payload):
    assert words(payload) == Vocabulary()


@pytest.mark.parametrize(
    ("type", "outcome"),
    [
        ("backup.failed", Outcome.FAILED),
        ("io.example.backup.completed", Outcome.OK),
        ("restore.started", Outcome.STARTED),
        ("backup.warning", Outcome.WARNING),
        ("volume-backup-job-creation-failure", Outcome.FAILED),
        ("sync.integrity-error", Outcome.FAILED),
        ("backup_missed", Outcome.MISSED),
        ("verify.corrupt", Outcome.CORRUPT),
        ("backup.partial", Outcome.PARTIAL),
        ("com.example.BackupFailed", Outcome.FAILED),
        ("com.example.backupCompleted", Outcome.OK),
        ("com.example.BACKUP_FAILED", Outcome.FAILED),
        ("com.example.backup.failed.v1", Outcome.FAILED),
        ("com.example.backup.failed/2.0", Outcome.FAILED),
        ("com.example.backup.failed:quota-reached", Outcome.FAILED),
        ("com.example.backup:failed", Outcome.FAILED),
        ("com.ibm.cloud.is.backup-policy.backup-volume-creation", None),
        ("datastore.free-space", None),
        ("failed.backup", None),
        ("backup.unfailed", None),
        ("1.0", None),
        ("*", None),
    ],
)
def test_a_type_may_end_in_an_outcome(type, outcome):
    assert outcome_of_type(type) is outcome
    assert words(type=type).outcome is outcome


def test_an_outcome_that_is_said_comes_before_the_type():
    assert words({"outcome": "Success"}, type="backup.failed").outcome is Outcome.OK
    assert words({"outcome": "ok"}, outcome="corrupt").outcome is Outcome.CORRUPT
    assert words({"outcome": "unheard of"}, type="backup.failed").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "resource",
    [
        "vm/12345",
        "/datastore/ibs-primary/production/vm/12345",
        "crn:v1:bluemix:public:is:us-south-1:a/be09::volume:r006-1",
        "https://example.com/a/b/c",
        "server:vm/1",
        "server:a//b/c",
        "C:\\Users\\a/b/c",
    ],
)
def test_other_resources_have_one_spelling(resource):
    assert spellings(resource) == (resource,)


def test_namespaces_may_be_nested():
    assert spellings("ibs:a/b/vm/1")[1] == "/datastore/ibs/a/b/vm/1"


@pytest.mark.parametrize(
    ("name", "label"), [("task_log", "Task log"), ("runbook", "Runbook"), ("", "Link"), ("a-b\nc", "A b c")]
)
def test_links_are_labelled_for_people(name, label):
    assert words({"links": {name: "https://example.com/"}}).links == {label: "https://example.com/"}


def test_links_come_from_attributes_first():
    found = words(
        {"task_url": "https://b/", "more_info": "https://c/"}, taskurl="https://a/", moreinfo="https://d/"
    )
    assert found.links == {"Task": "https://a/", "More information": "https://d/"}


def test_there_are_only_so_many_links():
    assert len(words({"links": {f"l{n}": f"https://e/{n}" for n in range(1000)}}).links) == MAX_LINKS


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://example.com/",
        "//example.com/",
        "https://",
        "https://a b",
        "https://a\n",
        "https://a\x00",
        "https://a/" + "x" * 2000,
        " https://a/",
        None,
        5,
        {"href": "https://a/"},
    ],
)
def test_only_web_addresses_are_links(url):
    assert web_address(url) is None
    assert words({"task_url": url, "links": {"a": url}}).links == {}


@pytest.mark.parametrize("links", [[], ["https://a/"], "https://a/", 5])
def test_links_that_are_no_object_are_none(links):
    assert words({"links": links}).links == {}


def test_a_title_is_one_line():
    assert words({"title": "a\r\nb\tc\u202ed\ud800\u2028e "}).title == "a b c d e"


def test_a_summary_keeps_its_lines_and_nothing_else_that_controls():
    assert words({"summary": "\n a\r\nb\rc\td\u2028e\x00\x1b[31m\ud800 \n"}).summary == "a\nb\nc\td\ne[31m"


def test_texts_are_bounded():
    long = "x" * 100_000
    found = words(dict.fromkeys(["title", "summary", "resource", "job", "actor", "task_id"], long))
    assert (len(found.title), len(found.summary)) == (MAX_TITLE, MAX_SUMMARY)
    assert found.title.endswith(CUT)
    assert found.summary.endswith(CUT)
    assert {found.resource, found.job, found.actor, found.task_id} == {"x" * MAX_NAME}


@given(st.text(st.characters()), st.integers(10, 50))
def test_any_text_becomes_a_clean_line_and_a_clean_block(text, limit):
    one, many = line(text, limit), block(text, limit)
    assert len(one) <= limit
    assert len(many) <= limit
    assert len(one.splitlines()) <= 1
    assert set(many) & set("\x00\x1b\r\x7f\x85\u2028\u202e\ud800") == set()
    assert line(one, limit) == one
    assert block(many, limit) == many


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(
    ["severity", "outcome", "title", "subject", "summary", "resource", "job", "actor", "task_id", "links"]
)
extensions = st.sampled_from(
    ["severity", "severitynumber", "ibmenseverity", "outcome", "ibmensubject", "ibmendefaultlong", "resource"]
)


@given(
    st.dictionaries(names, json_values) | json_values,
    st.dictionaries(extensions, st.text() | st.integers(-(2**31), 2**31 - 1) | st.booleans()),
    st.text(min_size=1),
)
def test_no_event_is_without_a_meaning(payload, attributes, type):
    found = words(payload, type=type, **attributes)
    texts = [found.title, found.summary, found.resource, found.job, found.actor, found.task_id]
    for text in [*texts, *found.resources, *found.links, *found.links.values()]:
        assert text is None or text.encode()
    assert found.resource is None or found.resource in found.resources
