"""Names of subjects and topics: whatever an event says, a name stays one, with its levels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.severity import Severity
from gateway.spi.naming import MAX_VALUE, checked_template, name_of
from tests.fakes.messages import make_message

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("type", "dotted", "slashed"),
    [
        ("backup.failed", "x.backup.failed", "x/backup.failed"),
        ("a/b c", "x.a_b_c", "x/a_b_c"),
        ("..", "x._._._", "x/.."),
        ("#", "x._", "x/_"),
        (">.*", "x._._", "x/_._"),
    ],
)
def test_what_an_event_brings_in_is_safe(type, dotted, slashed):
    message = make_message(attributes={"type": type})
    assert name_of("x.{type}", message, ".") == dotted
    assert name_of("x/{type}", message, "/") == slashed


@given(words, st.sampled_from("./"))
def test_no_event_makes_an_empty_level_or_a_wildcard(type, separator):
    name = name_of(f"x{separator}{{type}}", make_message(attributes={"type": type}), separator)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", level) for level in name.split(separator))
    assert len(name) <= 2 + 2 * MAX_VALUE


def test_what_is_not_known_has_a_word():
    message = make_message(severity=Severity.CRITICAL)
    template = "{instance}.{source}.{severity}.{outcome}"
    assert name_of(template, message, ".") == "inst-1.src-1.critical.none"


@pytest.mark.parametrize(
    "template", ["", ".", "a..b", "a.*", "a.>", "a b", "a/b", "{type", "{}", "$SYS.a", "é"]
)
def test_a_template_that_makes_no_name_is_refused(template):
    with pytest.raises(ValueError, match=r"levels of letters|there is no field"):
        checked_template(template, ".")


def test_a_template_may_be_all_of_fields():
    assert checked_template("{type}", ".") == "{type}"
    assert checked_template("a-{type}/v1.0/{severity}", "/") == "a-{type}/v1.0/{severity}"
