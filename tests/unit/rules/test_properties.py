"""Laws that hold for all rules and events: printing, necessary types, meaning, and never raising."""

import dataclasses
import re
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.domain.event import Event
from gateway.domain.severity import Severity, from_word
from gateway.domain.view import MISSING, EventView
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.rules.compile import compile_rule
from gateway.rules.explain import explain_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import SEVERITY, parse_ibm
from gateway.rules.ibm_printer import print_ibm
from gateway.rules.index import RuleIndex, filing_of
from gateway.rules.limits import MAX_LENGTH
from gateway.rules.necessary import ANYTHING, demands
from gateway.rules.printer import print_expression
from gateway.rules.terms import is_bare_name
from gateway.rules.tree import (
    Always,
    And,
    Choice,
    Compare,
    Contains,
    Descend,
    EndsWith,
    Every,
    Exists,
    Finds,
    In,
    Index,
    Key,
    Matches,
    Moment,
    Name,
    Never,
    Not,
    Op,
    Or,
    Part,
    Path,
    Rule,
    Slice,
    StartsWith,
    Where,
    reads_payload,
)

laws = settings(max_examples=300, deadline=None)

TYPES = ("backup.failed", "backup.ok", "backup", "sync.failed", "sync", "b", "")
TEXTS = st.sampled_from((*TYPES, "a", "5", "-1", "5.0", "true", "null", "and", "x y", 'q"\\', "é\n"))
LITERALS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-6, 6),
    st.sampled_from((0.5, 5.0, -1.0, 1e22)),
    TEXTS,
    st.text(max_size=5),
)
NUMBERS = st.one_of(st.integers(-6, 6), st.floats(allow_nan=False, allow_infinity=False))
GLOBS = st.one_of(
    st.sampled_from(("*", "backup.*", "*.failed", "s?nc*", "*k?p*.f*")), st.text("abc.*?[]", max_size=8)
)
PATTERNS = st.sampled_from(
    (
        "",
        "a",
        "^backup",
        r"\.failed$",
        "a|b",
        "[^a-z]",
        r"\d",
        "(?i)SYNC",
        "e{2}",
        r"x\s\[y",
        "'",
        ".*é",
        "^$",
    )
)
SEVERITIES = st.sampled_from([severity.word for severity in Severity])
KEYS = st.one_of(st.sampled_from("abx"), st.sampled_from(("type", "data")), st.text(max_size=3))
NAMES = st.sampled_from(
    ["type", "source", "subject", "resource", "actor", "outcome", "job", "ext", "notification-type"]
)


# Trees that the expression dialect can carry.

data_paths = st.lists(
    st.one_of(st.builds(Key, KEYS), st.builds(Index, st.integers(-3, 3)), st.just(Every())), max_size=3
).map(lambda steps: Path((Key("data"), *steps)))
names = st.one_of(NAMES, st.text("abcdeotrsnixE-_1", min_size=1, max_size=8)).filter(is_bare_name).map(Name)
plain_names = names.filter(lambda name: name.text not in {"severity", "time"})
operands = st.one_of(names, data_paths)
DAYS = st.sampled_from(("mon", "sunday", "Sat"))
HOURS = st.sampled_from(("00:00", "08:00", "08:30:15", "23:59"))
ZONES = st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"))
days = st.builds(Moment, st.just(Part.WEEKDAY), ZONES)
hours = st.builds(Moment, st.just(Part.TIME_OF_DAY), ZONES)
equalities = st.sampled_from((Op.EQ, Op.NE))
orders = st.sampled_from((Op.LT, Op.LE, Op.GT, Op.GE))

