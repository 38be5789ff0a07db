"""The grammar of IBM's filters: what is read, and what is refused and how."""

import pytest

from gateway.domain.errors import Invalid
from gateway.rules.ibm import parse_ibm, parse_rule
from gateway.rules.tree import (
    Always,
    And,
    Choice,
    Compare,
    Descend,
    Every,
    Exists,
    Index,
    Key,
    Not,
    Op,
    Or,
    Path,
    Slice,
)

A, B, C = (Exists(Path((Key(name),))) for name in "abc")


def _path(*steps):
    return Path(tuple(Key(step) if isinstance(step, str) else step for step in steps))


@pytest.mark.parametrize("text", ["", "  ", "$.*", "$", "($.*)"])
def test_what_takes_everything(text):
    assert parse_ibm(text) == Always()


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("$.a || $.b && $.c", Or((A, And((B, C))))),
        ("($.a || $.b) && $.c", And((Or((A, B)), C))),
        ("not($.a && $.b)", Not(And((A, B)))),
        ("not ($.a)||$.b", Or((Not(A), B))),
    ],
)
def test_joining_and_negating(text, tree):
    assert parse_ibm(text) == tree


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$.data.severity", ("data", "severity")),
        ("$['data']['odd name']", ("data", "odd name")),
        ('$.data["it\'s \\n"]', ("data", "it's \n")),
        ("$.data[0][-1]", ("data", Index(0), Index(-1))),
        ("$.data[1:3]", ("data", Slice(1, 3))),
        ("$.data[-2:]", ("data", Slice(-2, None))),
        ("$.data[ : 2 ]", ("data", Slice(None, 2))),
        ("$.data[*].x", ("data", Every(), "x")),
        ("$.data.*.x", ("data", Every(), "x")),
        ("$..x", (Descend(), "x")),
        ("$..*", (Descend(), Every())),
        ("$.data..[0]", ("data", Descend(), Index(0))),
        ("$['a','b']", (Choice((Key("a"), Key("b"))),)),
        ("$.data[0,-1,2:]", ("data", Choice((Index(0), Index(-1), Slice(2, None))))),
        ("$.notification-type", ("notification-type",)),
        ("$.größe", ("größe",)),
    ],
)
def test_paths(text, steps):
    assert parse_ibm(text) == Exists(_path(*steps))


@pytest.mark.parametrize(
    ("text", "op", "literal"),
    [
        ("$.a == 'x'", Op.EQ, "x"),
        ('$.a!="x"', Op.NE, "x"),
        ("$.a<-1.5", Op.LT, -1.5),
        ("$.a <= 5", Op.LE, 5),
        ("$.a > 1e3", Op.GT, 1000.0),
        ("$.a >= 0", Op.GE, 0),
        ("$.a == true", Op.EQ, True),
        ("$.a == null", Op.EQ, None),
        ("$.a == '\\u00e9\\t\\'\\\\'", Op.EQ, "é\t'\\"),
    ],
)
def test_comparisons(text, op, literal):
    expected = Compare(_path("a"), op, literal)
    assert parse_ibm(text) == expected
    assert repr(parse_ibm(text)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "construct"),
    [
        ("$.data[(@.length-1)]", "scripts in brackets"),
        ("$.a == $.b", "comparing two paths"),
        ("$.a[?(@.b == $.c)]", "comparing two paths"),
    ],
)
def test_what_is_not_supported_yet_is_refused_by_name(text, construct):
    with pytest.raises(Invalid) as caught:
        parse_ibm(text)
    assert caught.value.code == "rule_unsupported"
    assert construct in caught.value.detail


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("type == 'x'", 1, "begins with `$`"),
        ("$.a = 'x'", 5, "did you mean `==`?"),
        ("$.a => 5", 5, "did you mean `>=`?"),
        ("$.a == x", 8, "a text in quotes, a number"),
        ("$.a == 'x", 8, "does not end"),
        ("$.a && ", 8, "begins with `$`"),
        ("$.a and $.b", 5, "found `and`"),
        ("($.a", 5, "`)`"),
        ("$.a)", 4, "found `)`"),
        ("!$.a", 2, "`!` is no operator here"),
        ("not $.a", 5, "`(` was expected"),
        ("$.", 3, "a name has to follow"),
        ("$.a[", 5, "a quoted name, a position"),
        ("$.a[1", 6, "`]`"),
        ("$.a[?@.b]", 6, "`(` was expected"),
        ("$.a[?($.b)]", 7, "begins with `@` in `?(...)`"),
        ("@.a", 1, "begins with `$`"),
        ("$.a =~ x", 8, "a regular expression in quotes"),
    ],
)
def test_errors_name_the_position_and_what_was_expected(text, position, says):
    with pytest.raises(Invalid) as caught:
        parse_ibm(text)
    assert caught.value.code == "rule_syntax"
    assert caught.value.detail.startswith(f"at character {position}: ")
    assert says in caught.value.detail


def test_both_filters_of_a_rule_have_to_hold():
    assert parse_rule("$.*", "") == Always()
    assert parse_rule("$.a", "") == A
    assert parse_rule("$.*", "$.b") == B
    assert parse_rule("$.a", "$.b || $.c") == And((A, Or((B, C))))


@pytest.mark.parametrize(
    ("filters", "pointer"), [(("$.", ""), "/event_type_filter"), (("$.*", "$.a = 1"), "/notification_filter")]
)
def test_the_error_points_at_the_filter_that_is_wrong(filters, pointer):
    with pytest.raises(Invalid) as caught:
        parse_rule(*filters)
    assert caught.value.problems[0].pointer == pointer
