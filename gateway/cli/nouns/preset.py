"""`tocsin preset`: what a product needs to be told of, out of ordinary topics, subscriptions and monitors."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from gateway.cli.client import Client, segment
from gateway.cli.lookup import id_of
from gateway.cli.noise_words import policy_words
from gateway.cli.nouns.common import USUAL, Common, noun_app
from gateway.cli.screen import console, say, show_json, show_one, show_rows
from gateway.cli.times import seconds
from gateway.domain.errors import ConfigurationError

STEP_COLUMNS = ("action", "noun", "name", "rules", "enabled")
MONITOR_COLUMNS = ("event", "name", "enabled", "kind", "key", "rule", "breach", "topics")
HOUR = 3_600

app = noun_app("preset", "What a product needs to be told of, set up at once.")

PresetName: TypeAlias = Annotated[str, Parameter(help="Its name, as the list shows it.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Wanted:
    """Who is told, and of what."""

    roles: Annotated[
        list[str] | None,
        Parameter(name="--role", help="ROLE=DESTINATION, by name or id; repeatable.", negative=()),
    ] = None
    to: Annotated[
        list[str] | None,
        Parameter(name="--to", help="ROLE=ADDRESS, a recipient of the role's mail; repeatable.", negative=()),
    ] = None
    only: Annotated[
        list[str] | None, Parameter(name="--only", help="ROLE=RULE that has to hold as well.", negative=())
    ] = None
    on: Annotated[
        list[str] | None,
        Parameter(name="--on", help="Switch an event or a monitor on; repeatable.", negative=()),
    ] = None
    off: Annotated[
        list[str] | None,
        Parameter(name="--off", help="Switch an event or a monitor off; repeatable.", negative=()),
    ] = None
    own: Annotated[
        list[str] | None,
        Parameter(name="--own", help="EVENT=DESTINATION: destinations of its own; repeatable.", negative=()),
    ] = None
    reset: Annotated[
        list[str] | None,
        Parameter(name="--reset", help="An event that goes to the global destinations again.", negative=()),
    ] = None
    notify_user: Annotated[
        list[str] | None,
        Parameter(
            name="--notify-user", help="EVENT=none, also or only: whether the user is told.", negative=()
        ),
    ] = None
    domains: Annotated[
        list[str] | None,
        Parameter(name="--domain", help="A domain of users' mail addresses; repeatable.", negative=()),
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Figures:
    """When, how far and how often a monitor of the preset tells."""

    every: Annotated[
        list[str] | None,
        Parameter(name="--every", help="MONITOR=PERIOD: how long a silence may be: 26h.", negative=()),
    ] = None
    grace: Annotated[
        list[str] | None, Parameter(name="--grace", help="MONITOR=PERIOD of being late.", negative=())
    ] = None
    remind: Annotated[
        list[str] | None,
        Parameter(name="--remind", help="MONITOR=PERIOD between reminders; 0s for none.", negative=()),
    ] = None
    threshold: Annotated[
        list[str] | None,
        Parameter(name="--threshold", help="MONITOR=NUMBER: how far, or how high.", negative=()),
    ] = None
    count: Annotated[
        list[str] | None,
        Parameter(name="--count", help="MONITOR=NUMBER of failures in a row.", negative=()),
    ] = None


NOTHING, AS_THEY_ARE = Wanted(), Figures()


@app.command(name="list", sort_key=1)
def list_(*, common: Common = USUAL) -> None:
    """List presets."""
    show_rows(common.client.get("presets")["presets"], ("name", "title", "description"), common.output)


@app.command(sort_key=2)
def show(preset: PresetName, /, *, common: Common = USUAL) -> None:
    """Show a preset: its roles, and which of them hears of what."""
    found = common.client.get(f"presets/{segment(preset)}")
    if common.output == "json":
        show_json(found)
        return
    topics, monitors = found.pop("topics"), found.pop("monitors")
    show_one(found, common.output)
    console().print()
    rows = [
        {**topic, "role": exit_["role"], "wants": exit_["rule"], "noise": _noise(topic)}
        for topic in topics
        for exit_ in topic["subscriptions"] or [{"role": "", "rule": ""}]
    ]
    show_rows(rows, ("name", "enabled", "rules", "noise", "role", "wants"), common.output)
    if monitors:
        console().print()
        show_rows([{**one, "breach": _breach(one)} for one in monitors], MONITOR_COLUMNS, common.output)


def _noise(topic: dict[str, Any]) -> str:
    """The noise policy of a topic, in words."""
    words = policy_words(topic.get("policy") or {}, {})
    return "; ".join(f"{name.replace('_', ' ')}: {said}" for name, said in words.items())


def _breach(monitor: dict[str, Any]) -> str:
    """What a breach is, in a few words."""
    if every := monitor.get("every_seconds"):
        return f"silent for {every / HOUR:g} h"
    if count := monitor.get("count"):
        return f"{count} in a row"
    sign = {"drop": "down by over", "rise": "up by over", "limit": "over"}[monitor["kind"]]
    return f"{sign} {monitor['threshold']:.10g}{' %' if monitor['percent'] else ''}"


@app.command(sort_key=3)
def apply(
    preset: PresetName,
    /,
    *,
    source: Annotated[str, Parameter(help="The source whose events it is about, by name or id.")],
    wanted: Wanted = NOTHING,
    figures: Figures = AS_THEY_ARE,
    dry_run: Annotated[bool, Parameter(help="Change nothing; show what would be.", negative=())] = False,
    common: Common = USUAL,
) -> None:
    """Make its topics, subscriptions and monitors. Applied again, it changes what it made; what is not said
    stays."""
    client = common.client
    body = {
        "source_id": id_of(client, "sources", source),
        **_body(client, wanted),
        "monitors": _monitors(figures),
        "dry_run": dry_run,
    }
    answer = client.post(f"presets/{segment(preset)}/apply", body)
    if common.output == "json":
        show_json(answer)
        return
    show_rows(answer["steps"], STEP_COLUMNS, common.output)
    if dry_run:
        say("nothing was saved")


def _body(client: Client, wanted: Wanted) -> dict[str, Any]:
    to, only = (
        _grouped("--to", wanted.to),
        {name: texts[-1] for name, texts in _grouped("--only", wanted.only).items()},
    )
    roles = {
        role: [_target(client, one, to.get(role, ()), only.get(role, "")) for one in names]
        for role, names in _grouped("--role", wanted.roles).items()
    }
    if stray := sorted({*to, *only} - set(roles)):
        raise ConfigurationError(f"--to and --only need --role of the same role: {', '.join(stray)}")
    own = {
        event: [_target(client, one, (), "") for one in names]
        for event, names in _grouped("--own", wanted.own).items()
    }
    return {
        "roles": roles,
        "own": own,
        "events": dict.fromkeys(wanted.on or (), True) | dict.fromkeys(wanted.off or (), False),
        "reset": wanted.reset or [],
        "notify_user": {
            name: texts[-1] for name, texts in _grouped("--notify-user", wanted.notify_user).items()
        },
        "domains": wanted.domains or [],
    }


def _monitors(figures: Figures) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for monitor, texts in _grouped("--every", figures.every).items():
        found[monitor]["schedule"] = {"every_seconds": seconds("--every", texts[-1])}
    for monitor, texts in _grouped("--grace", figures.grace).items():
        found[monitor]["grace_seconds"] = seconds("--grace", texts[-1])
    for monitor, texts in _grouped("--remind", figures.remind).items():
        found[monitor]["remind_every_seconds"] = seconds("--remind", texts[-1])
    for monitor, texts in _grouped("--threshold", figures.threshold).items():
        found[monitor]["threshold"] = _number("--threshold", texts[-1])
    for monitor, texts in _grouped("--count", figures.count).items():
        found[monitor]["count"] = int(_number("--count", texts[-1]))
    return dict(found)


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigurationError(f"{option}: {text!r} is no number")
    return number


def _target(client: Client, name: str, to: Iterable[str], only: str) -> dict[str, Any]:
    recipients = list(to)
    made: dict[str, Any] = {"destination_id": id_of(client, "destinations", name), "only": only}
    return made | ({"attributes": {"subscribed": recipients}} if recipients else {})


def _grouped(option: str, given: Iterable[str] | None) -> dict[str, list[str]]:
    """`a=b` as lists of b by a."""
    found: dict[str, list[str]] = defaultdict(list)
    for text in given or ():
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise ConfigurationError(f"{option}: {text!r} is not of the form NAME=VALUE")
        found[name].append(value)
    return dict(found)
