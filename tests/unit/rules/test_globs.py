"""Globs: what they fit, and that no pattern makes them slow."""

import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.rules.evaluation import EvaluationError
from gateway.rules.globs import compile_glob, literal_prefix, may_be_unevaluable


@pytest.mark.parametrize(
    ("pattern", "fitting", "failing"),
    [
        ("", [""], ["a"]),
        ("*", ["", "a", "a\nb"], []),
        ("**", ["", "a"], []),
        ("abc", ["abc"], ["ab", "abcd", "ABC"]),
        ("abc*", ["abc", "abcd"], ["ab", "xabc"]),
        ("*abc", ["abc", "xabc"], ["abcx"]),
        ("*abc*", ["abc", "xabcx"], ["ab c"]),
        ("a*c", ["ac", "abc", "acc"], ["a", "ca"]),
        ("aa*aa", ["aaaa", "aaxaa"], ["aaa"]),
        ("a*b*c", ["abc", "abbc", "axbxc", "abcbc"], ["acb"]),
        ("?", ["a", "é", "\n"], ["", "ab"]),
        ("a?c", ["abc", "a?c"], ["ac", "abbc"]),
        ("a?*", ["ab", "abc"], ["a"]),
        ("*?b*", ["ab", "xxb"], ["b", "ba"]),
        ("?*?b?*?", ["xxbxx"], ["xbxx"]),
        ("a[*]b", ["a*b"], ["axb"]),
        ("a[?]b", ["a?b"], ["axb"]),
        ("[[]*]", ["[]", "[x]"], ["x]"]),
        ("[a]", ["[a]"], ["a"]),
        (r"C:\*\x", [r"C:\a\x", r"C:\\x"], ["C:/a/x"]),
        ("*.(txt|a+)", ["x.(txt|a+)"], ["x.txt"]),
    ],
)
def test_what_a_glob_fits(pattern, fitting, failing):
    fits = compile_glob(pattern)
    assert all(fits(text) is True for text in fitting)
    assert not any(fits(text) for text in failing)


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("abc", ("abc", True)),
        ("ab*c", ("ab", False)),
        ("*", ("", False)),
        ("a[*]b?", ("a*b", False)),
        ("", ("", True)),
    ],
)
def test_the_text_before_the_first_wildcard(pattern, prefix):
    assert literal_prefix(pattern) == prefix


@pytest.mark.parametrize("pattern", ["a" * 257, "*" * 17, "?" * 17, "a*" * 17])
def test_a_glob_over_the_limits_is_refused(pattern):
    with pytest.raises(Invalid) as caught:
        compile_glob(pattern)
    assert caught.value.code == "rule_too_complex"


@pytest.mark.parametrize(
    "pattern", ["*a" * 16 + "b", "*" + "a" * 240 + "b*", "*" + "a" * 120 + "*" + "a" * 120 + "b*"]
)
def test_a_pattern_built_to_explode_costs_no_more_than_a_plain_one(pattern):
    fits = compile_glob(pattern)
    value = "a" * 1_000_000
    started = time.process_time()
    assert not fits(value)
    assert time.process_time() - started < 0.5


def test_a_search_with_holes_is_bounded_by_its_cost():
    pattern = "*" + "a?" * 8 + "a" * 200 + "b*"
    fits = compile_glob(pattern)
    assert may_be_unevaluable(pattern)
    started = time.process_time()
    assert not fits("a" * 18_000)
    assert time.process_time() - started < 0.5
    with pytest.raises(EvaluationError):
        fits("a" * 30_000)


def test_only_a_search_with_holes_can_fail():
    for pattern in ("a?c", "a?*", "*a?", "*abc*", "a?*b*?c"):
        assert not may_be_unevaluable(pattern)
        assert compile_glob(pattern)("x" * 5_000_000) is False


def _reference(pattern, text):
    """The textbook definition, for patterns without brackets."""

    @cache
    def fits(i, j):
        if i == len(pattern):
            return j == len(text)
        if pattern[i] == "*":
            return fits(i + 1, j) or (j < len(text) and fits(i, j + 1))
        return j < len(text) and pattern[i] in {"?", text[j]} and fits(i + 1, j + 1)

    return fits(0, 0)


@given(pattern=st.text("ab*?", max_size=10), text=st.text("abc", max_size=12))
def test_globs_agree_with_their_definition(pattern, text):
    assert compile_glob(pattern)(text) is _reference(pattern, text)


@given(pattern=st.text("ab*?[]", max_size=10), text=st.text("ab*?[]", max_size=10))
def test_a_fitting_text_begins_with_the_literal_prefix(pattern, text):
    prefix, is_whole = literal_prefix(pattern)
    if compile_glob(pattern)(text):
        assert text == prefix if is_whole else text.startswith(prefix)
