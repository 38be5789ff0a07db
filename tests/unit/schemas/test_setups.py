"""Presets as data: every rule can be compiled and says nothing strange, every role is somebody's."""

import pytest

from gateway.pipeline.route import compiled
from gateway.pipeline.wording import compile_parts
from gateway.rules.expression import parse_expression
from gateway.rules.names import unknown_names
from gateway.spi.discovery import source_formats
from schemas.presets import presets

every = pytest.mark.parametrize("preset", presets().values(), ids=lambda one: one.name)


@every
def test_rules_compile_and_name_only_what_is_known(preset):
    rules = [rule for topic in preset.topics for rule in (*topic.rules, *(one.rule for one in topic.exits))]
    for rule in rules:
        compiled("", "", rule)
        assert unknown_names(parse_expression(rule)) == ()


@every
def test_every_role_hears_of_something_and_nobody_else_does(preset):
    heard = {one.role for topic in preset.topics for one in topic.exits}
    assert heard == set(preset.roles)
    assert all(text.endswith(".") for text in (*preset.roles.values(), *preset.notes, preset.description))


@every
def test_names_of_topics_and_formats_are_right(preset):
    names = [topic.name for topic in preset.topics]
    assert len(names) == len(set(names))
    assert set(preset.formats) <= {*source_formats(), "cloudevents"}


def test_the_wording_of_the_user_s_mail_is_a_template():
    wordings = [topic.direct for topic in presets()["dbackup"].topics if topic.direct]
    assert len(wordings) == 2
    for one in wordings:
        made = compile_parts(
            "email.notification", {"subject": one.subject, "body": one.body, "text": one.text}
        )
        assert set(made) == {"title", "html", "text"}
