"""`tocsin destination create KIND`: one command for each kind, with the kind's own settings as options."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from cyclopts import Parameter

from gateway.cli.nouns.common import USUAL, Common, Description, Enabled, Name, given, noun_app
from gateway.cli.nouns.kinds import config_options, creatable, settings
from gateway.cli.options import Command, keyword, with_parameters
from gateway.cli.screen import say, show_one
from gateway.spi.destination import AnyDestination

RetrySchedule = Annotated[
    list[float] | None,
    Parameter(
        name="--retry-after", help="Seconds before each retry, repeatable; else 75 hours in all.", negative=()
    ),
]
CollectFailedEvents = Annotated[bool | None, Parameter(help="IBM's flag of that name; kept and shown.")]

OWN = ("name", "description", "enabled", "retry_schedule", "collect_failed_events")


def own_options(name: inspect.Parameter) -> list[inspect.Parameter]:
    """What every destination has, whatever its kind."""
    return [
        name,
        keyword("description", Description),
        keyword("enabled", Enabled),
        keyword("retry_schedule", RetrySchedule),
        keyword("collect_failed_events", CollectFailedEvents),
    ]


COMMON = keyword("common", Common, default=USUAL)

app = noun_app("create", "Create a destination.")


def _creator(kind: type[AnyDestination]) -> Command:
    named = keyword("name", Name, required=True)

    @with_parameters([*own_options(named), *config_options([kind], creating=True), COMMON])
    def create(*, common: Common, **options: Any) -> None:
        own = {name: options.pop(name) for name in OWN}
        body = given(**own, type=kind.kind, config={"params": settings(kind, options)})
        answer = common.client.post("destinations", body)
        show_one(answer, common.output)
        if answer.get("generated"):
            say("What stands under `generated` is shown this once.")

    return create


for _kind in creatable():
    app.command(_creator(_kind), name=_kind.kind, help=_kind.summary)
