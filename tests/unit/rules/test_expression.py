"""The grammar of the expression dialect: what is read, and what the errors say."""

import pytest

from gateway.domain.errors import Invalid
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.rules.tree import (
    Always,
    And,
    Compare,
    Contains,
    EndsWith,
    Every,
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
    StartsWith,
)

A, B, C = (Compare(Name(name), Op.EQ, "1") for name in "abc")


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "true"])
def test_an_empty_rule_matches_everything(text):
    assert parse_expression(text) == Always()


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("false", Never()),
        ("a = 1 or b = 1 and c = 1", Or((A, And((B, C))))),
        ("(a = 1 or b = 1) and c = 1", And((Or((A, B)), C))),
        ("a = 1 and b = 1 and c = 1", And((A, B, C))),
        ("(a = 1 and b = 1) and c = 1", And((And((A, B)), C))),
        ("not a = 1 and b = 1", And((Not(A), B))),
        ("not (a = 1 and b = 1)", Not(And((A, B)))),
        ("not not a = 1", Not(Not(A))),
        ("((a = 1))", A),
        ("NOT a=1 AND(b==1)", And((Not(A), B))),
    ],
)
def test_joining_and_negating(text, tree):
    assert parse_expression(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a==x", Compare(Name("a"), Op.EQ, "x")),
        ("a!=x", Compare(Name("a"), Op.NE, "x")),
        ("severity<error", Compare(Name("severity"), Op.LT, "error")),
        ("a <= 5", Compare(Name("a"), Op.LE, 5)),
        ("a > -1.5e3", Compare(Name("a"), Op.GT, -1500.0)),
        ('a >= "5"', Compare(Name("a"), Op.GE, "5")),
        ("a = 5", Compare(Name("a"), Op.EQ, "5")),
        ("a = 1.10", Compare(Name("a"), Op.EQ, "1.10")),
        ("a = true", Compare(Name("a"), Op.EQ, "true")),
        ("a in (x, 'y z', 1)", In(Name("a"), ("x", "y z", "1"))),
        ("a not in (x)", And((Exists(Name("a")), Not(In(Name("a"), ("x",)))))),
        ("a starts-with x", StartsWith(Name("a"), "x")),
        ("a ends-with .tar.gz", EndsWith(Name("a"), ".tar.gz")),
        ("a contains x", Contains(Name("a"), "x")),
        ("a matches *!automation", Matches(Name("a"), "*!automation")),
        ("a exists", Exists(Name("a"))),
        ("exists a", Exists(Name("a"))),
        ("exists(a)", Exists(Name("a"))),
        ("not exists ( a )", Not(Exists(Name("a")))),
        ("notification-type = x", Compare(Name("notification-type"), Op.EQ, "x")),
        ("notable = x", Compare(Name("notable"), Op.EQ, "x")),
    ],
)
def test_atoms_over_names(text, tree):
    assert parse_expression(text) == tree
    assert repr(parse_expression(text)) == repr(tree)


def _path(*steps):
    return Path((Key("data"), *steps))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("data = null", Compare(_path(), Op.EQ, None)),
        ("data.a.b-c = true", Compare(_path(Key("a"), Key("b-c")), Op.EQ, True)),
        ("data.a[0][-1].b != 5", Compare(_path(Key("a"), Index(0), Index(-1), Key("b")), Op.NE, 5)),
        ('data["odd \\"key\\""] = "5"', Compare(_path(Key('odd "key"')), Op.EQ, "5")),
        ("data[*].x in (1, 1.5, a, null)", In(_path(Every(), Key("x")), (1, 1.5, "a", None))),
        ("data.tags contains 7", Contains(_path(Key("tags")), 7)),
        ("data.a starts-with 7", StartsWith(_path(Key("a")), "7")),
        ("data.x exists", Exists(_path(Key("x")))),
    ],
)
def test_paths_into_data_are_typed(text, tree):
    assert parse_expression(text) == tree
    assert repr(parse_expression(text)) == repr(tree)


