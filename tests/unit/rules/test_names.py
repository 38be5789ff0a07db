"""Which names a rule reads, and which of them nobody foresaw."""

import pytest

from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.names import suggest, unknown_names
from gateway.rules.tree import reads_payload


def test_unknown_names_are_listed_once_and_sorted():
    rule = parse_expression("zone = a or not (severty = b and zone in (c)) or type = x and data.foo = 1")
    assert unknown_names(rule) == ("severty", "zone")


def test_known_names_are_not_listed():
    names = ("type", "time", "actor", "task_id", "traceparent", "ibmenseverity", "partitionkey")
    assert unknown_names(parse_expression(" and ".join(f"exists {name}" for name in names))) == ()


def test_paths_of_ibms_dialect_name_nothing_barely():
    assert unknown_names(parse_ibm("$.foo == 'x' && $.data.bar")) == ()


@pytest.mark.parametrize(
    ("word", "meant"),
    [("severty", "severity"), ("Actor", "actor"), ("taskid", "task_id"), ("xyzzy", None), ("s" * 4000, None)],
)
def test_suggestions(word, meant):
    assert suggest(word) == meant


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("$.type == 'x' && not($.ibmenseverity == 'HIGH')", False),
        ("$.notification.findings[0].severity == 'x'", False),
        ("$.type == 'x' && $.data.a == 1", True),
        ("$..a", True),
        ("$[*] == 1", True),
        ("$['data'].x", True),
        ("", False),
    ],
)
def test_data_is_only_needed_where_a_path_can_reach_it(text, needed):
    assert reads_payload(parse_ibm(text)) is needed
