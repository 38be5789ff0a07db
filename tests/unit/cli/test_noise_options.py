"""The options of noise policies: as the API takes them, and shown in words."""

import pytest

from gateway.api.shapes.noise import PolicyGiven, policy_answer
from gateway.cli.noise_words import policy_words
from gateway.cli.nouns.noise import NOTHING_SAID, Noise
from gateway.domain.errors import ConfigurationError
from gateway.domain.noise import UNSAID
from gateway.service.noise import edited

ID = "01900000-0000-7000-8000-000000000000"


def policy(**options):
    return Noise(**options).policy(None)


def test_nothing_said_is_no_policy():
    assert NOTHING_SAID.policy(None) is None


@pytest.mark.parametrize(
    ("options", "member"),
    [
        ({"rate_limit": "60/min"}, {"rate_limit": {"events": 60, "seconds": 60.0}}),
        ({"rate_limit": "100"}, {"rate_limit": {"events": 100, "seconds": 60.0}}),
        (
            {"rate_limit": "5/90s", "rate_limit_fold": True},
            {"rate_limit": {"events": 5, "seconds": 90.0, "fold": True}},
        ),
        ({"rate_limit": "on"}, {"rate_limit": True}),
        ({"rate_limit": "off"}, {"rate_limit": False}),
        ({"rate_limit": "unset"}, {"rate_limit": None}),
        ({"rate_limit": "on", "rate_limit_fold": False}, {"rate_limit": {"fold": False}}),
        (
            {"duplicates": "5m", "duplicate_key": ["resource"]},
            {"duplicates": {"seconds": 300.0, "key": ["resource"]}},
        ),
        ({"duplicate_key": [""]}, {"duplicates": {"key": []}}),
        ({"digest_time": "10:00"}, {"digest": {"time": "10:00"}}),
        ({"digest": "off"}, {"digest": False}),
        (
            {"quiet_hours": "22:00-07:00", "quiet_days": "weekdays"},
            {"quiet_hours": {"start": "22:00", "end": "07:00", "days": ["mon", "tue", "wed", "thu", "fri"]}},
        ),
        (
            {"group_for": "30s", "group_by": ["resource", "job"]},
            {"grouping": {"seconds": 30.0, "by": ["resource", "job"]}},
        ),
        ({"remind_every": "4h"}, {"reminders": {"every": 14400.0}}),
        ({"escalate_to": ID, "escalate_after": "15m"}, {"escalation": {"to": ID, "after": 900.0}}),
        ({"escalate_to": "itself"}, {"escalation": {"to": None}}),
        ({"fallback_to": ID, "fallback_after": 2}, {"fallback": {"to": ID, "attempts": 2}}),
        ({"fallback_to": "off"}, {"fallback": False}),
        ({"once_per_target": False}, {"once_per_target": False}),
    ],
)
def test_options_are_what_the_api_takes(options, member):
    assert policy(**options) == member
    PolicyGiven.model_validate(member)


@pytest.mark.parametrize(
    "options",
    [
        {"rate_limit": "fast"},
        {"rate_limit": "60/fortnight"},
        {"rate_limit": "off", "rate_limit_fold": True},
        {"duplicates": "a while"},
        {"digest": "09:00"},
        {"quiet_hours": "at night"},
        {"escalate_after": "later"},
    ],
)
def test_what_is_not_understood_says_what_would_be(options):
    with pytest.raises(ConfigurationError, match="--"):
        policy(**options)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rate_limit": True}, "60 in 1m; what is over it waits"),
        ({"digest": True}, "everything: every day at 09:00 UTC"),
        ({"quiet_hours": True}, "22:00 to 07:00 UTC: only critical or worse, the rest afterwards"),
        ({"escalation": True}, "to the same one again after 15m, unless acknowledged"),
        ({"rate_limit": False}, "off"),
        ({"rate_limit": {}}, "60 in 1m; what is over it waits"),
        ({"duplicates": {"key": ["job", "resource"]}}, "what is the same job and resource once in 5m"),
        (
            {"digest": {"rule": "severity in (info, notice)"}},
            "severity in (info, notice): every day at 09:00 UTC",
        ),
        ({"digest": {"frequency": "hourly", "time": "00:15"}}, "everything: every hour at minute 15 UTC"),
        (
            {"digest": {"frequency": "weekly", "empty": True}},
            "everything: every mon at 09:00 UTC; also an empty one",
        ),
        (
            {"quiet_hours": {"days": ["sat"], "fold": True}},
            "22:00 to 07:00 UTC from sat: only critical or worse, the rest afterwards, as one message",
        ),
        ({"grouping": {"by": ["resource"]}}, "what comes within 30s with the same resource is one message"),
        ({"reminders": {}}, "every 4h while it lasts"),
        ({"escalation": {}}, "to the same one again after 15m, unless acknowledged"),
        ({"escalation": {"to": ID, "unless": "delivered"}}, "to the boss after 15m, unless delivered"),
        ({"fallback": {"to": "gone"}}, "to gone, which is gone after 3 failures"),
        ({"once_per_target": False}, "off"),
        ({"once_per_target": True}, "what several topics send to one address goes there once"),
    ],
)
def test_a_policy_is_shown_in_words(given, words):
    shown = policy_answer(edited(UNSAID, PolicyGiven.model_validate(given).edit))
    said = policy_words(shown.model_dump(mode="json", exclude_none=True), {ID: "the boss"})
    assert list(said.values()) == [words]
