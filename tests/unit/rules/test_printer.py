"""Trees as text: the shortest form that is read back as the same tree, or a refusal."""

import pytest

from gateway.domain.errors import Invalid
from gateway.rules.expression import parse_expression
from gateway.rules.printer import print_expression
from gateway.rules.tree import (
    Always,
    And,
    Compare,
    Descend,
    Exists,
    In,
    Index,
    Key,
    Matches,
    Name,
    Never,
    Not,
    Op,
    Or,
    Path,
    Slice,
)

A = Compare(Name("a"), Op.EQ, "1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "false",
        "type starts-with verify. and severity in (warning, error, critical)",
        "type = backup.failed and resource starts-with /datastore/ibs-primary/production",
        'actor matches "*!automation"',
        "a = 1 or b = 2 and (c = 3 or d = 4)",
        "not (a = 1 and not b = 2)",
        "not not exists a",
        'a >= "5" and b >= 5 and a = 5',
        'data.a["b c"][-1][*].d in (5, "5", "true", true, null, 1.5)',
        'a = "and" or a = "x y" or a = "" or a = "a=b" or a = "\\"\\\\\\u000a"',
        "data = null and data contains 7",
        "(a = 1 or b = 2) or c = 3",
    ],
)
def test_text_in_its_plain_form_is_printed_as_it_was_read(text):
    assert print_expression(parse_expression(text)) == text


def test_the_rule_for_everything_is_empty_text_alone_and_true_within():
    assert print_expression(Always()) == ""
    assert print_expression(And((Always(), A))) == "true and a = 1"


@pytest.mark.parametrize(
    "rule",
    [
        And((A,)),
        Or(()),
        In(Name("a"), ()),
        Exists(Name("and")),
        Exists(Name("EXISTS")),
        Exists(Name("a b")),
        Exists(Name("Type")),
        Exists(Path((Key("type"),))),
        Exists(Path((Key("data"),), folded=True)),
        Exists(Path((Key("data"), Slice(0, 1)))),
        Exists(Path((Key("data"), Descend(), Key("a")))),
        Exists(Path((Key("data"), Index(10**9)))),
        Exists(Path(())),
        Compare(Name("a"), Op.EQ, 5),
        Compare(Name("a"), Op.LT, True),
        Compare(Path((Key("data"),)), Op.LT, float("inf")),
        Matches(Name("a"), "\ud800"),
        Not(And((A, Or((Never(),))))),
    ],
)
def test_what_the_dialect_cannot_carry_is_refused(rule):
    with pytest.raises(Invalid) as caught:
        print_expression(rule)
    assert caught.value.code == "rule_unprintable"
