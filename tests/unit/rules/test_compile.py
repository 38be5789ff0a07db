"""What rules mean: types, what is missing, order, several values, and evaluation that cannot finish."""

import pytest

from gateway.domain.errors import Invalid
from gateway.domain.event import Event
from gateway.domain.view import EventView
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.tree import (
    Always,
    And,
    Compare,
    Contains,
    In,
    Key,
    Matches,
    Name,
    Never,
    Not,
    Op,
    Or,
    Path,
)

ABSENT_ATOMS = (
    "actor = x",
    "actor != x",
    "actor in (x)",
    "actor not in (x)",
    "actor < x",
    "actor > 1",
    "actor starts-with x",
    "actor ends-with x",
    "actor contains x",
    "actor matches *",
    "exists actor",
    "resource != x",
    "resource matches *",
    "severity = error",
    "severity != error",
    "severity < error",
    "severity matches *",
    "time < 2026-01-01T00:00:00Z",
    "data.x = null",
    "data.x != null",
    "data.x != 1",
    "data.x < 1",
    "data[*] != 1",
    "data.x contains y",
    "exists data.x",
)


@pytest.mark.parametrize("atom", ABSENT_ATOMS)
def test_what_is_missing_matches_nothing_and_not_negates_that(holds, atom):
    assert not holds(atom)
    assert holds(f"not ({atom})")


def test_always_and_never(view):
    assert compile_rule(Always())(view())
    assert not compile_rule(Never())(view())
    assert compile_rule(And(()))(view())
    assert not compile_rule(Or(()))(view())


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_and_and_or_of_any_size(view, size):
    parts = (Always(),) * (size - 1)
    assert compile_rule(And((*parts, Always())))(view())
    assert not compile_rule(And((*parts, Never())))(view())
    parts = (Never(),) * (size - 1)
    assert compile_rule(Or((*parts, Always())))(view())
    assert not compile_rule(Or((*parts, Never())))(view())


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("severity = warning", True),
        ("severity = warn", True),
        ("severity != error", True),
        ("severity < error", True),
        ("severity <= warning", True),
        ("severity > warning", False),
        ("severity >= notice", True),
        ("severity starts-with warn", True),
        ("severity contains arni", True),
        ("exists severity", True),
    ],
)
def test_severity_is_ordered(holds, text, fits):
    assert holds(text, words={"severity": "warning"}) is fits


def test_severity_falls_back_to_an_attribute_of_that_name(holds):
    assert holds("severity >= error", severity="Fatal")
    assert not holds("severity >= error", severity="nonsense")
    assert not holds("severity != error", severity="nonsense")
    assert holds("severity exists", severity="nonsense")
    assert not holds("severity >= error", severity="critical", words={"severity": "info"})


def test_an_unknown_severity_is_refused_at_compile_with_a_suggestion():
    for rule in (
        Compare(Name("severity"), Op.GE, "eror"),
        In(Name("severity"), ("error", "eror")),
        Compare(Name("severity"), Op.EQ, 4),
    ):
        with pytest.raises(Invalid) as caught:
            compile_rule(rule)
        assert caught.value.code == "severity_unknown"
    with pytest.raises(Invalid, match="did you mean `error`"):
        compile_rule(Compare(Name("severity"), Op.GE, "eror"))


def test_words_of_the_vocabulary_come_before_attributes(holds):
    assert holds("actor = root", words={"actor": "root"}, actor="other")
    assert holds("actor = other", actor="other")
    assert holds("outcome in (failed, corrupt)", words={"outcome": Outcome.CORRUPT})
    assert holds("task_id = 12", words={"task_id": "12"})


def test_core_attributes_are_never_taken_from_the_vocabulary(holds):
    assert holds("subject = vm/100", subject="vm/100", words={"title": "A title"})
    assert not holds("exists subject", words={"title": "A title"})
    assert holds("id = e-1 and source starts-with /backup/ and specversion = 1.0")


