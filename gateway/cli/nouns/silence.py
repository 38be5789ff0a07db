"""`tocsin silence`: nobody is told of some events for a while, because somebody said so and why."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from gateway.cli.client import segment
from gateway.cli.lookup import id_of
from gateway.cli.nouns.common import USUAL, Common, given, noun_app
from gateway.cli.screen import console, say, show_one, show_rows
from gateway.cli.times import moment, seconds
from gateway.domain.errors import ConfigurationError
from gateway.domain.silence import SILENCED_BY

PLURAL = "silences"
COLUMNS = ("id", "state", "rule", "topic_name", "starts_at", "ends_at", "suppressed", "author", "reason")

HELD_COLUMNS = ("created_at", "id", "destination_name", "recipient", "event_id")
LATEST = 10
"""Deliveries that are shown of one."""

app = noun_app("silence", "Nobody is told of some events for a while.")

Id: TypeAlias = Annotated[str, Parameter(help="The id that the list shows.")]


@app.command(name="list", sort_key=1)
def list_(
    *,
    state: Annotated[
        Literal["pending", "active", "ended"] | None, Parameter(help="Only those that stand like this.")
    ] = None,
    search: Annotated[str, Parameter(help="Part of the rule, the reason or the author.")] = "",
    common: Common = USUAL,
) -> None:
    """List silences, the newest first; those that ended too."""
    show_rows(common.client.every(PLURAL, search, state=state), COLUMNS, common.output)


@app.command(sort_key=2)
def show(id: Id, /, *, common: Common = USUAL) -> None:
    """Show a silence, how much it held back, and the latest of that."""
    client = common.client
    silence = client.get(_path(id))
    show_one(silence, common.output)
    if common.output == "table":
        reason = SILENCED_BY + silence["id"]
        if rows := client.get("deliveries", reason=reason, limit=LATEST)["deliveries"]:
            console().print(f"\nthe latest of `tocsin delivery list --reason {reason}`:", markup=False)
            show_rows(rows, HELD_COLUMNS, common.output)


@app.command(sort_key=3)
def create(
    *,
    rule: Annotated[str, Parameter(help="Of which events, as in `resource = vm-1`; `true` for all.")],
    reason: Annotated[str, Parameter(help="Why, for those who wonder.")],
    lasts: Annotated[str | None, Parameter(name="--for", help="For so long: 2h, 1h30m, 7d.")] = None,
    until: Annotated[
        str | None, Parameter(help="Until then: 2026-03-01T08:00, in this machine's time, or with a zone.")
    ] = None,
    start: Annotated[str | None, Parameter(name="--from", help="From then on; else from now on.")] = None,
    topic: Annotated[str | None, Parameter(help="Only what this topic tells, by name or id.")] = None,
    author: Annotated[str | None, Parameter(help="Who; else the name of your key.")] = None,
    common: Common = USUAL,
) -> None:
    """Tell nobody of some events for a while. What is held back stays listed, and can be replayed."""
    if (lasts is None) == (until is None):
        raise ConfigurationError("say how long: --for 2h, or --until a time")
    client = common.client
    body = given(
        rule=rule,
        reason=reason,
        author=author,
        topic_id=id_of(client, "topics", topic) if topic else None,
        starts_at=moment("--from", start),
        ends_at=moment("--until", until),
        lasts=seconds("--for", lasts),
    )
    show_one(client.post(PLURAL, body), common.output)


@app.command(sort_key=4)
def end(id: Id, /, *, common: Common = USUAL) -> None:
    """End a silence now. What comes from now on is told again."""
    show_one(common.client.post(f"{_path(id)}/end"), common.output)


@app.command(sort_key=6)
def delete(id: Id, /, *, common: Common = USUAL) -> None:
    """Delete a silence; nobody can look up any more why it was."""
    common.client.call("DELETE", _path(id))
    say(f"silence {id} is deleted")


def _path(id: str) -> str:
    return f"{PLURAL}/{segment(id)}"
