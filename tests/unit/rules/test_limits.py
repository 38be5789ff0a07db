"""Hostile rules: they are refused quickly, or cost no more than the limits say."""

import time

import pytest

from gateway.domain.errors import Invalid
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.tree import Always, And, Exists, In, Key, Name, Never, Not, Or, Path


@pytest.mark.parametrize(
    "text",
    [
        "a" * 4097,
        "(" * 33 + "a = b" + ")" * 33,
        "not " * 33 + "a = b",
        "(" * 4096,
        "a in (" + ", ".join("x" * 201) + ")",
        "data" + ".a" * 64 + " = 1",
        "data" + "[0]" * 64 + " = 1",
    ],
)
def test_a_rule_over_the_limits_is_refused(text):
    with pytest.raises(Invalid) as caught:
        parse_expression(text)
    assert caught.value.code == "rule_too_complex"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 32 + "a = b" + ")" * 32,
        "not " * 32 + "a = b",
        "a in (" + ", ".join("x" * 200) + ")",
        "data" + ".a" * 63 + " = 1",
        " or ".join(["a=b"] * 580),
    ],
)
def test_a_rule_at_the_limits_is_read_and_compiled(view, text):
    assert compile_rule(parse_expression(text))(view(a="b")) in {True, False}


@pytest.mark.parametrize(
    "text", ["(" * 33 + "$.a" + ")" * 33, "not(" * 33, "$" + ".a" * 65, "$[" + "0," * 64 + "0]"]
)
def test_an_ibm_filter_over_the_limits_is_refused(text):
    with pytest.raises(Invalid) as caught:
        parse_ibm(text)
    assert caught.value.code == "rule_too_complex"


def test_the_deepest_tree_that_text_can_write_is_compiled_and_evaluated(view):
    text = "$.a || $.b && not(" * 32 + "$.type" + ")" * 32
    assert compile_rule(parse_ibm(text))(view()) in {True, False}
    text = "a = 1 or b = 1 and (" * 32 + "type exists" + ")" * 32
    assert compile_rule(parse_expression(text))(view(b="1"))


def _nested(levels):
    rule = Always()
    for _ in range(levels):
        rule = Not(rule)
    return rule


@pytest.mark.parametrize(
    "rule",
    [
        _nested(200),
        _nested(100_000),
        And((Never(),) * 5000),
        Or(tuple(And((Never(),) * 70) for _ in range(70))),
        In(Name("a"), ("x",) * 201),
        Exists(Path((Key("data"),) * 65)),
    ],
    ids=["deep", "very-deep", "wide", "large", "list", "path"],
)
def test_a_tree_over_the_limits_is_not_compiled(rule):
    with pytest.raises(Invalid) as caught:
        compile_rule(rule)
    assert caught.value.code == "rule_too_complex"


def test_paths_that_select_several_values_are_few():
    compile_rule(parse_ibm(" || ".join(["$..a"] * 16)))
    with pytest.raises(Invalid) as caught:
        compile_rule(parse_ibm(" || ".join(["$..a"] * 17)))
    assert caught.value.code == "rule_too_complex"


@pytest.mark.parametrize(
    "text",
    [
        "$" + "..*" * 20 + " == 'x'",
        "$..*..*..* == 'x'",
        "$" + "[*,*,*,*]" * 30,
        "$..[0,0,0,0]..[0,0,0,0]..[0,0,0,0]",
    ],
)
def test_a_path_that_multiplies_is_cut_off(view, problems, text):
    data = None
    for _ in range(60):
        data = [data, [data], {"a": 1}] if len(str(data)) < 50_000 else [data]
    predicate = compile_rule(parse_ibm(text), problems)
    started = time.process_time()
    assert not predicate(view(data=data))
    assert time.process_time() - started < 0.5
    assert problems.by_code == {"path_too_wide": 1}


def test_refusing_hostile_text_is_quick():
    started = time.process_time()
    for text in (
        "severity = " + "e" * 4000,
        "a " + "starts-wit" * 400,
        '"' * 4096,
        "a = '" + "\\\\" * 2000,
        "a=b and " * 500,
    ):
        with pytest.raises(Invalid):
            parse_expression(text)
    assert time.process_time() - started < 0.5


def test_errors_quote_little_of_the_text():
    with pytest.raises(Invalid) as caught:
        parse_expression("a = b " + "x" * 4000)
    assert len(caught.value.detail) < 200