def test_the_resource_differs_only_if_no_spelling_is_equal(holds):
    words = {"resource": "vm/1", "resources": ("vm/1", "/store/vm/1")}
    assert not holds("resource != /store/vm/1", words=words)
    assert not holds("resource != vm/1", words=words)
    assert holds("resource != vm/2", words=words)
    assert holds("resource = vm/3", resource="vm/3")
    assert holds("resource = x", words={"resources": ("x",)})
    assert holds("exists resource and resource in (a, vm/1) and resource ends-with /1", words=words)


@pytest.mark.parametrize("value", [5, "5"])
def test_an_attribute_is_the_same_from_binary_and_from_structured_mode(holds, value):
    atoms = ("= 5", "in (5)", ">= 5", "< 6.5", "starts-with 5", "!= 6", "contains 5", "matches 5", "exists")
    assert [atom for atom in atoms if not holds(f"a {atom}", a=value)] == []


def test_a_boolean_attribute_reads_true_not_capitalised(holds):
    assert holds("deprecated = true and deprecated in (true) and deprecated starts-with t", deprecated=True)
    assert not holds("deprecated = True or deprecated = 1 or deprecated >= 1", deprecated=True)


def test_text_that_is_no_numeral_has_no_order_with_a_number(holds):
    for text in ("5a", "", "1_000", "٣", "9" * 30, "nan", "inf", "-"):
        assert not holds("a >= 0 or a < 0", a=text)
    assert holds("a > b", a="c")
    assert holds("a < 0.5", a="-3.25")


def test_time_is_compared_across_offsets(holds):
    at_noon_in_rome = {"time": "2026-03-01T12:00:00+01:00"}
    assert holds("time < 2026-03-01T11:30:00Z", **at_noon_in_rome)
    assert not holds("time > 2026-03-01T11:30:00Z", **at_noon_in_rome)
    assert holds("time >= 2026-03-01T11:00:00Z and time <= 2026-03-01T11:00:00Z", **at_noon_in_rome)
    assert not holds("time > 2000-01-01T00:00:00Z", time="yesterday")
    assert not holds("time > 2000-01-01T00:00:00Z", time="2026-03-01T12:00:00")


@pytest.mark.parametrize("literal", ["yesterday", "2026-03-01T12:00:00", 5, None, True])
def test_time_is_only_compared_with_a_timestamp(literal):
    with pytest.raises(Invalid) as caught:
        compile_rule(Compare(Name("time"), Op.LT, literal))
    assert caught.value.code == "rule_value"


VALUES = {
    "one": 1,
    "float": 1.0,
    "yes": True,
    "no": False,
    "null": None,
    "text": "1",
    "list": [1],
    "object": {"a": 1},
}


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("= 1", {"one", "float"}),
        ("= 1.0", {"one", "float"}),
        ("= true", {"yes"}),
        ("= false", {"no"}),
        ("= null", {"null"}),
        ('= "1"', {"text"}),
        ("!= 1", set()),
        ("!= 2", {"one", "float"}),
        ("!= true", {"no"}),
        ('!= "2"', {"text"}),
        ("!= null", set(VALUES) - {"null"}),
        ("< 2", {"one", "float"}),
        ('<= "2"', {"text"}),
        ("in (1)", {"one", "float"}),
        ("in (true, null)", {"yes", "null"}),
        ('in ("1", 2)', {"text"}),
        ("contains 1", {"list"}),
        ('contains "1"', {"text"}),
        ("starts-with 1", {"text"}),
        ("ends-with 1", {"text"}),
        ("matches 1", {"text"}),
        ("exists", set(VALUES)),
    ],
)
def test_values_of_different_types_do_not_match(holds, text, matching):
    assert {name for name in VALUES if holds(f"data.{name} {text}", data=VALUES)} == matching


@pytest.mark.parametrize("literal", [None, True, False])
def test_what_has_no_order_is_refused(literal):
    for operand in (Path((Key("data"),)), Name("a")):
        with pytest.raises(Invalid) as caught:
            compile_rule(Compare(operand, Op.LT, literal))
        assert caught.value.code == "rule_value"


def test_an_attribute_is_never_compared_with_null():
    for rule in (Compare(Name("a"), Op.EQ, None), In(Name("a"), (None,)), Contains(Name("actor"), None)):
        with pytest.raises(Invalid) as caught:
            compile_rule(rule)
        assert caught.value.code == "rule_value"


