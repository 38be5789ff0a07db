"""The types that a rule can match at all."""

import pytest

from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.necessary import ANYTHING, NOTHING, Necessary, demands
from gateway.rules.tree import And, Compare, Key, Name, Never, Op, Or, Path


def necessary_types(rule):
    return demands(rule).get(Name("type"), ANYTHING)


def _exact(*types):
    return Necessary(frozenset(types))


def _prefixes(*prefixes):
    return Necessary(frozenset(), prefixes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ANYTHING),
        ("false", NOTHING),
        ("severity = error", ANYTHING),
        ("type = a", _exact("a")),
        ("type in (a, b)", _exact("a", "b")),
        ("type starts-with a.", _prefixes("a.")),
        ('type starts-with ""', ANYTHING),
        ("type matches a.*.b", _prefixes("a.")),
        ("type matches *a", ANYTHING),
        ("type matches a", _exact("a")),
        ("type != a", ANYTHING),
        ("type ends-with a", ANYTHING),
        ("not type = a", ANYTHING),
        ("type = a and severity = error", _exact("a")),
        ("type = a or severity = error", ANYTHING),
        ("type = a or type starts-with b.", Necessary(frozenset({"a"}), ("b.",))),
        ("type = b.x or type starts-with b.", _prefixes("b.")),
        ("type starts-with b. or type starts-with b.c or type starts-with a", _prefixes("a", "b.")),
        ("type starts-with b. and type starts-with b.c.", _prefixes("b.c.")),
        ("type starts-with b. and type in (a, b.x)", _exact("b.x")),
        ("type = a and type = b", NOTHING),
        ("type starts-with a and type starts-with b", NOTHING),
        (
            "(type = a or severity = error) and (type = b or type starts-with c.)",
            Necessary(frozenset("b"), ("c.",)),
        ),
    ],
)
def test_conditions_on_the_type(text, expected):
    assert necessary_types(parse_expression(text)) == expected


def test_the_type_as_a_path_counts_too():
    assert necessary_types(parse_ibm("$.type == 'a' && $.data.x > 1")) == _exact("a")
    assert necessary_types(parse_ibm("$.type == 5")) == NOTHING
    assert necessary_types(parse_ibm("$.data.type == 'a'")) == ANYTHING
    assert necessary_types(Compare(Path((Key("type"),), folded=True), Op.EQ, "a")) == ANYTHING


def test_a_name_reads_literals_as_text():
    assert necessary_types(Compare(Name("type"), Op.EQ, 5)) == _exact("5")


def test_empty_conjunctions_and_disjunctions():
    assert necessary_types(And(())) == ANYTHING
    assert necessary_types(Or(())) == NOTHING
    assert necessary_types(Or((Never(), Compare(Name("type"), Op.EQ, "a")))) == _exact("a")


def test_what_is_allowed():
    condition = Necessary(frozenset({"a"}), ("b.",))
    assert [condition.allows(type) for type in ("a", "b.x", "b", "ab.")] == [True, True, False, False]
    assert ANYTHING.is_anything and ANYTHING.allows("") and not ANYTHING.is_nothing
    assert NOTHING.is_nothing and not NOTHING.allows("")
