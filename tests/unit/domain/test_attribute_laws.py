"""The laws of context attributes, each by an event that keeps it and one that breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.attributes import MAX_PROBLEMS, pointer, violations
from gateway.domain.event import forbidden_character

LAWFUL = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
NONCHARACTERS = [
    *range(0xFDD0, 0xFDF0),
    *(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)),
]
CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]


def judged(**changes):
    return [(problem.code, problem.pointer) for problem in violations({**LAWFUL, **changes})]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": "x", "time": "2026-07-28T10:11:12Z", "dataschema": "urn:x:y", "datacontenttype": "a/b"},
        {"id": " "},
        {"id": "Sicherung 東京 \N{PARTY POPPER} \N{ZERO WIDTH JOINER}\N{NO-BREAK SPACE}\N{SOFT HYPHEN}"},
        {"ext": "", "ext2": True, "ext3": False, "ext4": 0, "ext5": 2**31 - 1, "ext6": -(2**31)},
        {"1": "a name may begin with a digit"},
        {"averyveryverylongnameofmorethantwentycharacters": "x"},
        {"datas": "x", "data2": "x"},
        {"datacontenttype": "application/json; charset=utf-8"},
        {"ext": "\ue000\U00100000"},
    ],
)
def test_a_lawful_set_breaks_nothing(changes):
    assert judged(**changes) == []


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_required_attributes_are_required_and_strings_and_not_empty(name):
    assert [problem.code for problem in violations({k: v for k, v in LAWFUL.items() if k != name})] == [
        "attribute_missing"
    ]
    assert judged(**{name: ""}) == [("attribute_empty", f"/{name}")]
    assert judged(**{name: 1}) == [("attribute_type_invalid", f"/{name}")]
    assert judged(**{name: True}) == [("attribute_type_invalid", f"/{name}")]
    assert judged(**{name: None}) == [("attribute_type_invalid", f"/{name}")]


@pytest.mark.parametrize("name", ["subject", "dataschema", "datacontenttype"])
def test_optional_attributes_are_not_empty_when_present(name):
    assert judged(**{name: ""}) == [("attribute_empty", f"/{name}")]
    assert judged(**{name: 1}) == [("attribute_type_invalid", f"/{name}")]


def test_time_is_a_string():
    assert judged(time=1234567890) == [("attribute_type_invalid", "/time")]
    assert judged(time="") == [("timestamp_invalid", "/time")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"specversion": "0.3"}, "specversion_unsupported"),
        ({"specversion": "1.0.2"}, "specversion_unsupported"),
        ({"specversion": "1"}, "specversion_unsupported"),
        ({"specversion": " 1.0"}, "specversion_unsupported"),
        ({"source": "http://exa mple"}, "uri_reference_invalid"),
        ({"dataschema": "/relative"}, "uri_invalid"),
        ({"dataschema": "https://a/b#c"}, "uri_invalid"),
        ({"time": "2026-07-28"}, "timestamp_invalid"),
        ({"datacontenttype": "xyz"}, "media_type_invalid"),
    ],
)
def test_core_attributes_keep_their_grammar(changes, code):
    (name,) = changes
    assert judged(**changes) == [(code, f"/{name}")]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "data",
        "A",
        "myExt",
        "my_ext",
        "my-ext",
        "my.ext",
        "ext\n",
        " ext",
        "é",
        "ß",
        "٣",
        "ａ",
        "x" * 40 + "Y",
    ],
)
def test_names_are_lower_case_ascii_letters_and_digits_and_not_data(name):
    assert [problem.code for problem in violations({**LAWFUL, name: "x"})] == ["attribute_name_invalid"]


@pytest.mark.parametrize("value", [{}, [], {"a": 1}, 1.5, 1.0, None, b"x"])
def test_extensions_are_strings_booleans_or_integers(value):
    assert judged(ext=value) == [("attribute_type_invalid", "/ext")]


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**30])
def test_integers_have_32_bits(value):
    assert judged(ext=value) == [("integer_out_of_range", "/ext")]


@pytest.mark.parametrize("code_point", [*CONTROLS, *NONCHARACTERS, 0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_strings_hold_no_controls_noncharacters_or_surrogates(code_point):
    assert judged(ext=f"ab{chr(code_point)}c") == [("character_forbidden", "/ext")]
    assert judged(id=chr(code_point)) == [("character_forbidden", "/id")]


def test_the_forbidden_characters_are_exactly_those_of_the_type_system():
    forbidden = {*CONTROLS, *NONCHARACTERS, *range(0xD800, 0xE000)}
    assert {number for number in range(0x110000) if forbidden_character(chr(number))} == forbidden


def test_a_forbidden_character_is_told_by_number_and_place_and_never_echoed():
    (problem,) = violations({**LAWFUL, "subject": "ab\x07c"})
    assert problem.detail == "`subject` holds U+0007 at character 2"


def test_all_problems_are_told_at_once():
    found = judged(id="", source="a b", time="x", EXT="y", ext=1.5)
    assert found == [
        ("attribute_empty", "/id"),
        ("uri_reference_invalid", "/source"),
        ("timestamp_invalid", "/time"),
        ("attribute_name_invalid", "/EXT"),
        ("attribute_type_invalid", "/ext"),
    ]


def test_problems_of_one_set_are_bounded():
    assert len(violations({f"EXT{number}": "x" for number in range(1000)})) == MAX_PROBLEMS


def test_no_problem_repeats_a_value_or_a_long_name():
    secret = "hunter2\x00"
    for problem in violations({"id": secret, "source": secret, "type": secret, "N" * 1000: secret}):
        assert "hunter2" not in f"{problem}"
        assert len(problem.detail) < 200
        assert len(problem.pointer) < 70


def test_a_pointer_is_escaped_as_rfc_6901_says():
    assert pointer("a/b~c") == "/a~1b~0c"


def test_every_problem_says_what_would_be_right():
    broken = {
        "specversion": "2",
        "source": " ",
        "type": 5,
        "time": "x",
        "datacontenttype": "x",
        "A": "",
        "b": 2**40,
    }
    for problem in violations(broken | {"dataschema": "x", "subject": "", "c": "\x00", "d": []}):
        assert problem.expected


names = st.sampled_from(
    ["id", "source", "type", "specversion", "subject", "time", "ext", "dataschema", "Bad", "data", ""]
)
values = st.one_of(
    st.sampled_from(
        ["1.0", "", "/a", "a b", "a/b", "2026-07-28T10:11:12Z", "urn:a:b", "\x00", "é", "\ue000"]
    ),
    st.text(max_size=5),
    st.integers(-(2**33), 2**33),
    st.booleans(),
    st.none(),
    st.floats(),
)


@given(st.dictionaries(names, values))
def test_the_quick_verdict_and_the_slow_one_agree(changes):
    attributes = {**LAWFUL, **changes}
    slow = [violations({**LAWFUL, name: value}) for name, value in changes.items()]
    assert bool(violations(attributes)) == any(slow)


@given(st.dictionaries(names, st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E))))
def test_plain_values_get_the_same_verdict_either_way(changes):
    attributes = {**LAWFUL, **changes}
    assert violations(attributes, plain=True) == violations(attributes)
