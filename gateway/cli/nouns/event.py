"""`tocsin event`: what came in and what became of it; `tocsin inbox` is the same list by another name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import App, Parameter

from gateway.cli.client import segment
from gateway.cli.json_file import read_json
from gateway.cli.lookup import id_of
from gateway.cli.nouns.common import USUAL, Common, noun_app
from gateway.cli.screen import console, show_json, show_one, show_rows

COLUMNS = ("received_at", "id", "cloudevent.type", "vocabulary.severity", "vocabulary.title", "quarantined")
DELIVERY_COLUMNS = (
    "id",
    "state",
    "topic_name",
    "subscription_name",
    "destination_name",
    "recipient",
    "attempts",
    "code",
    "reason",
)

Id: TypeAlias = Annotated[str, Parameter(help="The id that the list shows.")]
Limit: TypeAlias = Annotated[int, Parameter(help="How many at most, 1 to 500.")]


def list_(
    *,
    source: Annotated[str | None, Parameter(help="Only events of this source, by name or id.")] = None,
    type: Annotated[str | None, Parameter(help="Only events of this type.")] = None,
    search: Annotated[str | None, Parameter(help="Text in id, type or title.")] = None,
    quarantined: Annotated[
        bool | None, Parameter(help="Only those in quarantine, or only the others.")
    ] = None,
    limit: Limit = 50,
    common: Common = USUAL,
) -> None:
    """List events, newest first, matched by a topic or not."""
    client = common.client
    source_id = id_of(client, "sources", source) if source else None
    wanted = None if quarantined is None else str(quarantined).lower()
    page = client.get(
        "events", source_id=source_id, type=type, search=search, quarantined=wanted, limit=limit
    )
    show_rows(page["events"], COLUMNS, common.output)


def show(id: Id, /, *, common: Common = USUAL) -> None:
    """Show an event with its data and everything it caused."""
    _show(common.client.get(f"events/{segment(id)}"), common)


def release(
    id: Id,
    /,
    *,
    data: Annotated[Path | None, Parameter(help="Corrected data, a file of JSON; - is stdin.")] = None,
    common: Common = USUAL,
) -> None:
    """Let a quarantined event go its way, as it is or corrected; shows the event that takes its place."""
    body = {} if data is None else {"data": read_json(data, "--data")}
    _show(common.client.post(f"events/{segment(id)}/release", body), common)


def discard(
    id: Id,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; kept with the event.")],
    common: Common = USUAL,
) -> None:
    """Let go of a quarantined event. It stays stored."""
    _show(common.client.post(f"events/{segment(id)}/discard", {"reason": reason}), common)


def _show(event: dict[str, Any], common: Common) -> None:
    if common.output == "json":
        show_json(event)
        return
    deliveries = event.pop("deliveries")
    show_one(event, common.output)
    console().print()
    show_rows(deliveries, DELIVERY_COLUMNS, common.output)


def _app(name: str, help: str) -> App:
    made = noun_app(name, help)
    made.command(list_, name="list", sort_key=1)
    made.command(show, sort_key=2)
    return made


app = _app("event", "What came in, and what became of it.")
app.command(release, sort_key=3)
app.command(discard, sort_key=4)
inbox = _app("inbox", "Every event, matched by a topic or not, newest first.")
inbox.default(list_)
