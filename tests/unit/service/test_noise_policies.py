"""Setting noise policies: edits are merged, what cannot be is refused with its place."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.api.shapes.noise import PolicyGiven, policy_answer
from gateway.domain.destination import Destination, Subscription
from gateway.domain.errors import Conflict, Invalid
from gateway.domain.noise import (
    UNSAID,
    Digest,
    DuplicateWindow,
    Escalation,
    Fallback,
    Frequency,
    NoisePolicy,
    QuietHours,
    RateLimit,
    in_force,
)
from gateway.domain.severity import Severity
from gateway.service.noise import edited, policy_problems, targets_of
from gateway.service.subscriptions import Subscriptions
from gateway.service.topics import Topics
from tests.unit.service.configuring import INSTANCE, configured, topic

ANYWHERE = Destination("d", "i", "d", "slack", 1.0, 1.0)


def way(id, topic_id="t", **policy):
    return Subscription(id, "i", id, topic_id, "d", 1.0, 1.0, policy=NoisePolicy(**policy))


def read(policy):
    return PolicyGiven.model_validate(policy).edit


def test_what_is_not_named_stays():
    known = NoisePolicy(rate_limit=RateLimit(10, 1.0), digest=Digest("type = a"), reminders=True)
    changed = edited(known, read({"rate_limit": {"fold": True}, "digest": {"time": "10:30"}}))
    assert changed == NoisePolicy(
        rate_limit=RateLimit(10, 1.0, fold=True), digest=Digest("type = a", time="10:30"), reminders=True
    )


def test_true_is_the_defaults_false_is_off_and_null_says_nothing():
    known = NoisePolicy(duplicates=DuplicateWindow(9.0), grouping=True, digest=True, once_per_target=True)
    edit = {"duplicates": True, "grouping": False, "digest": None, "once_per_target": None}
    changed = edited(known, read(edit))
    assert changed == NoisePolicy(duplicates=True, grouping=False)


def test_an_object_over_what_is_off_changes_the_defaults():
    policy = {"duplicates": {"key": ["resource"]}, "quiet_hours": {"let_through": "error", "days": ["mon"]}}
    changed = edited(NoisePolicy(duplicates=False, quiet_hours=True), read(policy))
    assert changed.duplicates == DuplicateWindow(300.0, ("resource",))
    assert changed.quiet_hours == QuietHours(days=("mon",), let_through=Severity.ERROR)


def test_words_become_values():
    policy = {"digest": {"frequency": "weekly"}, "escalation": {"to": None, "after": "1h30m"}}
    changed = edited(UNSAID, read(policy))
    assert changed.digest.frequency is Frequency.WEEKLY
    assert changed.escalation == Escalation(None, 5400.0)


@pytest.mark.parametrize(
    "policy",
    [
        {"limit": True},
        {"rate_limit": {"events": 0}},
        {"rate_limit": {"events": 10_001}},
        {"rate_limit": {"events": "60"}},
        {"rate_limit": {"seconds": "2d"}},
        {"rate_limit": {"seconds": "soon"}},
        {"rate_limit": {"seconds": True}},
        {"rate_limit": {"seconds": float("nan")}},
        {"rate_limit": "60/min"},
        {"duplicates": {"seconds": 604_801}},
        {"duplicates": {"key": [""]}},
        {"duplicates": {"key": list("abcdefghi")}},
        {"digest": {"time": "9:00"}},
        {"digest": {"time": "24:00"}},
        {"digest": {"weekday": "monday"}},
        {"quiet_hours": {"let_through": "fatal"}},
        {"reminders": {"every": 1}},
        {"fallback": True},
        {"fallback": {"to": "s", "attempts": 11}},
        {"once_per_target": 1},
    ],
)
def test_what_is_out_of_bounds_is_refused(policy):
    with pytest.raises(ValidationError):
        read(policy)


@pytest.mark.parametrize(
    ("policy", "code", "pointer"),
    [
        ({"digest": {"rule": "severity in (info"}}, "rule_syntax", "/policy/digest/rule"),
        ({"digest": {"zone": "Mars/Olympus"}}, "rule_value", "/policy/digest/zone"),
        ({"quiet_hours": {"zone": "Nowhere"}}, "rule_value", "/policy/quiet_hours/zone"),
        ({"quiet_hours": {"start": "08:00", "end": "08:00"}}, "policy_invalid", "/policy/quiet_hours/end"),
        ({"duplicates": {"key": ["job", "data.a[*]"]}}, "rule_syntax", "/policy/duplicates/key/1"),
        ({"grouping": {"by": ["type ="]}}, "rule_syntax", "/policy/grouping/by/0"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(policy, code, pointer):
    [problem] = policy_problems(edited(UNSAID, read(policy)))
    assert (problem.code, problem.pointer) == (code, pointer)


MEMBERS = ["rate_limit", "duplicates", "digest", "quiet_hours", "grouping", "reminders", "escalation"]
durations = st.integers(10, 86_400).map(float)
times = st.times().map(lambda one: one.strftime("%H:%M"))
words = st.lists(st.sampled_from(["resource", "job", "data.vm.id"]), max_size=8)
objects = {
    "rate_limit": st.fixed_dictionaries(
        {}, optional={"events": st.integers(1, 10_000), "seconds": durations, "fold": st.booleans()}
    ),
    "duplicates": st.fixed_dictionaries({}, optional={"seconds": durations, "key": words}),
    "digest": st.fixed_dictionaries(
        {},
        optional={"time": times, "frequency": st.sampled_from(["hourly", "weekly"]), "empty": st.booleans()},
    ),
    "quiet_hours": st.fixed_dictionaries(
        {"start": times}, optional={"days": st.lists(st.sampled_from(["mon", "sun"]), unique=True)}
    ),
    "grouping": st.fixed_dictionaries({}, optional={"seconds": durations, "by": words}),
    "reminders": st.fixed_dictionaries({}, optional={"every": durations}),
    "escalation": st.fixed_dictionaries(
        {}, optional={"after": durations, "to": st.none() | st.just("s"), "unless": st.just("delivered")}
    ),
    "fallback": st.fixed_dictionaries({"to": st.just("s")}, optional={"attempts": st.integers(1, 10)}),
}
policies = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.booleans() | st.none() | objects[name] for name in MEMBERS},
        "fallback": st.just(False) | objects["fallback"],
        "once_per_target": st.booleans(),
    },
)


@given(policies)
def test_what_is_shown_can_be_given_again(policy):
    held = edited(UNSAID, read(policy))
    shown = policy_answer(held)
    again = shown.model_dump(mode="json", exclude_none=True) if shown else {}
    assert edited(UNSAID, read(again)) == held


@given(policies, policies)
def test_a_second_edit_changes_only_what_it_names(first, second):
    known = edited(UNSAID, read(first))
    changed = edited(known, read(second))
    for field in dataclasses.fields(NoisePolicy):
        if field.name not in second:
            assert getattr(changed, field.name) == getattr(known, field.name)


async def _refused(entities, **edit):
    _, _, configurator = await configured(*entities, ANYWHERE)
    with pytest.raises(Invalid) as refused:
        await Subscriptions(configurator).update(INSTANCE, "a", {"policy": edit})
    return refused.value.problems


async def test_it_leads_to_a_subscription_of_this_instance():
    stranger = dataclasses.replace(way("z"), instance_id="elsewhere")
    for to in ("nobody", "z", "a"):
        [problem] = await _refused([topic(), way("a"), stranger], fallback={"to": to})
        assert (problem.code, problem.pointer) == ("policy_invalid", "/policy/fallback/to")
    [problem] = await _refused([topic(), way("a")], fallback={"attempts": 2})
    assert problem.detail == "it does not say where to"


@pytest.mark.parametrize("member", ["fallback", "escalation"])
async def test_no_chain_comes_back_to_where_it_began(member):
    kind = {"fallback": Fallback, "escalation": Escalation}[member]
    rows = [topic(), way("a"), way("b", **{member: kind("c")}), way("c", **{member: kind("a")})]
    [problem] = await _refused(rows, **{member: {"to": "b"}})
    assert problem.pointer == f"/policy/{member}/to"
    assert "a to b to c to a" in problem.detail


async def test_a_topic_may_lead_all_of_its_own_to_one_of_them():
    _, current, configurator = await configured(topic(), ANYWHERE, way("a"), way("b"), way("c"))
    await Topics(configurator).replace(INSTANCE, "t", {"policy": {"fallback": {"to": "b"}}})
    assert current.snapshot.topics["t"].policy.fallback == Fallback("b")
    with pytest.raises(Invalid, match=r"circle: b to c to b|circle: c to b to c"):
        await Subscriptions(configurator).update(INSTANCE, "b", {"policy": {"fallback": {"to": "c"}}})


async def test_what_a_policy_leads_to_stays():
    _, current, configurator = await configured(
        topic(), ANYWHERE, way("a", fallback=Fallback("b")), way("b"), way("c", escalation=Escalation("c"))
    )
    subscriptions = Subscriptions(configurator)
    with pytest.raises(Conflict, match="subscription a leads to this"):
        await subscriptions.delete(INSTANCE, "b")
    await subscriptions.delete(INSTANCE, "c")
    await subscriptions.update(INSTANCE, "a", {"policy": {"fallback": False}})
    await subscriptions.delete(INSTANCE, "b")
    assert set(current.snapshot.subscriptions) == {"a"}


async def test_other_changes_are_not_held_up_by_a_policy_that_leads_nowhere():
    gone = way("a", fallback=Fallback("gone"))
    _, current, configurator = await configured(topic(), ANYWHERE, gone)
    await Subscriptions(configurator).update(INSTANCE, "a", {"description": "still here"})
    assert current.snapshot.subscriptions["a"].description == "still here"


def test_the_one_that_a_topic_falls_back_to_does_not_fall_back_to_itself():
    topic_policy = NoisePolicy(fallback=Fallback("b"))
    assert in_force(topic_policy, UNSAID, "b") is None
    assert in_force(topic_policy, UNSAID, "a").fallback == Fallback("b")
    assert in_force(topic_policy, NoisePolicy(fallback=Fallback("c")), "b").fallback == Fallback("c")


def test_a_subscription_goes_before_its_topic():
    held = in_force(NoisePolicy(rate_limit=True, digest=True), NoisePolicy(rate_limit=False))
    shown = policy_answer(held).model_dump(exclude_none=True)
    assert list(shown) == ["digest"] and shown["digest"]["time"] == "09:00"
    assert list(targets_of(NoisePolicy(escalation=Escalation("x"), fallback=Fallback("y")))) == [
        ("escalation", "x"),
        ("fallback", "y"),
    ]
