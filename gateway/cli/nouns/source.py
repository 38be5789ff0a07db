"""`tocsin source`: who sends. `create` takes the options of IBM's `sources-create` (checklist IBM-10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from gateway.cli.lookup import path_of
from gateway.cli.nouns.common import (
    USUAL,
    Common,
    Description,
    Enabled,
    Name,
    Named,
    NewName,
    add_usual_verbs,
    given,
    noun_app,
)
from gateway.cli.screen import show_one

PLURAL = "sources"

app = noun_app("source", "Who sends events.")
add_usual_verbs(app, PLURAL, ("name", "id", "enabled", "source", "topic_names"))


@Parameter(name="*")
@dataclass(frozen=True)
class Sender:
    """What may be said of a source beside its name."""

    source: Annotated[str | None, Parameter(help="The sender's CRN, unique in the instance.")] = None
    description: Description = None
    enabled: Enabled = None
    format: Annotated[str | None, Parameter(help="Format of what it sends; CloudEvents unless said.")] = None
    allowed_types: Annotated[
        list[str] | None,
        Parameter(
            name="--allowed-type",
            negative="--all-types",
            help="An event type it may send, `x.*` is a prefix; repeatable.",
        ),
    ] = None
    allowed_sources: Annotated[
        list[str] | None,
        Parameter(
            name="--allowed-source",
            negative="--all-sources",
            help="A `source` URI it may send, `x*` is a prefix; repeatable.",
        ),
    ] = None
    store_notifications: Annotated[
        bool | None, Parameter(help="IBM's flag of that name; every event is stored anyway.")
    ] = None


UNSAID = Sender()


@app.command(sort_key=3)
def create(*, name: Name, sender: Sender = UNSAID, common: Common = USUAL) -> None:
    """Register a sender. `tocsin key create --source NAME` then makes a key for it."""
    body = given(name=name, **vars(sender))
    show_one(common.client.post(PLURAL, body), common.output)


@app.command(sort_key=4)
def update(
    source_name: Named, /, *, name: NewName = None, sender: Sender = UNSAID, common: Common = USUAL
) -> None:
    """Change a source; what is not given stays."""
    client = common.client
    body = given(name=name, **vars(sender))
    show_one(client.call("PATCH", path_of(client, PLURAL, source_name), body=body), common.output)
