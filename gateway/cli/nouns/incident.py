"""`tocsin incident`: what fails and until when, who has taken it up, and who was told."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from gateway.cli.client import segment
from gateway.cli.nouns.common import USUAL, Common, given, noun_app
from gateway.cli.nouns.event import DELIVERY_COLUMNS, Id, Limit
from gateway.cli.screen import console, say, show_json, show_one, show_rows

COLUMNS = ("opened_at", "id", "state", "severity", "failures", "flapping", "acknowledged_by", "title")
EVENT_COLUMNS = ("received_at", "event_id", "part", "failures", "told")
TOLD_COLUMNS = ("at", "subscription_id", "recipient", "delivery_id")

Note: TypeAlias = Annotated[str | None, Parameter(help="What there is to say about it.")]
By: TypeAlias = Annotated[str | None, Parameter(help="Who; else the name of the key.")]

app = noun_app("incident", "What fails, from its first failure to its recovery.")


@app.command(name="list", sort_key=1)
def list_(
    *,
    state: Annotated[
        Literal["open", "acknowledged", "resolved"] | None, Parameter(help="Where they stand; else all.")
    ] = None,
    limit: Limit = 50,
    common: Common = USUAL,
) -> None:
    """List incidents, newest first."""
    page = common.client.get("incidents", state=state, limit=limit)
    show_rows(page["incidents"], COLUMNS, common.output)


@app.command(sort_key=2)
def show(id: Id, /, *, common: Common = USUAL) -> None:
    """Show an incident: its events, what they caused, and who was told first by which message."""
    incident = common.client.get(f"incidents/{segment(id)}")
    if common.output == "json":
        show_json(incident)
        return
    events, deliveries, told = (incident.pop(name, ()) for name in ("events", "deliveries", "told"))
    show_one(incident, common.output)
    for title, rows, columns in (
        ("events", events, EVENT_COLUMNS),
        ("deliveries", deliveries, DELIVERY_COLUMNS),
        ("told", told, TOLD_COLUMNS),
    ):
        console().print(f"\n{title}:", markup=False)
        show_rows(rows, columns, common.output)


@app.command(sort_key=3)
def acknowledge(id: Id, /, *, note: Note = None, by: By = None, common: Common = USUAL) -> None:
    """Take an incident up: nobody is reminded of it any more, and nothing escalates."""
    body = given(note=note, by=by)
    answer = common.client.post(f"incidents/{segment(id)}/acknowledge", body)
    say(f"incident {id} is acknowledged by {answer['acknowledged_by']}")


@app.command(sort_key=4)
def resolve(id: Id, /, *, note: Note = None, by: By = None, common: Common = USUAL) -> None:
    """Close an incident by hand; the next failure opens another."""
    body = given(note=note, by=by)
    answer = common.client.post(f"incidents/{segment(id)}/resolve", body)
    say(f"incident {id} is resolved by {answer['resolved_by']}")
