"""What events say of the thing that they are about, and what tells one thing from another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.event import DataForm, Event
from gateway.domain.noise import Digest, Escalation, NoiseInForce, Reminders
from gateway.domain.severity import Severity
from gateway.domain.source import SELF, Source
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.pipeline.noise import Noise
from gateway.pipeline.signs import MAX_TITLE, activity, key_problems, sign_of, wake_after

SOURCE = Source("s", "i", "vault", 1.0, 1.0)
OWN = replace(SOURCE, id=SELF)


def view(payload=None, *, type="backup.failed", subject=None, **words) -> EventView:
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": type}
    if subject is not None:
        attributes["subject"] = subject
    return EventView(Event(attributes, b"{}", DataForm.JSON), Vocabulary(**words), payload or {})


def key(source: Source, seen: EventView) -> str | None:
    sign = sign_of(source, seen)
    return sign and sign.key


def test_a_thing_is_the_resource_or_the_job_else_the_subject():
    failed = {"outcome": Outcome.FAILED}
    assert key(SOURCE, view(**failed, resource="db", job="nightly", subject="x")) == "s|db"
    assert key(SOURCE, view(**failed, job="nightly", subject="x")) == "s|nightly"
    assert key(SOURCE, view(**failed, subject="x")) == "s|x"
    assert key(SOURCE, view(**failed)) is None


def test_a_source_says_what_tells_things_apart_or_that_nothing_is():
    own = replace(SOURCE, incident_key=("job", "data.cluster"))
    failed = {"outcome": Outcome.FAILED, "resource": "db"}
    assert key(own, view({"cluster": "x"}, **failed, job="nightly")) == "s|nightly|x"
    assert key(own, view({"cluster": 7}, **failed)) == "s||7"
    assert key(own, view(**failed)) is None
    assert key(replace(SOURCE, incidents=False), view(**failed)) is None


@pytest.mark.parametrize(
    ("failure", "success", "about"),
    [
        ("backup.failed", "backup.success", "backup"),
        ("com.example.backup.failed", "com.example.backup.succeeded", "com.example.backup"),
        ("backup_failure", "backup_partial", "backup"),
        ("BackupFailed", "BackupCompleted", "Backup"),
        ("restore-test.regression", "restore-test.passed", "restore-test"),
        ("alert.firing", "alert.resolved", "alert"),
        ("vzdump", "vzdump", "vzdump"),
        ("failed", "failed", "failed"),
    ],
)
def test_how_something_ended_is_no_part_of_what_it_was(failure, success, about):
    assert activity(failure) == activity(success) == about


def test_what_is_done_with_a_thing_is_told_apart_unless_the_source_says_how():
    seen = [view(type=type, outcome=Outcome.OK, resource="db") for type in ("backup.done", "verify.done")]
    assert [sign_of(SOURCE, one).about for one in seen] == ["backup", "verify"]
    assert sign_of(replace(SOURCE, incident_key=("resource",)), seen[0]).about == ""
    assert activity("user_login") == "user_login", "an unknown word may well be what it is about"


def test_what_it_says_of_it():
    bad = sign_of(SOURCE, view(outcome=Outcome.FAILED, resource="db", title="a\nb"), 60.0)
    assert (bad.failing, bad.severity, bad.title, bad.wake_after) == (True, Severity.ERROR, "a b", 60.0)
    good = sign_of(SOURCE, view(outcome=Outcome.OK, resource="db"), 60.0)
    assert (good.failing, good.severity, good.wake_after) == (False, Severity.INFO, None)
    assert good.title == "backup.failed: db"
    assert sign_of(SOURCE, view(outcome=Outcome.PARTIAL, resource="db")) is None


def test_breaches_of_monitors_go_by_monitor_and_key_whatever_their_severity():
    told = {"monitor_id": "m", "resource": "vm-1"}
    missed = view(told, type="io.tocsin.monitor.missed", severity=Severity.NOTICE, subject="vm-1")
    dropped = view(told, type="io.tocsin.monitor.dropped", outcome=Outcome.WARNING)
    well = view(told, type="io.tocsin.monitor.recovered", outcome=Outcome.OK)
    signs = [sign_of(OWN, one) for one in (missed, dropped, well)]
    assert {one.key for one in signs} == {"io.tocsin|m|vm-1"}
    assert [one.failing for one in signs] == [True, True, False]
    assert key(OWN, view({"monitor_id": "m"}, type="io.tocsin.monitor.missed")) == "io.tocsin|m"


@pytest.mark.parametrize("type", ["io.tocsin.test", "io.tocsin.incident.reminder", "io.tocsin.monitors"])
def test_other_events_of_the_gateways_own_are_no_signs(type):
    assert sign_of(OWN, view({"monitor_id": "m"}, type=type, outcome=Outcome.FAILED, resource="x")) is None


def test_a_key_that_cannot_be_read_is_refused_where_it_stands():
    assert key_problems(["job", "data.vm.id"], "/incident_key") == []
    problems = key_problems(["job", "", "data.*", "severity >"], "/incident_key")
    assert [one.pointer for one in problems] == [f"/incident_key/{place}" for place in (1, 2, 3)]


def test_when_policies_look_at_it_again():
    policies = {
        "a": Noise("a", NoiseInForce(reminders=Reminders(600.0), escalation=Escalation("b", 60.0))),
        "b": Noise("b", NoiseInForce(reminders=Reminders(30.0))),
        "c": Noise("c", NoiseInForce(digest=Digest())),
    }
    assert wake_after(policies, ["a", "c", "x"]) == 60.0
    assert wake_after(policies, ["a", "b"]) == 30.0
    assert wake_after(policies, ["c", "x"]) is None and wake_after({}, ["a"]) is None


texts = st.text(st.characters(codec=None), max_size=400)


@given(texts, texts)
def test_whatever_an_event_holds_its_key_and_title_can_be_stored(resource, title):
    sign = sign_of(SOURCE, view(outcome=Outcome.FAILED, resource=resource, title=title))
    if sign is not None:
        assert len(sign.key) <= 210 and len(sign.title) <= MAX_TITLE
        for text in (sign.key, sign.title):
            assert "\0" not in text
            text.encode()
