"""Presets as data: every rule can be compiled and says nothing strange, every role is somebody's, and every
monitor can be watched and is told of somewhere."""

from collections import Counter

import pytest

import schemas
from gateway.api.shapes.noise import PolicyGiven
from gateway.domain.monitor import MonitorKind
from gateway.domain.noise import UNSAID, Digest, DuplicateWindow, Frequency, RateLimit, in_force
from gateway.pipeline.route import compiled
from gateway.pipeline.watch import operand
from gateway.pipeline.wording import compile_parts
from gateway.rules.expression import parse_expression
from gateway.rules.names import unknown_names
from gateway.service.noise import edited, policy_problems
from gateway.service.preset_monitors import breach_rules
from gateway.spi.discovery import source_formats
from gateway.spi.json_schema import CompiledSchema
from schemas.presets import presets

every = pytest.mark.parametrize("preset", presets().values(), ids=lambda one: one.name)


@every
def test_rules_compile_and_name_only_what_is_known(preset):
    rules = [rule for topic in preset.topics for rule in (*topic.rules, *(one.rule for one in topic.exits))]
    rules += [rule for topic in preset.topics for rule in breach_rules(preset, topic)]
    for one in preset.monitors:
        rules += [one.rule, one.unless, one.failure, one.success]
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


@every
def test_a_preset_is_as_the_schema_of_presets_says(preset):
    shape = CompiledSchema.compile(schemas.load("preset"))
    assert shape.problems(schemas.load(f"presets/{preset.name}")) == ()


@every
def test_every_monitor_is_found_by_its_name_and_heard_of(preset):
    for one in preset.monitors:
        assert one.name.startswith(f"{preset.name}: ")
        assert [other.name for other in preset.monitors if other.name.startswith(one.name)] == [one.name]
        assert one.description.endswith(".")
        operand(one.key), operand(one.value), MonitorKind(one.kind)
    switches = Counter([*(one.event for one in preset.monitors), *preset.events])
    assert set(switches.values()) <= {1}
    landing = [switch for topic in preset.topics for switch in topic.monitors]
    assert set(landing) == set(preset.expectations)
    assert all(topic.rules or topic.monitors for topic in preset.topics)


def test_the_figures_are_those_that_the_products_print():
    kymaros = presets()["kymaros"].expectations["regression"]
    assert (kymaros.kind, kymaros.threshold, kymaros.percent) == ("drop", 10, False)
    dbackup = presets()["dbackup"].expectations
    assert dbackup["missing_backup"].every_seconds == 48 * 3600
    assert (dbackup["size_spike"].threshold, dbackup["size_spike"].percent) == (50, True)
    assert dbackup["size_limit"].threshold == 10 * 1024**3 * 9 // 10
    assert {one.remind_every_seconds for one in dbackup.values()} == {24 * 3600}


def test_what_no_product_promises_is_off():
    off = {one.name for preset in presets().values() for one in preset.monitors if not one.enabled}
    assert off == {
        "backupman: missing backup",
        "dbackup: size limit",
        "ibm-backup: heartbeat",
        "ironcore: missing backup",
    }


@every
def test_every_noise_policy_is_one_that_the_api_takes(preset):
    policies = [part.policy for topic in preset.topics for part in (topic, *topic.exits)]
    for policy in filter(None, policies):
        edit = PolicyGiven.model_validate(policy).edit
        assert edited(UNSAID, edit) == edited(UNSAID, policy) and policy_problems(edited(UNSAID, edit)) == []


def test_ironcore_s_groups_are_as_quiet_as_its_page_says():
    held = {
        topic.name: in_force(edited(UNSAID, topic.policy), edited(UNSAID, exit_.policy))
        for topic in presets()["ironcore"].topics
        for exit_ in topic.exits
        if not exit_.role.endswith("-metrics")
    }
    assert {(one.rate_limit, one.duplicates) for one in held.values()} == {(RateLimit(), DuplicateWindow())}
    assert {name: one.digest for name, one in held.items() if one.digest} == {
        "compliance": Digest("severity in (info, notice)"),
        "executive-sponsor": Digest(frequency=Frequency.WEEKLY),
    }


def test_the_wording_of_the_user_s_mail_is_a_template():
    wordings = [topic.direct for topic in presets()["dbackup"].topics if topic.direct]
    assert len(wordings) == 2
    for one in wordings:
        made = compile_parts(
            "email.notification", {"subject": one.subject, "body": one.body, "text": one.text}
        )
        assert set(made) == {"title", "html", "text"}
