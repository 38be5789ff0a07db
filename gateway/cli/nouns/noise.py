"""The options of a noise policy, for the commands that save topics and subscriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from gateway.cli.client import Client
from gateway.cli.lookup import id_of
from gateway.cli.nouns.common import given
from gateway.cli.panels import NOISE
from gateway.cli.times import days, seconds
from gateway.domain.duration import seconds_of
from gateway.domain.errors import ConfigurationError

SWITCHES: Mapping[str, bool | None] = {"on": True, "off": False, "unset": None}
"""Words that a member takes as a whole: `unset` says nothing, so that a subscription goes by its topic."""
ITSELF = "itself"
"""Whom an escalation tells that leads to nobody else."""
_PER = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0}
_PER |= {"hour": 3600.0, "d": 86_400.0, "day": 86_400.0}
_rate = re.compile(r"([0-9]{1,9})(?:/([a-z0-9.]+))?").fullmatch
_span = re.compile(r"([0-9:]+)-([0-9:]+)").fullmatch

Text: TypeAlias = str | None
Flag: TypeAlias = bool | None
Member: TypeAlias = dict[str, Any]


@Parameter(name="*", group=NOISE)
@dataclass(frozen=True)
class Noise:
    """What is held back."""

    rate_limit: Annotated[
        Text, Parameter(help="60/min, 100/5m; or on, off, unset. More than that waits, the worst first.")
    ] = None
    rate_limit_fold: Annotated[Flag, Parameter(help="What is over it goes as one message.")] = None
    duplicates: Annotated[
        Text, Parameter(help="5m: what is the same within that is not told again; or on, off, unset.")
    ] = None
    duplicate_key: Annotated[
        list[str] | None,
        Parameter(help="What makes events the same: resource, data.job.id; repeatable.", negative=()),
    ] = None
    digest: Annotated[
        Text, Parameter(help="on, off or unset: one message at a time of day, by the options below.")
    ] = None
    digest_rule: Annotated[
        Text, Parameter(help='Which events it collects: "severity in (info, notice)". All, unless said.')
    ] = None
    digest_frequency: Annotated[
        Literal["hourly", "daily", "weekly"] | None, Parameter(help="daily, unless said.")
    ] = None
    digest_time: Annotated[Text, Parameter(help="09:00, unless said.")] = None
    digest_zone: Annotated[Text, Parameter(help="Europe/Berlin; UTC, unless said.")] = None
    digest_weekday: Annotated[
        Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] | None,
        Parameter(help="Of a weekly one; mon, unless said."),
    ] = None
    digest_empty: Annotated[Flag, Parameter(help="Also when nothing happened.")] = None
    quiet_hours: Annotated[
        Text, Parameter(help="22:00-07:00: what is not bad enough waits for the end; or on, off, unset.")
    ] = None
    quiet_zone: Annotated[Text, Parameter(help="Europe/Berlin; UTC, unless said.")] = None
    quiet_days: Annotated[Text, Parameter(help="On which they start: mon,tue or weekdays; '' for all.")] = (
        None
    )
    quiet_let_through: Annotated[
        Literal["info", "notice", "warning", "error", "critical"] | None,
        Parameter(help="What is told at once, and worse: critical, unless said."),
    ] = None
    quiet_fold: Annotated[Flag, Parameter(help="What waited goes as one message.")] = None
    group_for: Annotated[
        Text, Parameter(help="30s: what comes within that goes as one message; or on, off, unset.")
    ] = None
    group_by: Annotated[
        list[str] | None,
        Parameter(help="Which events go together: resource; repeatable. All, unless said.", negative=()),
    ] = None
    remind_every: Annotated[Text, Parameter(help="4h: told again while it lasts; or on, off, unset.")] = None
    escalate: Annotated[
        Text, Parameter(help="on, off or unset: what is left alone is told again, or to another too.")
    ] = None
    escalate_to: Annotated[
        Text, Parameter(help="The subscription, by name or id, that is told too; or `itself`.")
    ] = None
    escalate_after: Annotated[Text, Parameter(help="15m, unless said.")] = None
    escalate_unless: Annotated[
        Literal["delivered", "acknowledged"] | None,
        Parameter(help="What keeps it from that: acknowledged, unless said."),
    ] = None
    fallback_to: Annotated[
        Text, Parameter(help="The subscription that is told what this one fails to tell; or off, unset.")
    ] = None
    fallback_after: Annotated[int | None, Parameter(help="So many failures: 3, unless said.")] = None
    once_per_target: Annotated[
        Flag, Parameter(help="What several topics send to one address goes there once.")
    ] = None

    def policy(self, client: Client) -> Member | None:
        """As the API takes it; None where nothing was said. Raises ConfigurationError."""
        if self == NOTHING_SAID:
            return None
        members = {
            "rate_limit": self._rate_limit(),
            "duplicates": self._duplicates(),
            "digest": self._digest(),
            "quiet_hours": self._quiet_hours(),
            "grouping": self._grouping(),
            "reminders": _whole(
                "--remind-every", self.remind_every, {}, lambda text: _lasting("every", text)
            ),
            "escalation": self._escalation(client),
            "fallback": self._fallback(client),
        }
        said: Member = {name: value for name, value in members.items() if value is not UNTOUCHED}
        return said | given(once_per_target=self.once_per_target)

    def _rate_limit(self) -> object:
        return _whole("--rate-limit", self.rate_limit, given(fold=self.rate_limit_fold), _limit)

    def _duplicates(self) -> object:
        rest = given(key=_names(self.duplicate_key))
        return _whole("--duplicates", self.duplicates, rest, lambda text: _lasting("seconds", text))

    def _digest(self) -> object:
        rest = given(
            rule=self.digest_rule,
            frequency=self.digest_frequency,
            time=self.digest_time,
            zone=self.digest_zone,
            weekday=self.digest_weekday,
            empty=self.digest_empty,
        )
        return _whole("--digest", self.digest, rest)

    def _quiet_hours(self) -> object:
        rest = given(
            zone=self.quiet_zone,
            days=days(self.quiet_days),
            let_through=self.quiet_let_through,
            fold=self.quiet_fold,
        )
        return _whole("--quiet-hours", self.quiet_hours, rest, _hours)

    def _grouping(self) -> object:
        rest = given(by=_names(self.group_by))
        return _whole("--group-for", self.group_for, rest, lambda text: _lasting("seconds", text))

    def _escalation(self, client: Client) -> object:
        rest = given(after=seconds("--escalate-after", self.escalate_after), unless=self.escalate_unless)
        if self.escalate_to is not None:
            rest["to"] = (
                None if self.escalate_to == ITSELF else id_of(client, "subscriptions", self.escalate_to)
            )
        return _whole("--escalate", self.escalate, rest)

    def _fallback(self, client: Client) -> object:
        rest = given(attempts=self.fallback_after)
        return _whole(
            "--fallback-to",
            self.fallback_to,
            rest,
            lambda name: {"to": id_of(client, "subscriptions", name)},
        )


NOTHING_SAID = Noise()
UNTOUCHED = object()
"""A member of which nothing was said."""


def _whole(option: str, word: str | None, rest: Member, read: Any = None) -> object:
    """A member by the option that stands for it and what else was said of it."""
    if word is None:
        return rest or UNTOUCHED
    if word in SWITCHES and not (rest and word == "on"):
        if rest:
            raise ConfigurationError(f"{option} {word} goes with no other option of it")
        return SWITCHES[word]
    if word == "on":
        return rest
    if read is None:
        raise ConfigurationError(f"{option} takes {', '.join(SWITCHES)}, not {word!r}")
    found = read(word)
    if found is None:
        raise ConfigurationError(f"{option}: {word!r} is not understood; see --help")
    return found | rest


def _limit(text: str) -> Member | None:
    found = _rate(text)
    if found is None:
        return None
    period = _PER.get(found[2]) or seconds_of(found[2]) if found[2] else 60.0
    return {"events": int(found[1]), "seconds": period} if period else None


def _hours(text: str) -> Member | None:
    found = _span(text)
    return {"start": found[1], "end": found[2]} if found else None


def _lasting(member: str, text: str) -> Member | None:
    found = seconds_of(text)
    return None if found is None else {member: found}


def _names(words: list[str] | None) -> list[str] | None:
    """'' alone takes all away."""
    return None if words is None else [word for word in words if word]
