"""Prometheus Alertmanager: a problem is an alert that stays open until its recovery closes it.

Reference: Alertmanager's API version 2 (its OpenAPI document) and its page on clients (facts: destinations
17). An alert is its labels: a failure and the recovery after it have to have the same, so labels are made
of what stays the same about a thing; everything else is an annotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import Field, StringConstraints, field_validator

from gateway.spi.destination import SubscriptionAddress, Tools
from gateway.spi.message import Message, MessageState
from gateway.spi.outcome import Receipt
from gateway.spi.reading import Wordings, distinct, moment, worded, words_in
from gateway.spi.rendering import headline, one_line, text_block, web_links
from gateway.spi.server import ServerConfig, ServerDestination, judged
from gateway.spi.transport import HttpRequest

MAX_LABEL = 256
MAX_TITLE = 1024
MAX_TEXT = 8192
"""Characters. Alertmanager names no limits; these keep its memory and what it sends on small."""

OWN_LABELS = frozenset({"alertname", "state", "source", "resource"})
STABLE = frozenset({"source", "resource", "job"})
"""Words that a failure and its recovery have in common, or may have."""

_HOUR = 3_600_000
PROBLEM, INFO = "problem", "info"


class AlertmanagerAddress(SubscriptionAddress):
    """What alerts are called, and how long they stay."""

    alertname: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")] = Field(
        "BackupEvent", title="Alert name", description="Label alertname of all alerts."
    )
    labels: Wordings = Field(
        {},
        title="Labels",
        description="More labels by name: fixed, or with event.source, event.resource, event.job in them.",
    )
    open_hours: Annotated[int, Field(ge=1, le=8784)] = Field(
        26,
        title="Hours open",
        description="How long a problem stays open when neither a recovery nor another failure comes.",
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the texts; empty for the default form."
    )

    @field_validator("labels")
    @classmethod
    def _stable(cls, given: dict[str, str]) -> dict[str, str]:
        if taken := given.keys() & OWN_LABELS:
            raise ValueError(f"{min(taken)} is set by the gateway; another name is needed")
        for name, text in given.items():
            if changing := set(words_in(text)) - STABLE:
                raise ValueError(
                    f"{name}: event.{min(changing)} differs between a failure and its recovery, which would "
                    "then be two alerts; it is an annotation"
                )
        return given


class AlertmanagerConfig(ServerConfig):
    """One Alertmanager; of a cluster every member has to be told, so each is a destination."""


class Alertmanager(ServerDestination[AlertmanagerConfig, AlertmanagerAddress]):
    """Posts one alert per delivery. A repeat is the same alert."""

    kind: ClassVar[str] = "alertmanager"
    title: ClassVar[str] = "Prometheus Alertmanager"
    summary: ClassVar[str] = "Problems as alerts that a recovery closes."
    Config = AlertmanagerConfig
    Address = AlertmanagerAddress

    def __init__(self, config: AlertmanagerConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = config.at("/api/v2/alerts")
        self._headers = (("content-type", "application/json"), *config.login)

    async def deliver(self, message: Message, address: AlertmanagerAddress) -> Receipt:
        """See Destination."""
        body = orjson.dumps([alert(message, address, int(self._now() * 1000))])
        request = HttpRequest("POST", self._target, self._headers, body, self.timeout)
        return await self.exchange(request, judge=judged)


def alert(message: Message, address: AlertmanagerAddress, now: int) -> dict[str, Any]:
    """The message as an alert of Alertmanager's API; `now` is in milliseconds since the epoch."""
    made: dict[str, Any] = {
        "labels": labels(message, address),
        "annotations": texts(message),
        **_times(message, address, now),
    }
    return {**made, "generatorURL": message.event_url} if message.event_url else made


def labels(message: Message, address: AlertmanagerAddress) -> dict[str, str]:
    """What the alert is: the same for all messages of one thread, but news that are no problem and resolve
    none are kept apart from the problem that may be open."""
    source, _, thing = message.thread_key.partition("|")
    wanted = {
        "alertname": address.alertname,
        "state": INFO if _only_news(message) else PROBLEM,
        "source": source,
        "resource": thing,
        **{name: worded(text, message) for name, text in address.labels.items()},
    }
    cut = {name: distinct(text, MAX_LABEL) for name, text in wanted.items()}
    return {name: text for name, text in cut.items() if text}


def _only_news(message: Message) -> bool:
    return not message.resolves and message.state is not MessageState.PROBLEM


def texts(message: Message) -> dict[str, str]:
    """What the alert says: `summary` and `description`, as Prometheus' own rules call them, facts, links."""
    said = {
        "summary": headline(message, MAX_TITLE),
        "description": text_block(message.summary, MAX_TEXT),
        **{name.lower(): one_line(value, MAX_TITLE) for name, value in message.facts},
        "links": "\n".join(url for _, url in web_links(message.links)),
        "delivery_id": message.delivery_id,
    }
    return {name: text for name, text in said.items() if text.strip()}


def _times(message: Message, address: AlertmanagerAddress, now: int) -> Mapping[str, str]:
    """Since when, an incident from its beginning, and until when unless something comes before it. Mere news
    say no end: Alertmanager ends them by itself after its `resolve_timeout`."""
    at = min(moment(message), now)
    began = min(int(message.chapter.incident.opened_at * 1000), at) if message.chapter else at
    if message.resolves:
        return {"startsAt": _timestamp(began), "endsAt": _timestamp(at)}
    if _only_news(message):
        return {"startsAt": _timestamp(at)}
    return {"startsAt": _timestamp(began), "endsAt": _timestamp(now + address.open_hours * _HOUR)}


def _timestamp(milliseconds: int) -> str:
    instant = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
