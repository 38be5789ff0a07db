"""`--dry-run` of commands that save topics and subscriptions: what that would do with events of the past."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from cyclopts import Parameter
from rich.progress import Progress

from gateway.cli.client import Client
from gateway.cli.nouns.common import given
from gateway.cli.screen import console, say, show_json, show_one, show_rows
from gateway.domain.clock import SystemClock
from gateway.domain.errors import ConfigurationError

AT_ONCE = 200
"""Events of one call, so that progress is seen."""
SHOWN = 20
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PERIOD = re.compile(r"([0-9]{1,6})([mhd])")

Row = Mapping[str, Any]


@Parameter(name="*")
@dataclass(frozen=True)
class Rehearsal:
    """Whether to save, or only to show what saving would do."""

    dry_run: Annotated[
        bool, Parameter(help="Save nothing; show what it would have done with past events.", negative=())
    ] = False
    last: Annotated[int, Parameter(help="With --dry-run: how many events, newest first.")] = 1000
    since: Annotated[
        str | None, Parameter(help="With --dry-run: only events since then: 90m, 24h, 7d, or RFC 3339.")
    ] = None


SAVE = Rehearsal()


def rehearse(client: Client, proposal: Mapping[str, object], how: Rehearsal, output: str) -> None:
    """Show what a proposal would have done with the events that `how` names."""
    total = _rehearsed(client, {**proposal, **given(since=_since(how.since))}, how.last)
    if output == "json":
        show_json(total)
        return
    show_one(
        {
            "events looked at": total["events"],
            "since": total.get("oldest"),
            "taken by it": total.get("taken"),
            "not evaluable": total.get("not_evaluable"),
            "deliveries then, now, with it": " ".join(str(total["deliveries"][one]) for one in _COUNTS),
            "of these silenced": total.get("silenced"),
        },
        output,
    )
    console().print()
    show_rows(total["subscriptions"], ("subscription_name", "destination_name", *_COUNTS), output)
    _show_changes(total["changes"])
    say("nothing was saved, nothing was sent")


_COUNTS = ("was", "now", "would")


def _show_changes(changes: Iterable[Row]) -> None:
    rows = [
        {**change, "gained": _names(change["gained"]), "lost": _names(change["lost"])} for change in changes
    ]
    if rows:
        console().print()
        show_rows(rows[:SHOWN], ("received_at", "event_id", "type", "gained", "lost"), "table")


def _names(reached: Iterable[Row]) -> str:
    return ", ".join(
        " ".join(filter(None, (one["subscription_name"], one.get("recipient")))) for one in reached
    )


def _rehearsed(client: Client, body: Mapping[str, object], last: int) -> dict[str, Any]:
    """All answers in one; each call looks at a part, and a bar tells how far it has come."""
    if last < 1:
        raise ConfigurationError("--last: at least one event")
    total: dict[str, Any] = {}
    with Progress(
        console=console(stderr=True), transient=True, disable=not console(stderr=True).is_terminal
    ) as bar:
        task = bar.add_task("events", total=last)
        while True:
            left = last - int(total.get("events", 0))
            part = client.post("rules/dry-run", {**body, "last": min(left, AT_ONCE)})
            total = _joined(total, part)
            bar.update(task, completed=total["events"])
            if not part.get("cursor") or total["events"] >= last:
                return total
            body = {**body, "cursor": part["cursor"]}


def _joined(total: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if not total:
        return {**part, "cursor": None}
    rows = {row["subscription_id"]: dict(row) for row in total["subscriptions"]}
    for row in part["subscriptions"]:
        known = rows.setdefault(row["subscription_id"], {**row, **dict.fromkeys(_COUNTS, 0)})
        known.update({one: known[one] + row[one] for one in _COUNTS})
    problems = dict(total.get("not_evaluable") or {})
    for code, count in (part.get("not_evaluable") or {}).items():
        problems[code] = problems.get(code, 0) + count
    return {
        **total,
        **{name: total[name] + part[name] for name in ("events", "quarantined", "taken") if name in total},
        "deliveries": {one: total["deliveries"][one] + part["deliveries"][one] for one in _COUNTS},
        "silenced": (total.get("silenced") or 0) + (part.get("silenced") or 0),
        "subscriptions": list(rows.values()),
        "takes": [*total["takes"], *part["takes"]],
        "changes": [*total["changes"], *part["changes"]],
        "oldest": part.get("oldest") or total.get("oldest"),
        **({"not_evaluable": problems} if problems else {}),
    }


def _since(text: str | None) -> str | None:
    """A moment as RFC 3339; `24h` is that long ago."""
    found = _PERIOD.fullmatch(text or "")
    if not found:
        return text
    now = datetime.fromtimestamp(SystemClock().now(), UTC)
    try:
        return (now - timedelta(**{_UNITS[found[2]]: int(found[1])})).isoformat()
    except OverflowError:
        raise ConfigurationError(f"--since: {text} is too long ago") from None
