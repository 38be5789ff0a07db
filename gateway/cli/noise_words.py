"""Noise policies in words: what a topic or subscription holds back, one line for each member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gateway.cli.screen import show_one
from gateway.domain.duration import duration_text
from gateway.domain.noise import USUAL
from gateway.domain.severity import Severity

Row = Mapping[str, Any]


def show_with_policy(row: Row, output: str) -> None:
    """A topic or a subscription; for people, its policy in words."""
    if output == "json":
        show_one(row, output)
        return
    names = row.get("policy_targets") or {}
    worded = {
        name: policy_words(value, names) if name in ("policy", "policy_in_force") else value
        for name, value in row.items()
        if name != "policy_targets"
    }
    show_one(worded, output)


def policy_words(policy: Row, names: Mapping[str, str]) -> dict[str, str]:
    """Each member that is set, in words; `names` are those of subscriptions by id."""
    return {name: _said(name, value, names) for name, value in policy.items()}


def _said(name: str, value: object, names: Mapping[str, str]) -> str:
    if value is False:
        return "off"
    if name == "once_per_target":
        return "what several topics send to one address goes there once"
    if not isinstance(value, Mapping):
        value = _usual(name)
    if name in ("escalation", "fallback"):
        return _led(name, value, names)
    return {
        "rate_limit": _rate_limit,
        "duplicates": _duplicates,
        "digest": _digest,
        "quiet_hours": _quiet_hours,
        "grouping": _grouping,
        "reminders": _reminders,
    }[name](value)


def _usual(name: str) -> Row:
    """What true stands for, as the API shows what is set."""
    members = asdict(USUAL[name])  # type: ignore[call-overload]
    return {part: value.word if isinstance(value, Severity) else value for part, value in members.items()}


def _rate_limit(limit: Row) -> str:
    over = "one message of what is over it" if limit["fold"] else "what is over it waits"
    return f"{limit['events']} in {duration_text(limit['seconds'])}; {over}"


def _duplicates(window: Row) -> str:
    same = f"the same {' and '.join(window['key'])}" if window["key"] else "the same"
    return f"what is {same} once in {duration_text(window['seconds'])}"


def _digest(digest: Row) -> str:
    what = digest["rule"] or "everything"
    when = {
        "hourly": f"every hour at minute {digest['time'][3:]}",
        "daily": f"every day at {digest['time']}",
        "weekly": f"every {digest['weekday']} at {digest['time']}",
    }[digest["frequency"]]
    empty = "; also an empty one" if digest["empty"] else ""
    return f"{what}: {when} {digest['zone']}{empty}"


def _quiet_hours(quiet: Row) -> str:
    days = f" from {', '.join(quiet['days'])}" if quiet["days"] else ""
    fold = ", as one message" if quiet["fold"] else ""
    span = f"{quiet['start']} to {quiet['end']} {quiet['zone']}{days}"
    return f"{span}: only {quiet['let_through']} or worse, the rest afterwards{fold}"


def _grouping(grouping: Row) -> str:
    same = f" with the same {' and '.join(grouping['by'])}" if grouping["by"] else ""
    return f"what comes within {duration_text(grouping['seconds'])}{same} is one message"


def _reminders(reminders: Row) -> str:
    return f"every {duration_text(reminders['every'])} while it lasts"


def _led(name: str, value: Row, names: Mapping[str, str]) -> str:
    to = value.get("to")
    whom = "the same one again" if to is None else (names.get(to) or f"{to}, which is gone")
    if name == "fallback":
        return f"to {whom} after {value['attempts']} failures"
    return f"to {whom} after {duration_text(value['after'])}, unless {value['unless']}"
