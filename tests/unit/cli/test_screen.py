"""What commands show, whoever wrote it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.screen import plain, safe, show_json, show_one, show_refusal, show_rows
from gateway.domain.errors import Problem, Refused


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_shown(text):
    shown = safe(text)
    assert not any(ord(char) < 32 and char not in "\t\n" for char in shown)
    assert not any(0x7F <= ord(char) < 0xA0 for char in shown)
    assert "\u202e" not in shown


@given(st.text())
def test_a_value_is_one_line(text):
    assert len(plain(text).splitlines()) <= 1


def test_values_read_like_words():
    assert [plain(value) for value in (None, True, False, 7, ["a", "b"], {"a": [1]})] == [
        "",
        "yes",
        "no",
        "7",
        "a, b",
        '{"a": [1]}',
    ]


def test_json_that_is_shown_is_the_same_json(capsys):
    value = [{"name": "evil\x1b[31m\x85\u202e", "größe": 1.5, "none": None}]
    show_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "\x1b" not in out and "\x85" not in out and "größe" in out


def test_rows_show_members_of_members(capsys):
    show_rows([{"id": "1", "event": {"type": "x.y"}}, {"id": "2"}], ("id", "event.type"), "table")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["id", "type"], ["1", "x.y"], ["2"]]


def test_no_rows_say_so_in_a_table_and_are_an_empty_array_in_json(capsys):
    show_rows([], ("id",), "table")
    show_rows([], ("id",), "json")
    assert capsys.readouterr().out.split() == ["none", "[]"]


def test_markup_in_a_name_is_text(capsys):
    show_one({"name": "[red]not markup[/red]"}, "table")
    assert "[red]not markup[/red]" in capsys.readouterr().out


def test_one_thing_leaves_out_what_is_empty(capsys):
    show_one({"id": "1", "description": "", "rules": [{"rule": "a = b"}], "gone": None}, "table")
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["id", "rules"]
    assert "a = b" in lines[1][1]


def test_a_refusal_names_code_place_and_remedy(capsys):
    problems = [Problem("bad_rule", "no such name", "/rule", "severity"), Problem("other", "also wrong")]
    show_refusal(Refused.of(problems))
    assert capsys.readouterr().err.splitlines() == [
        "refused, bad_rule at /rule: no such name",
        "  expected: severity",
        "refused, other: also wrong",
    ]