@pytest.mark.parametrize(
    "word",
    [
        "/datastore/ibs-primary/production",
        "crn:v1:bluemix:public:is:us-south:a/123::volume:r006-1",
        "root@pam!token",
        r"C:\Backup\Daily",
        "2026-03-01T08:00:00+02:00",
        "Größe",
        "*.txt",
        "exists",
    ],
)
def test_a_value_of_these_characters_needs_no_quotes(word):
    assert parse_expression(f"a = {word}") == Compare(Name("a"), Op.EQ, word)


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        ('"a \\"b\\""', 'a "b"'),
        ("'it\\'s'", "it's"),
        ('"it\'s"', "it's"),
        ('"C:\\\\new"', "C:\\new"),
        ('"\\u00e9\\u000a"', "é\n"),
        ('""', ""),
        ('"and"', "and"),
    ],
)
def test_quoted_texts(quoted, text):
    assert parse_expression(f"a = {quoted}") == Compare(Name("a"), Op.EQ, text)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("severity", 9, "an operator was expected, found the end"),
        ("severity >= ", 13, "a value was expected, found the end"),
        ("severity in error", 13, "`(` was expected, found `error`"),
        ("severity in (error critical)", 20, "`,` or `)` was expected, found `critical`"),
        ("a = b and", 10, "the name of an attribute was expected, found the end"),
        ("a = and", 5, "a value was expected, found `and`"),
        ("(a = b", 7, "`and`, `or` or `)`"),
        ("a = b)", 6, "found `)`"),
        ("title = Backup failed", 16, "a value with white space needs quotes"),
        ('a = "x', 5, "does not end"),
        ('a = "C:\\backup"', 8, "`\\b` is no escape"),
        ('a = "\\ud800"', 6, "surrogate"),
        ("a = '\\\n'", 6, "a backslash before white space is no escape"),
        ("a = \x00", 5, "U+0000"),
        ("a = b\N{NO-BREAK SPACE}c", 6, "found U+00A0"),
        ("data.a[1", 9, "`]` was expected"),
        ("data. = 1", 6, "a name has to follow the dot"),
        ("not = x", 5, "the name of an attribute was expected"),
    ],
)
def test_errors_name_the_position_and_what_was_expected(text, position, says):
    with pytest.raises(Invalid) as caught:
        parse_expression(text)
    assert caught.value.code == "rule_syntax"
    assert caught.value.detail.startswith(f"at character {position}: ")
    assert says in caught.value.detail


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("type startswith x", "`starts-with`"),
        ("type begins-with x", "`starts-with`"),
        ("type starts with x", "`starts-with`"),
        ("type like x", "`matches`"),
        ("type contain x", "`contains`"),
        ("type is x", "`=`"),
        ("type = x && a = y", "`and`"),
        ("type = x || a = y", "`or`"),
        ("Severity = error", "`severity`"),
        ("event.severity = error", "`severity`"),
        ("dat.x = 1", "`data.x`"),
        ("job.name = 1", "`data.job.name`"),
        ("severity = eror", "`error`"),
        ("severity in (info, notise)", "`notice`"),
        ("severity >= high", "critical"),
    ],
)
def test_near_misses_are_answered_with_a_suggestion(text, suggestion):
    with pytest.raises(Invalid) as caught:
        parse_expression(text)
    problem = caught.value.problems[0]
    assert suggestion in problem.detail + problem.expected


def test_an_unknown_severity_is_refused_at_its_place():
    with pytest.raises(Invalid) as caught:
        parse_expression("type = x and severity >= eror")
    assert caught.value.code == "severity_unknown"
    assert "at character 26" in caught.value.detail


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("type =~ '(a'", "at character 9: at character 1 of the regular expression: the group does not end"),
        ("type =~ '(?=a)'", "at character 9: at character 1 of the regular expression: this group is not"),
        ("weekday(Mars/Phobos) = mon", "at character 9: 'Mars/Phobos' is no time zone"),
    ],
)
def test_a_value_that_is_none_is_refused_at_its_place(text, says):
    with pytest.raises(Invalid) as caught:
        parse_expression(text)
    assert caught.value.code == "rule_value"
    assert caught.value.detail.startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        "weekday() = someday",
        "weekday() > mon",
        "time-of-day() >= 24:00",
        "time-of-day() = 7:00",
        "time-of-day() in (07:00, x)",
    ],
)
def test_a_part_of_the_time_takes_only_its_own_values(text):
    with pytest.raises(Invalid) as caught:
        compile_rule(parse_expression(text))
    assert caught.value.code == "rule_value"


@pytest.mark.parametrize("text", ["type !~ 'a'", "type =~ a", "weekday() matches x", "time-of-day(UTC = 7"])
def test_more_that_is_refused(text):
    with pytest.raises(Invalid) as caught:
        parse_expression(text)
    assert caught.value.code == "rule_syntax"
