"""Regular expressions: they mean what RE2 says, and cost no more than text times pattern."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.rules.compile import compile_rule
from gateway.rules.evaluation import EvaluationError, allowance
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.limits import MAX_PATTERN, MAX_PATTERN_WORK
from gateway.rules.regex import KEPT_CHARACTERS, finder

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[ab]",
        "[^a]",
        "[a-c1]",
        r"\d",
        r"\w",
        r"\W",
        r"\s",
        "(?i:A)",
        "(?s:.)",
        "é",
        "1",
        r"\x61",
    ]
)
PLACES = st.sampled_from(["^", "$", r"\b", r"\A", "(?m:^)", "(?m:$)"])
TIMES = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,3}", "{0,}", "*?", "+?"])
PARTS = st.recursive(
    st.tuples(ATOMS, TIMES).map("".join) | PLACES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, TIMES).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


def finds(pattern, text):
    allowance.renew()
    return finder(pattern)(text)


@given(pattern=PARTS, texts=st.lists(st.text("abcA1é \n_", max_size=9), max_size=4))
@settings(max_examples=500, deadline=None)
def test_what_is_found_is_what_python_finds(pattern, texts):
    # Python says "end, or before a last line end" by `$`, and `\Z` for RE2's `\z`.
    in_python = re.compile(re.sub(r"(?<!\?m:)\$", r"\\Z", pattern), re.ASCII)
    for text in texts:
        assert finds(pattern, text) is (in_python.search(text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("", "", True),
        (r"\B", "", True),
        (r"\z", "x", True),
        (r"a\z", "a\n", False),
        (r"\Qa.b*\E+", "a.b**", True),
        (r"\Qa.b", "axb", False),
        (r"\pL\p{Nd}\PL", "é7-", True),
        (r"\p{^L}", "a", False),
        ("[[:upper:]][[:^digit:]]", "aB1", False),
        ("[]a]", "]", True),
        ("[^]a]", "]", False),
        ("[a-]", "-", True),
        (r"[\d\-x]", "-", True),
        ("(?P<name>a)(?<other>b)", "ab", True),
        ("(?i)straSSE|é", "É", True),
        ("a(?i)b|c", "C", True),
        ("(a(?i)b)c", "aBC", False),
        ("(?-i:a)", "A", False),
        (r"\x{1F600}", "\U0001f600", True),
        (r"\101\t", "A\t", True),
        ("a{", "a{", True),
        ("x{,2}", "x{,2}", True),
        ("Ali*", "Al", True),
        ("dallas|london", "in london", True),
    ],
)
def test_the_syntax_of_re2(pattern, text, found):
    assert finds(pattern, text) is found


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("(?=a)", 1), ("(?!a)", 1), ("(?<=a)", 1), (r"(a)\1", 4), ("a**", 3), ("a{3,2}", 2), ("a{1001}", 2),
        ("(a", 1), ("a)", 2), ("[a", 1), ("[b-a]", 3), ("*a", 1), ("a|+", 3), (r"\p{Greek}", 1), (r"\k", 1),
        ("a\\", 2), (r"\x{110000}", 1), (r"[\b]", 2), ("[[:nope:]]", 2), ("(?z)", 1),
    ],
)  # fmt: skip
def test_what_re2_refuses_is_refused_at_its_place(pattern, place):
    with pytest.raises(Invalid) as caught:
        finder(pattern)
    assert caught.value.code == "rule_value"
    assert caught.value.detail.startswith(f"at character {place} of the regular expression: ")


@pytest.mark.parametrize(
    "pattern",
    [
        "a" * (MAX_PATTERN + 1), "(" * 33 + ")" * 33, "(a{100}){100}", "(((){1000}){1000}){1000}",
        "((a{1,1000}){1,1000}){1,1000}",
    ],
)  # fmt: skip
def test_a_pattern_over_the_limits_is_refused_quickly(pattern):
    started = time.process_time()
    with pytest.raises(Invalid) as caught:
        finder(pattern)
    assert caught.value.code == "rule_too_complex"
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "(a|aa)+$",
        "(a*)*b",
        "(a|a?)+c",
        "(.*)(.*)(.*)(.*)(.*)[^a]$",
        "(a|b)*a(a|b){12}c",
        "(a?){25}a{25}c",
    ],
)
def test_a_pattern_made_to_explode_costs_no_more_than_the_bound(pattern):
    test = finder(pattern)
    for text in ("a" * 30_000 + "!", "ab" * 15_000, "aab" * 10_000):
        allowance.renew()
        started = time.process_time()
        try:
            test(text)
        except EvaluationError as problem:
            assert problem.code == "pattern_too_costly"
        assert time.process_time() - started < 2.0


def test_many_values_cost_no_more_than_one(view, problems):
    rule = compile_rule(parse_ibm("$..* =~ '[xy]z$'"), problems)
    assert not rule(view(data={"a": "x" * 1000, "b": ["y"]})) and problems.total == 0
    assert not rule(view(data={"a": ["x" * 50_000] * 50}))
    assert problems.by_code == {"pattern_too_costly": 1}
    assert not rule(view(data={"a": "x" * 1000})), "the next evaluation has an allowance of its own"
    assert problems.total == 1


def test_what_is_kept_of_characters_is_bounded():
    test = finder("^[a-z]+é$")
    many = "".join(chr(0x4E00 + number) for number in range(3 * KEPT_CHARACTERS))
    for text in (many, "abcé", many + "abcé", "abc"):
        allowance.renew()
        assert test(text) is (text == "abcé")


def test_a_rule_holds_so_many_patterns():
    compile_rule(parse_expression(" or ".join(['type =~ "a"'] * 8)))
    with pytest.raises(Invalid) as caught:
        compile_rule(parse_expression(" or ".join(['type =~ "a"'] * 9)))
    assert caught.value.code == "rule_too_complex"
    assert MAX_PATTERN_WORK > 1_000_000


def test_in_a_rule_a_backslash_belongs_to_the_pattern(holds, ibm_holds):
    assert holds(r'subject =~ "^vm/\d+$"', subject="vm/100")
    assert not holds(r'subject =~ "^vm/\d+$"', subject="vm/x")
    assert ibm_holds(r"$.subject =~ '\'\d'", subject="it's '7")
    assert holds(r'actor =~ "!automation$"', words={"actor": "root@pam!automation"})
    assert holds('resource =~ "^/a"', words={"resource": "x", "resources": ("x", "/a/b")})
    assert not holds('data.size =~ "5"', data={"size": 5})
