"""`tocsin delivery`: what went out, with every try; dead letters and their replay."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from gateway.cli.client import segment
from gateway.cli.lookup import id_of
from gateway.cli.nouns.common import USUAL, Common, noun_app
from gateway.cli.nouns.event import Limit
from gateway.cli.screen import console, plain, safe, say, show_json, show_one, show_rows

COLUMNS = ("created_at", "id", "state", "destination_name", "recipient", "attempts", "reason")
RECEIPT_COLUMNS = ("received_at", "status", "code", "detail", "vendor_id")
TRY_COLUMNS = ("number", "started_at", "duration_ms", "code", "reason", "detail")

State = Literal["pending", "leased", "held", "delivered", "dead", "suppressed", "cancelled", "folded"]

app = noun_app("delivery", "What went out, with every try.")


@app.command(name="list", sort_key=1)
def list_(
    *,
    state: Annotated[State | None, Parameter(help="Where they stand; `dead` lists dead letters.")] = None,
    event: Annotated[str | None, Parameter(help="Only those of this event, by id.")] = None,
    destination: Annotated[
        str | None, Parameter(help="Only those to this destination, by name or id.")
    ] = None,
    subscription: Annotated[
        str | None, Parameter(help="Only those of this subscription, by name or id.")
    ] = None,
    reason: Annotated[
        str | None, Parameter(help="Only those with this reason, as the list shows it.")
    ] = None,
    limit: Limit = 50,
    common: Common = USUAL,
) -> None:
    """List deliveries, newest first."""
    client = common.client
    page = client.get(
        "deliveries",
        state=state,
        reason=reason,
        event_id=event,
        limit=limit,
        destination_id=id_of(client, "destinations", destination) if destination else None,
        subscription_id=id_of(client, "subscriptions", subscription) if subscription else None,
    )
    show_rows(page["deliveries"], COLUMNS, common.output)


@app.command(sort_key=2)
def show(
    id: Annotated[str, Parameter(help="The id that the list shows.")], /, *, common: Common = USUAL
) -> None:
    """Show a delivery: why it exists, every try, what was sent, and what the channel said later."""
    delivery = common.client.get(f"deliveries/{segment(id)}")
    if common.output == "json":
        show_json(delivery)
        return
    tries, receipts, sent, _ = (delivery.pop(name, None) for name in ("tries", "receipts", "sent", "event"))
    show_one(delivery, common.output)
    console().print()
    show_rows(tries or (), TRY_COLUMNS, common.output)
    if receipts:
        console().print("\nsaid later:", markup=False)
        show_rows(receipts, RECEIPT_COLUMNS, common.output)
    if sent:
        console().print(f"\n{safe(sent)}", markup=False)


@app.command(sort_key=5)
def replay(
    *ids: Annotated[str, Parameter(help="Ids of deliveries that ended.")], common: Common = USUAL
) -> None:
    """Send ended deliveries again, each with the id it had, so that receivers know a repeat."""
    client = common.client
    for id in ids:
        answer = client.post(f"deliveries/{segment(id)}/replay")
        say(f"delivery {id} is {plain(answer['state'])} again")
