"""Prometheus Pushgateway: what is known last of each job, as gauges in a group of its own.

Reference: the README of prometheus/pushgateway and Prometheus' text exposition format 0.0.4 (facts:
destinations 16). A push replaces metrics of the same names in the same group and nothing else, so groups
are made of what an event tells of, and other programs' groups stay untouched.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.destination import SubscriptionAddress, Tools
from gateway.spi.message import Message
from gateway.spi.outcome import Receipt
from gateway.spi.reading import NumberPaths, Wording, Wordings, distinct, moment, numbers_of, worded
from gateway.spi.server import ServerConfig, ServerDestination, judged
from gateway.spi.transport import HttpRequest, Url

MAX_LABEL = 200
"""Characters of a label's value. There is no limit but that of a URL."""

NO_JOB = "tocsin"
"""The job of events that name none: a group has to have one (405 without)."""

OWN = ("event_timestamp_seconds", "success_timestamp_seconds", "failure_timestamp_seconds", "ok", "severity")
"""Behind the prefix, the gauges that are made of the event's words."""

_FAILURES = frozenset({Outcome.PARTIAL, Outcome.FAILED, Outcome.CORRUPT, Outcome.MISSED})
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
"""What a path may hold as it is; `.` and `..` would be taken for folders."""


class PushgatewayAddress(SubscriptionAddress):
    """Which group is pushed to, and what."""

    job: Wording = Field(
        "{{event.job}}", title="Job", description="Label job; tocsin where this comes to nothing."
    )
    instance: Wording = Field("{{event.resource}}", title="Instance", description="Label instance.")
    labels: Wordings = Field(
        {"source": "{{event.source}}"},
        title="Labels",
        description="More labels of the group by name, with words of the event in them.",
    )
    numbers: NumberPaths = Field(
        {},
        title="Numbers",
        description="Gauges by name behind the prefix, from numbers in the event's data.",
    )
    prefix: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]{0,63}$")] = Field(
        "backup_last_", title="Prefix", description="What the names of all gauges begin with."
    )
    method: Literal["post", "put"] = Field(
        "post",
        title="Method",
        description="post replaces the gauges that an event has, put the whole group.",
    )

    @field_validator("labels")
    @classmethod
    def _other_labels(cls, given: dict[str, str]) -> dict[str, str]:
        if taken := given.keys() & {"job", "instance"}:
            raise ValueError(f"{min(taken)} has a field of its own")
        return given

    @field_validator("numbers")
    @classmethod
    def _other_numbers(cls, given: dict[str, str]) -> dict[str, str]:
        if taken := given.keys() & set(OWN):
            raise ValueError(f"{min(taken)} is taken; another name is needed")
        return given


class PushgatewayConfig(ServerConfig):
    """A Pushgateway, or what takes the same."""


class Pushgateway(ServerDestination[PushgatewayConfig, PushgatewayAddress]):
    """Pushes the gauges of one event; every try pushes the same."""

    kind: ClassVar[str] = "pushgateway"
    people: ClassVar[bool] = False
    title: ClassVar[str] = "Prometheus Pushgateway"
    summary: ClassVar[str] = "The last success, failure and numbers of each job, for Prometheus to scrape."
    Config = PushgatewayConfig
    Address = PushgatewayAddress

    def __init__(self, config: PushgatewayConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._base = config.at("/metrics")
        self._headers = (("content-type", "text/plain; version=0.0.4; charset=utf-8"), *config.login)

    async def deliver(self, message: Message, address: PushgatewayAddress) -> Receipt:
        """See Destination."""
        group, body = grouping(message, address), exposition(gauges(message, address))
        target = _below(self._base, group)
        request = HttpRequest(address.method.upper(), target, self._headers, body, self.timeout)
        return await self.exchange(request, sent=_shown(group) + body, judge=judged)


def grouping(message: Message, address: PushgatewayAddress) -> dict[str, str]:
    """The labels of the group, job first; those that come to nothing are left out."""
    wordings = {"job": address.job, "instance": address.instance, **address.labels}
    labels = {name: distinct(worded(text, message), MAX_LABEL) for name, text in wordings.items()}
    labels["job"] = labels["job"] or NO_JOB
    return {name: value for name, value in labels.items() if value}


def gauges(message: Message, address: PushgatewayAddress) -> dict[str, float]:
    """What this event tells, by the name of the gauge. What it does not tell keeps its last value."""
    at, outcome = moment(message) / 1000, message.vocabulary.outcome
    failed = outcome in _FAILURES or (outcome is None and message.severity >= Severity.ERROR)
    own: dict[str, float] = {"event_timestamp_seconds": at, "severity": float(message.severity)}
    if message.resolves or failed:
        own |= {"ok": float(message.resolves)}
        own |= {f"{'success' if message.resolves else 'failure'}_timestamp_seconds": at}
    found = own | numbers_of(address.numbers, message)
    return {address.prefix + name: value for name, value in found.items()}


def exposition(values: Mapping[str, float]) -> bytes:
    """Gauges as text; without timestamps, which a Pushgateway refuses, and ended by a line feed."""
    return "".join(f"# TYPE {name} gauge\n{name} {value!r}\n" for name, value in values.items()).encode()


def _below(base: Url, group: Mapping[str, str]) -> Url:
    """The URL of a group: label and value in turn, in base64 unless plain (README, "Grouping key")."""
    parts = [
        f"{name}/{value}"
        if _PLAIN.fullmatch(value)
        else f"{name}@base64/{urlsafe_b64encode(value.encode()).decode()}"
        for name, value in group.items()
    ]
    return replace(base, target="/".join((base.target, *parts)))


def _shown(group: Mapping[str, str]) -> bytes:
    labels = ", ".join(f'{name}="{value}"' for name, value in group.items())
    return f"# {{{labels}}}\n".encode()
