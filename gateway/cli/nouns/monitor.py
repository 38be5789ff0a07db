"""`tocsin monitor`: what is expected of events. Its breach is an event like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from gateway.cli.client import Client
from gateway.cli.lookup import id_of, path_of
from gateway.cli.nouns.common import (
    USUAL,
    Common,
    Description,
    Name,
    Named,
    NewName,
    add_usual_verbs,
    given,
    noun_app,
)
from gateway.cli.screen import show_one, show_rows
from gateway.cli.times import days, seconds

PLURAL = "monitors"

app = noun_app(
    "monitor", "What is expected of events: that they come, and come well. Its breach is an event."
)
add_usual_verbs(app, PLURAL, ("name", "id", "kind", "state", "keys", "severity", "rule"))

Period: TypeAlias = str


@Parameter(name="*")
@dataclass(frozen=True)
class Expected:
    """When a silence is too long."""

    every: Annotated[Period | None, Parameter(help="At most so long after the last event: 26h, 90m.")] = None
    by: Annotated[str | None, Parameter(help="By this time of day: 06:00.")] = None
    zone: Annotated[str | None, Parameter(help="The zone of that time: Europe/Berlin. UTC, unless said.")] = (
        None
    )
    days: Annotated[
        str | None, Parameter(help="The weekdays of that time: mon,wed or weekdays. All, unless said.")
    ] = None
    grace: Annotated[Period | None, Parameter(help="Late for so long before it is missed: 30m.")] = None

    @property
    def members(self) -> dict[str, Any]:
        """As the API takes it."""
        schedule = given(
            every_seconds=seconds("--every", self.every), by=self.by, zone=self.zone, days=days(self.days)
        )
        return given(schedule=schedule or None, grace_seconds=seconds("--grace", self.grace))


@Parameter(name="*")
@dataclass(frozen=True)
class Breach:
    """What a breach is, and what is said of it."""

    severity: Annotated[
        Literal["info", "notice", "warning", "error", "critical"] | None,
        Parameter(help="The severity of a breach: error, unless said."),
    ] = None
    remind: Annotated[Period | None, Parameter(help="While it lasts, say it again every so often: 24h.")] = (
        None
    )
    retire_after: Annotated[
        int | None, Parameter(help="Periods after which a missed key is not expected any more.")
    ] = None
    count: Annotated[int | None, Parameter(help="So many failures in a row: 1, unless said.")] = None
    failure: Annotated[str | None, Parameter(help="The rule of what counts as a failure.")] = None
    success: Annotated[str | None, Parameter(help="The rule of what ends a run of failures.")] = None
    threshold: Annotated[
        float | None, Parameter(help="How far a number may drop or rise, or how high it may be.")
    ] = None
    percent: Annotated[bool | None, Parameter(help="The threshold is in percent of the number before.")] = (
        None
    )
    unless: Annotated[
        str | None, Parameter(help="The rule of events that tell of a change by themselves.")
    ] = None
    settles: Annotated[
        bool | None, Parameter(help="A change that stays is the new normal, and no lasting breach.")
    ] = None

    @property
    def members(self) -> dict[str, Any]:
        """As the API takes it."""
        rest = {name: value for name, value in vars(self).items() if name != "remind"}
        return given(remind_every_seconds=seconds("--remind", self.remind), **rest)


@Parameter(name="*")
@dataclass(frozen=True)
class Scope:
    """Which events are looked at."""

    rule: Annotated[
        str | None, Parameter(help="In the expression dialect: `outcome = ok`. All, unless said.")
    ] = None
    source: Annotated[str | None, Parameter(help="Only events of this source, by name or id.")] = None
    from_start: Annotated[bool | None, Parameter(help="Expect a first event too.")] = None
    max_keys: Annotated[int | None, Parameter(help="Keys at most: 1,000, unless said.")] = None
    description: Description = None

    def members(self, client: Client) -> dict[str, Any]:
        """As the API takes it."""
        rest = {name: value for name, value in vars(self).items() if name != "source"}
        return given(source_id=id_of(client, "sources", self.source) if self.source else None, **rest)


EVERYTHING, NO_SCHEDULE, USUAL_BREACH = Scope(), Expected(), Breach()


@app.command(sort_key=3)
def create(
    *,
    name: Name,
    kind: Annotated[
        Literal["silence", "failures", "drop", "rise", "limit"],
        Parameter(help="What is watched: that events come; failures in a row; a number in them."),
    ] = "silence",
    key: Annotated[
        str | None, Parameter(help="Split by this: resource, job, data.vm.id. Each value stands by itself.")
    ] = None,
    value: Annotated[str | None, Parameter(help="The number to look at: data.score.")] = None,
    scope: Scope = EVERYTHING,
    expected: Expected = NO_SCHEDULE,
    breach: Breach = USUAL_BREACH,
    common: Common = USUAL,
) -> None:
    """Expect something of events."""
    client = common.client
    body = given(
        name=name,
        kind=kind,
        key=key,
        value=value,
        **scope.members(client),
        **expected.members,
        **breach.members,
    )
    show_one(client.post(PLURAL, body), common.output)


@app.command(sort_key=4)
def update(
    monitor: Named,
    /,
    *,
    name: NewName = None,
    scope: Scope = EVERYTHING,
    expected: Expected = NO_SCHEDULE,
    breach: Breach = USUAL_BREACH,
    common: Common = USUAL,
) -> None:
    """Change a monitor; what is not given stays. A schedule is given whole."""
    client = common.client
    body = given(
        name=name,
        **scope.members(client),
        **expected.members,
        **breach.members,
    )
    show_one(client.call("PATCH", path_of(client, PLURAL, monitor), body=body), common.output)


@app.command(sort_key=2)
def keys(monitor: Named, /, *, common: Common = USUAL) -> None:
    """How each key of a monitor stands."""
    client = common.client
    path, rows, after = f"{path_of(client, PLURAL, monitor)}/keys", [], ""
    while True:
        page = client.get(path, after=after, limit=500)
        rows += page["keys"]
        after = page.get("after") or ""
        if not after:
            break
    columns = ("key", "state", "since", "last_seen", "due", "failures", "value")
    show_rows(rows, columns, common.output)


@app.command(sort_key=5)
def pause(monitor: Named, /, *, common: Common = USUAL) -> None:
    """Stop watching for a while."""
    client = common.client
    show_one(client.post(f"{path_of(client, PLURAL, monitor)}/pause"), common.output)


@app.command(sort_key=5)
def resume(monitor: Named, /, *, common: Common = USUAL) -> None:
    """Watch again; what is expected is expected anew."""
    client = common.client
    show_one(client.post(f"{path_of(client, PLURAL, monitor)}/resume"), common.output)
