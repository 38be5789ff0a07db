"""What is probably not meant is told, and nothing else is."""

import pytest
from hypothesis import given

from gateway.domain.severity import Severity
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.lint import admits, is_ambiguous, is_never, warnings_of
from tests.unit.rules.test_properties import any_rule, laws, views


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "type = a and type = b",
        "type = a and type starts-with b",
        "subject = a and not (false or true) or type in (a) and type in (b)",
        "severity = error and severity = info",
        "severity > critical",
        "severity < info or false",
        "severity exists and not severity in (info, notice, warning, error, critical)",
    ],
)
def test_a_rule_that_never_holds_is_known_for_it(text):
    assert is_never(parse_expression(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "type = a or type = b",
        "not severity = error",
        "resource = a and resource = b",
        "severity >= critical",
    ],
)
def test_what_may_hold_is_not(text):
    assert not is_never(parse_expression(text))


@given(rule=any_rule, view=views())
@laws
def test_nothing_that_matched_is_said_never_to_hold(rule, view):
    if compile_rule(rule)(view):
        assert not is_never(rule)
        if "severity" not in view.event.attributes:
            assert admits(rule, view.vocabulary.severity)


@pytest.mark.parametrize(
    ("text", "ambiguous"),
    [
        ("a = 1 and b = 2 or c = 3", True),
        ("a = 1 OR b = 2 AND c = 3", True),
        ("(a = 1 and b = 2) or c = 3", False),
        ("a = 1 and b = 2 and c = 3", False),
        ("a = 1 and (b = 2 or c = 3 and d = 4)", True),
        ('a = "x and y or z" and b = 1', False),
        ("$.a && $.b || $.c", True),
        ("$.a && not($.b || $.c)", False),
        ("$.data[?(@.a && @.b || @.c)]", True),
        ("a = and-or and b = 1", False),
        (")) and (( or", False),
    ],
)
def test_what_can_be_read_in_two_ways_is_ambiguous(text, ambiguous):
    assert is_ambiguous(text) is ambiguous


def test_the_words_of_the_warnings():
    text = "tenantt = a and severitty = error or false"
    assert warnings_of(parse_expression(text), text) == [
        "this rule mixes `and` with `or` without parentheses; `and` binds tighter",
        "`severitty` is no name that is known, and read as an extension attribute; did you mean `severity`?",
        "`tenantt` is no name that is known, and read as an extension attribute",
    ]
    assert warnings_of(parse_expression("type = a"), "type = a") == []
    assert admits(parse_ibm("$.ibmenseverity == 'LOW'"), Severity.INFO)
    assert not admits(parse_expression("type = a and severity >= warning"), Severity.INFO)
