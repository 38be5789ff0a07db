"""`tocsin destination`: where messages go. What a kind can be told comes from the kind itself."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from gateway.cli.lookup import path_of
from gateway.cli.nouns.common import USUAL, Common, Named, add_usual_verbs, noun_app
from gateway.cli.screen import plain, say, show_one

PLURAL = "destinations"

app = noun_app("destination", "Where messages go: webhooks, mail servers, chats.")
add_usual_verbs(app, PLURAL, ("name", "id", "type", "health", "disabled_because", "subscription_names"))

app.command(
    "gateway.cli.nouns.destination_create:app",
    name="create",
    sort_key=3,
    help="Create one; its kind comes next.",
)
app.command(
    "gateway.cli.nouns.destination_update:update",
    name="update",
    sort_key=4,
    help="Change one; what is not given stays, secrets too.",
)


@app.command(sort_key=5)
def test(
    name: Named,
    /,
    *,
    recipient: Annotated[
        str, Parameter(help="Who gets it, where there are recipients; else a subscribed one.")
    ] = "",
    common: Common = USUAL,
) -> int:
    """Send a test event there, a real delivery, and wait for the result. Exit code 1: it did not arrive."""
    client = common.client
    answer = client.post(f"{path_of(client, PLURAL, name)}/test", recipient=recipient)
    show_one(answer, common.output)
    if answer["state"] == "delivered":
        return 0
    say(f"{name} was not reached: {plain(answer.get('detail') or answer.get('reason') or answer['state'])}")
    return 1