printable_atoms = st.one_of(
    st.builds(Compare, st.just(Name("severity")), st.sampled_from(Op), SEVERITIES),
    st.builds(In, st.just(Name("severity")), st.lists(SEVERITIES, min_size=1, max_size=3).map(tuple)),
    st.builds(Compare, plain_names, equalities, TEXTS),
    st.builds(Compare, plain_names, orders, st.one_of(NUMBERS, TEXTS)),
    st.builds(In, plain_names, st.lists(TEXTS, min_size=1, max_size=3).map(tuple)),
    st.builds(Compare, data_paths, equalities, LITERALS),
    st.builds(Compare, data_paths, orders, st.one_of(NUMBERS, TEXTS)),
    st.builds(In, data_paths, st.lists(LITERALS, min_size=1, max_size=3).map(tuple)),
    st.builds(Contains, data_paths, LITERALS),
    st.builds(Contains, names, TEXTS),
    st.builds(StartsWith, operands, TEXTS),
    st.builds(EndsWith, operands, TEXTS),
    st.builds(Matches, operands, GLOBS),
    st.builds(Exists, operands),
    st.builds(Finds, operands, PATTERNS),
    st.builds(Compare, days, equalities, DAYS),
    st.builds(In, days, st.lists(DAYS, min_size=1, max_size=3).map(tuple)),
    st.builds(Compare, hours, st.sampled_from(Op), HOURS),
    st.builds(In, hours, st.lists(HOURS, min_size=1, max_size=3).map(tuple)),
    st.builds(Exists, st.one_of(days, hours)),
)


