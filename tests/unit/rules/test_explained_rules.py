"""Which atom decided, and what the event had there."""

import pytest

from gateway.rules.explain import MAX_FINDINGS, MAX_SHOWN, explain_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.tree import Always, Never


def _told(text, view, parse=parse_expression):
    explained = explain_rule(parse(text), view)
    return explained.holds, [tuple(finding) for finding in explained.findings]


@pytest.mark.parametrize(
    ("text", "holds", "deciding"),
    [
        ("severity >= error", False, [("severity >= error", False, '"info"')]),
        (
            "type = backup.failed and severity >= error",
            False,
            [("severity >= error", False, '"info"')],
        ),
        ("type = x and severity >= error", False, [("type = x", False, '"backup.failed"')]),
        (
            "severity = info and type starts-with backup.",
            True,
            [("severity = info", True, '"info"'), ("type starts-with backup.", True, '"backup.failed"')],
        ),
        (
            "severity = error or type = backup.failed",
            True,
            [("type = backup.failed", True, '"backup.failed"')],
        ),
        ("not (type = x or severity = info)", False, [("severity = info", True, '"info"')]),
        ("actor = root", False, [("actor = root", False, "")]),
        ("data.items[*].n = 5", False, [("data.items[*].n = 5", False, "1, 2, 3 and 1 more")]),
        ("weekday(Europe/Berlin) = mon", False, [("weekday(Europe/Berlin) = mon", False, '"sunday"')]),
        ("time-of-day() < 07:00", False, [("time-of-day(UTC) < 07:00", False, '"22:30:00"')]),
        ("resource = /a", False, [("resource = /a", False, '"vm/1", "/ds/vm/1"')]),
        ("true", True, []),
        ("false or false", False, []),
    ],
)
def test_the_atoms_that_decided_are_named_with_what_was_there(view, text, holds, deciding):
    event = view(
        words={"severity": "info", "resource": "vm/1", "resources": ("vm/1", "/ds/vm/1")},
        time="2026-03-01T22:30:00Z",
        data={"items": [{"n": number} for number in (1, 2, 3, 4)]},
    )
    assert _told(text, event) == (holds, deciding)


def test_what_only_ibms_dialect_can_say_is_said_in_it(view):
    event = view(data={"a": [{"n": 1}]})
    assert _told("$.data.a[?(@.n > 1)]", event, parse_ibm) == (False, [("$.data.a[?(@.n > 1)]", False, "")])


def test_what_cannot_be_evaluated_is_said_by_its_code(view):
    explained = explain_rule(parse_ibm("not($..*..*..* == 'x')"), view(data=[[[1] * 30] * 30] * 30))
    assert explained.problem == "path_too_wide" and not explained.holds
    assert [finding.atom for finding in explained.findings] == ['$..*..*..* == "x"']


def test_an_explanation_is_bounded(view):
    rule = " or ".join(f"subject = s{number}" for number in range(100))
    explained = explain_rule(parse_expression(rule), view(subject="x" * 10_000))
    assert len(explained.findings) == MAX_FINDINGS
    assert len(explained.findings[0].found) == MAX_SHOWN


def test_a_constant_has_no_findings(view):
    assert explain_rule(Always(), view()) == (True, (), "")
    assert explain_rule(Never(), view()) == (False, (), "")