def test_literals_of_other_types_are_read_by_a_name_as_their_text(view):
    assert compile_rule(Compare(Name("a"), Op.EQ, 5))(view(a="5"))
    assert compile_rule(Compare(Name("a"), Op.EQ, True))(view(a="true"))
    assert compile_rule(In(Name("a"), (1.5, False)))(view(a="1.5"))


def test_data_that_is_absent_null_or_a_value_are_three_things(holds):
    assert not holds("exists data")
    assert holds("exists data and data = null", data=None)
    assert holds("data = 5", data=5)


def test_a_path_with_several_values_matches_if_one_does(holds, ibm_holds):
    data = {"jobs": [{"state": "ok", "n": 1}, {"state": "failed", "n": 7}], "none": []}
    assert holds("data.jobs[*].state = failed and data.jobs[*].state != failed", data=data)
    assert not holds("data.jobs[*].state = late or data.none[*] != x or exists data.none[*]", data=data)
    assert holds("data.jobs[*].n > 5 and not data.jobs[*].n > 7", data=data)
    assert ibm_holds(
        "$.data.jobs[0,1].n == 7 && $..state == 'failed' && $.data['x','jobs'][-1:].n == 7", data=data
    )
    assert not ibm_holds("$.data.jobs[0,5].n == 7 || $.data.jobs[5:].n == 7 || $..nowhere", data=data)


def test_a_descent_reaches_attributes_and_data(ibm_holds):
    assert ibm_holds("$..type == 'backup.failed' && $..a == 1", data=[{"b": [{"a": 1}]}])


def test_a_part_of_a_tree_can_be_compiled_alone(view):
    rule = parse_expression("type = backup.failed and data.x > 5")
    assert [compile_rule(part)(view(data={"x": 1})) for part in rule.parts] == [True, False]


@pytest.mark.parametrize(
    "text", ["$..*", "not($..* == 'x')", "$.type == 'x' || $..* == 'x'", "$.data[*].* == 2"]
)
def test_a_rule_that_cannot_be_evaluated_matches_nothing_and_is_counted(view, problems, text):
    wide = view(data=[[1] * 200 for _ in range(200)])
    assert not compile_rule(parse_ibm(text), problems)(wide)
    assert problems.by_code == {"path_too_wide": 1}
    assert problems.total == 1
    assert not compile_rule(parse_ibm("not($..* == 'x')"))(wide)


def test_what_is_decided_before_a_failing_atom_stands(view, problems):
    wide = view(data=list(range(20_000)))
    assert compile_rule(parse_ibm("$.type == 'backup.failed' || $..* == 'x'"), problems)(wide)
    assert not compile_rule(parse_ibm("$.type == 'other' && $..* == 'x'"), problems)(wide)
    assert problems.total == 0


def test_a_glob_that_would_cost_too_much_is_not_evaluated(view, problems):
    rule = Not(Matches(Name("subject"), "*" + "a?" * 8 + "*"))
    assert not compile_rule(rule, problems)(view(subject="a" * 300_000))
    assert problems.by_code == {"glob_too_costly": 1}
    assert not compile_rule(rule, problems)(view(subject="a" * 1000))
    assert problems.total == 1


def test_attributes_that_are_arrays_or_objects_have_no_text():
    event = Event({"specversion": "1.0", "id": "1", "source": "s", "type": "t", "attachments": [{"a": 1}]})
    seen = EventView(event, Vocabulary())
    for text in ("attachments contains a", "attachments matches *", "attachments != x", "exists attachments"):
        assert not compile_rule(parse_expression(text))(seen)
    assert compile_rule(parse_ibm("$.attachments[0].a == 1"))(seen)


def test_instants_at_the_ends_of_the_calendar_are_compared(holds):
    assert holds("time < 0001-01-01T00:00:00Z", time="0001-01-01T00:00:00+23:59")
    assert holds("time > 9999-12-31T23:59:59Z", time="9999-12-31T23:59:59-23:59")
    assert not holds("time > 2016-12-31T23:59:59Z", time="2016-12-31T23:59:60Z")