def _joined(atoms):
    return st.recursive(
        st.one_of(st.just(Always()), st.just(Never()), atoms),
        lambda rules: st.one_of(
            st.builds(Not, rules),
            st.builds(And, st.lists(rules, min_size=2, max_size=3).map(tuple)),
            st.builds(Or, st.lists(rules, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=8,
    )


printable = _joined(printable_atoms)

# Trees that only other dialects can write, over events that are made to meet them.

ENDS = st.none() | st.integers(-3, 3)
plain_selectors = st.one_of(
    st.builds(Key, KEYS),
    st.builds(Index, st.integers(-3, 3)),
    st.builds(Slice, ENDS, ENDS, ENDS),
    st.just(Every()),
)
member_paths = st.lists(plain_selectors, max_size=2).map(lambda steps: Path(tuple(steps)))
member_atoms = st.one_of(
    st.builds(Compare, member_paths, equalities, LITERALS),
    st.builds(Compare, member_paths, orders, st.one_of(NUMBERS, TEXTS)),
    st.builds(Exists, member_paths),
    st.builds(Finds, member_paths, PATTERNS),
)
conditions = st.recursive(
    member_atoms,
    lambda rules: st.one_of(
        st.builds(Not, rules),
        st.builds(And, st.lists(rules, min_size=2, max_size=2).map(tuple)),
        st.builds(Or, st.lists(rules, min_size=2, max_size=2).map(tuple)),
    ),
    max_leaves=3,
)
selectors = st.one_of(plain_selectors, st.builds(Where, conditions))
steps = st.one_of(
    selectors, st.just(Descend()), st.builds(Choice, st.lists(selectors, min_size=2, max_size=3).map(tuple))
)
paths = st.builds(Path, st.lists(steps, max_size=4).map(tuple), st.booleans())
other_atoms = st.one_of(
    st.builds(Compare, paths, equalities, LITERALS),
    st.builds(Compare, paths, orders, st.one_of(NUMBERS, TEXTS)),
    st.builds(In, paths, st.lists(LITERALS, max_size=3).map(tuple)),
    st.builds(Contains, paths, LITERALS),
    st.builds(StartsWith, paths, TEXTS),
    st.builds(EndsWith, paths, TEXTS),
    st.builds(Matches, paths, GLOBS),
    st.builds(Exists, paths),
    st.builds(Finds, paths, PATTERNS),
)

# Trees that IBM's dialect can carry.

ibm_paths = st.one_of(
    st.lists(selectors, max_size=3).map(tuple),
    st.lists(selectors, min_size=1, max_size=2).map(lambda steps: (Descend(), *steps)),
    st.lists(plain_selectors, min_size=2, max_size=3).map(lambda parts: (Choice(tuple(parts)),)),
).map(lambda steps: Path(steps, steps == SEVERITY.steps))
ibm_values = st.one_of(st.booleans(), st.none(), st.integers(-6, 6), st.sampled_from((0.5, -1e30)), TEXTS)
ibm_atoms = st.one_of(
    st.builds(Compare, ibm_paths, equalities, ibm_values),
    st.builds(Compare, ibm_paths, orders, st.one_of(NUMBERS, TEXTS)),
    st.builds(Exists, ibm_paths.filter(lambda path: path.steps not in {(), (Every(),)})),
    st.builds(Finds, ibm_paths, PATTERNS),
)
ibm_rule = st.recursive(
    ibm_atoms,
    lambda rules: st.one_of(
        st.builds(Not, rules),
        st.builds(And, st.lists(rules, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(rules, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)

type_operands = st.sampled_from((Name("type"), Path((Key("type"),))))
type_atoms = st.one_of(
    st.builds(Compare, type_operands, equalities, TEXTS),
    st.builds(In, st.just(Name("type")), st.lists(TEXTS, max_size=3).map(tuple)),
    st.builds(StartsWith, st.just(Name("type")), st.sampled_from(("backup.", "b", "s", ""))),
    st.builds(Matches, st.just(Name("type")), GLOBS),
)


def _is_within_the_limits(rule: Rule) -> bool:
    try:
        compile_rule(rule)
    except Invalid:
        return False
    return True


any_rule = _joined(st.one_of(printable_atoms, other_atoms, type_atoms)).filter(_is_within_the_limits)

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-6, 6), st.sampled_from((0.5, 5.0)), TEXTS),
    lambda values: st.one_of(st.lists(values, max_size=3), st.dictionaries(KEYS, values, max_size=3)),
    max_leaves=6,
)
NAMED = st.sampled_from(("subject", "ext", "actor", "severity", "resource", "a"))
attributes = st.one_of(TEXTS, st.integers(-6, 6), st.booleans())
odd_attributes = st.one_of(attributes, json_values)


TIMES = ("2026-03-01T08:00:00Z", "2026-03-29T01:30:00+01:00", "2026-12-31T23:59:59.5-05:00", "soon")


@st.composite
def views(draw, values=attributes):
    found = {
        "specversion": "1.0",
        "id": "1",
        "source": draw(TEXTS),
        "type": draw(st.sampled_from(TYPES)),
        **draw(st.dictionaries(NAMED, values)),
        **draw(st.sampled_from([{}, *({"time": time} for time in TIMES)])),
    }
    vocabulary = Vocabulary(
        severity=draw(st.none() | st.sampled_from(Severity)),
        outcome=draw(st.none() | st.sampled_from(Outcome)),
        resource=draw(st.none() | TEXTS),
        resources=draw(st.lists(TEXTS, max_size=2).map(tuple)),
        actor=draw(st.none() | TEXTS),
    )
    return EventView(Event(found), vocabulary, draw(st.just(MISSING) | json_values))


# A second reading of what rules mean, as plain as can be.


def _select(node, step):
    members = list(node.items()) if isinstance(node, dict) else []
    elements = node if isinstance(node, list) else []
    match step:
        case Key(name):
            return [value for key, value in members if key == name]
        case Index(position):
            return [v for i, v in enumerate(elements) if position in {i, i - len(elements)}]
        case Slice(start, stop, stride):
            return [] if stride == 0 else elements[start:stop:stride]
        case Where(condition):
            return [value for value in _select(node, Every()) if _member_holds(condition, value)]
        case Every():
            return [value for _, value in members] + list(elements)
        case Choice(parts):
            return [value for part in parts for value in _select(node, part)]
        case Descend():
            below = _select(node, Every())
            own = [node] if isinstance(node, dict | list) else []
            return own + [value for child in below for value in _select(child, step)]


def _member_holds(rule, node):
    match rule:
        case And(parts):
            return all(_member_holds(part, node) for part in parts)
        case Or(parts):
            return any(_member_holds(part, node) for part in parts)
        case Not(part):
            return not _member_holds(part, node)
    found = [node]
    for step in rule.operand.steps:
        found = [value for one in found for value in _select(one, step)]
    return _some_value_holds(rule, found)


def _moment(operand, view):
    try:
        instant = datetime.fromisoformat(view.event.attributes["time"])
    except (KeyError, ValueError):
        return []
    local = instant.astimezone(ZoneInfo(operand.zone))
    return [f"{local:%H:%M:%S}" if operand.part is Part.TIME_OF_DAY else f"{local:%a}".lower()]


def _as_moment(part, literal):
    return literal[:3].lower() if part is Part.WEEKDAY else (literal + ":00")[:8]


def _values(operand, view):
    attributes, words = view.event.attributes, view.vocabulary
    if isinstance(operand, Path):
        nodes = [{**attributes} if view.payload is MISSING else {**attributes, "data": view.payload}]
        for step in operand.steps:
            nodes = [value for node in nodes for value in _select(node, step)]
        return [node.casefold() if operand.folded and isinstance(node, str) else node for node in nodes]
    name = operand.text
    if name == "resource" and (words.resources or words.resource is not None):
        return [*words.resources, *([] if words.resource is None else [words.resource])]
    if name in {"outcome", "actor", "job", "resource"} and getattr(words, name) is not None:
        return [getattr(words, name)]
    if name == "severity" and words.severity is not None:
        return [words.severity.word]
    value = attributes.get(name)
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [] if value is None else [str(value)]


def _kind(value):
    return "number" if type(value) in {int, float} else str if isinstance(value, str) else type(value)


def _number(text):
    try:
        return float(text) if text.strip("0123456789.-") == "" else None
    except ValueError:
        return None


def _relates(value, op, literal):
    return {
        Op.EQ: lambda: value == literal,
        Op.NE: lambda: value != literal,
        Op.LT: lambda: value < literal,
        Op.LE: lambda: value <= literal,
        Op.GT: lambda: value > literal,
        Op.GE: lambda: value >= literal,
    }[op]()


def _compares(operand, value, op, literal):
    if isinstance(operand, Name):
        if operand.text == "severity":
            value, literal = from_word(value), from_word(literal)
            return value is not None and _relates(value, op, literal)
        if _kind(literal) == "number":
            value = _number(value)
            return value is not None and _relates(value, op, literal)
    if literal is None and op is Op.NE:
        return value is not None
    return _kind(value) == _kind(literal) and _relates(value, op, literal)


def _atom_holds(atom, view):
    if isinstance(atom.operand, Moment):
        (value,) = _moment(atom.operand, view) or [None]
        if isinstance(atom, Exists) or value is None:
            return value is not None
        literals = atom.literals if isinstance(atom, In) else (atom.literal,)
        op = Op.EQ if isinstance(atom, In) else atom.op
        return any(_relates(value, op, _as_moment(atom.operand.part, one)) for one in literals)
    values = _values(atom.operand, view)
    if isinstance(atom, Compare) and atom.op is Op.NE and isinstance(atom.operand, Name):
        equal = dataclasses.replace(atom, op=Op.EQ)
        known = atom.operand.text != "severity" or any(from_word(value) is not None for value in values)
        return bool(values) and known and not _atom_holds(equal, view)
    return _some_value_holds(atom, values)


def _some_value_holds(atom, values):
    if isinstance(atom, Compare):
        return any(_compares(atom.operand, value, atom.op, atom.literal) for value in values)
    if isinstance(atom, In):
        pairs = [(value, literal) for value in values for literal in atom.literals]
        return any(_compares(atom.operand, value, Op.EQ, literal) for value, literal in pairs)
    if isinstance(atom, Exists):
        return bool(values)
    texts = [str(value) for value in values if isinstance(value, str)]
    if isinstance(atom, Finds):
        return any(re.search(atom.pattern.replace("$", r"\Z"), text, re.ASCII) for text in texts)
    if isinstance(atom, StartsWith):
        return any(text.startswith(atom.prefix) for text in texts)
    if isinstance(atom, EndsWith):
        return any(text.endswith(atom.suffix) for text in texts)
    if isinstance(atom, Contains):
        elements = [element for value in values if isinstance(value, list) for element in value]
        return (isinstance(atom.literal, str) and any(atom.literal in text for text in texts)) or any(
            _kind(element) == _kind(atom.literal) and element == atom.literal for element in elements
        )
    return any(compile_rule(Matches(Name("subject"), atom.pattern))(_subject(text)) for text in texts)


def _subject(text):
    return EventView(Event({"subject": text}), Vocabulary())


def _holds(rule, view):
    match rule:
        case Always():
            return True
        case Never():
            return False
        case And(parts):
            return all(_holds(part, view) for part in parts)
        case Or(parts):
            return any(_holds(part, view) for part in parts)
        case Not(part):
            return not _holds(part, view)
        case _:
            return _atom_holds(rule, view)


@given(rule=printable)
@laws
def test_what_is_printed_is_read_back_as_the_same_tree(rule):
    text = print_expression(rule)
    if len(text) <= MAX_LENGTH:
        again = parse_expression(text)
        assert again == rule
        assert repr(again) == repr(rule)


@given(rule=ibm_rule)
@laws
def test_what_is_printed_for_ibm_is_read_back_as_the_same_tree(rule):
    text = print_ibm(rule)
    if len(text) <= MAX_LENGTH:
        again = parse_ibm(text)
        assert again == rule
        assert repr(again) == repr(rule)


@given(rule=any_rule, view=views(odd_attributes))
@laws
def test_an_explanation_answers_as_the_compiled_rule_does(rule, view):
    explained = explain_rule(rule, view)
    assert explained.holds is compile_rule(rule)(view)
    constant = not explained.findings
    assert not constant or explained.problem or explained.holds is _holds(rule, view)


@given(rules=st.lists(any_rule, max_size=14), view=views())
@laws
def test_an_index_finds_every_rule_that_matches_in_order(rules, view):
    index = RuleIndex([(filing_of(rule), number) for number, rule in enumerate(rules)])
    possible = list(index.possible(view))
    assert possible == sorted(set(possible))
    matching = {number for number, rule in enumerate(rules) if compile_rule(rule)(view)}
    assert matching <= set(possible)


@given(rule=any_rule, view=views())
@laws
def test_a_compiled_rule_means_what_the_plain_reading_says(rule, view):
    assert compile_rule(rule)(view) is _holds(rule, view)


@given(rule=any_rule, view=views())
@laws
def test_every_event_that_a_rule_matches_meets_its_necessary_types(rule, view):
    if compile_rule(rule)(view):
        assert demands(rule).get(Name("type"), ANYTHING).allows(view.event.type)


@given(rule=any_rule, view=views())
@laws
def test_a_rule_that_needs_no_data_answers_the_same_without(rule, view):
    if not reads_payload(rule):
        predicate = compile_rule(rule)
        assert predicate(view) is predicate(view._replace(payload=MISSING))


@given(rule=any_rule, view=views(odd_attributes))
@laws
def test_no_event_makes_a_predicate_raise(rule, view):
    assert compile_rule(rule)(view) in {True, False}


TOKENS = st.sampled_from(
    [
        *(
            [
                "and",
                "or",
                "not",
                "in",
                "exists",
                "starts-with",
                "matches",
                "true",
                "null",
                "type",
                "severity",
                "error",
                "data",
                "1.5",
                "é",
            ]
        ),
        *(
            [
                "(",
                ")",
                ",",
                "=",
                "!=",
                ">=",
                "==",
                ".a",
                "[0]",
                "[*]",
                "*?",
                "$",
                "$.data",
                "..",
                "&&",
                "||",
                "=~",
                "not(",
                "?(",
                "[1:2]",
                "['a','b']",
                "'",
                "\\",
            ]
        ),
        *('"x y"', " ", "\n", "\x00", "\ud800"),
    ]
)
PIECES = st.lists(TOKENS, max_size=12)
JUNK = st.one_of(PIECES.map(" ".join), PIECES.map("".join), st.text())


@given(text=JUNK)
@laws
def test_any_text_is_a_rule_or_refused(text):
    for parse in (parse_expression, parse_ibm):
        try:
            rule = parse(text)
            compile_rule(rule)
        except Invalid as refusal:
            assert refusal.code.startswith(("rule_", "severity_"))
