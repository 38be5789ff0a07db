"""`tocsin topic`: which events of which sources belong together. IBS calls it a notification group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from gateway.cli.client import Client
from gateway.cli.dry_run import SAVE, Rehearsal, rehearse
from gateway.cli.lookup import id_of, path_of
from gateway.cli.noise_words import show_with_policy
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
from gateway.cli.nouns.noise import NOTHING_SAID, Noise
from gateway.cli.screen import show_one, show_rows
from gateway.domain.errors import ConfigurationError

PLURAL = "topics"
Rule = dict[str, Any]
TESTED = ("subscription", "destination", "recipient", "wanted", "state", "code", "reason", "detail")

app = noun_app("topic", "Which events of which sources belong together, by rule.")
add_usual_verbs(
    app, PLURAL, ("name", "id", "enabled", "sources_names", "subscription_count"), show_with_policy
)


@Parameter(name="*")
@dataclass(frozen=True)
class Picked:
    """Which events a topic takes."""

    sources: Annotated[
        list[str] | None,
        Parameter(name="--source", help="A source that feeds it, by name or id; repeatable.", negative=()),
    ] = None
    rules: Annotated[
        list[str] | None,
        Parameter(
            name="--rule",
            negative=(),
            help="Which of their events, as in `severity >= error`; of several, one must hold. Unsaid: all.",
        ),
    ] = None
    event_type_filter: Annotated[
        str | None, Parameter(help="A condition in IBM's dialect, over the type; holds beside the rules.")
    ] = None
    notification_filter: Annotated[
        str | None, Parameter(help="A condition in IBM's dialect, over the whole event.")
    ] = None

    @property
    def all_rules(self) -> list[Rule]:
        """The rules as the API takes them."""
        filters = given(
            event_type_filter=self.event_type_filter, notification_filter=self.notification_filter
        )
        if not self.rules:
            return [filters] if filters else []
        return [{**filters, "rule": rule} for rule in self.rules]

    def source_ids(self, client: Client) -> list[str]:
        """The ids of the sources that were named."""
        return [id_of(client, "sources", name) for name in self.sources or ()]


ALL = Picked()

Fallback: TypeAlias = Annotated[
    bool | None, Parameter(help="Whether it takes what no other topic took: of all sources, or of its own.")
]


@app.command(sort_key=3)
def create(
    *,
    name: Name,
    picked: Picked = ALL,
    description: Description = None,
    enabled: Enabled = None,
    fallback: Fallback = None,
    noise: Noise = NOTHING_SAID,
    rehearsal: Rehearsal = SAVE,
    common: Common = USUAL,
) -> None:
    """Create a topic. `tocsin subscription create --topic NAME` then says who is told."""
    client = common.client
    if picked.all_rules and not picked.sources:
        raise ConfigurationError("a rule picks events of a source: say which one with --source")
    feeds = _feeds(picked.source_ids(client), picked.all_rules, {})
    body = given(
        name=name,
        description=description,
        enabled=enabled,
        fallback=fallback,
        sources=feeds or None,
        policy=noise.policy(client),
    )
    if rehearsal.dry_run:
        rehearse(client, {"topic": body}, rehearsal, common.output)
    else:
        show_with_policy(client.post(PLURAL, body), common.output)


@app.command(sort_key=4)
def update(  # noqa: PLR0913  one for each option
    topic: Annotated[str | None, Parameter(help="Its name, or its id; else --name names it.")] = None,
    /,
    *,
    name: NewName = None,
    picked: Picked = ALL,
    description: Description = None,
    enabled: Enabled = None,
    fallback: Fallback = None,
    noise: Noise = NOTHING_SAID,
    rehearsal: Rehearsal = SAVE,
    common: Common = USUAL,
) -> None:
    """Change a topic; what is not given stays. Rules replace all its rules, sources all its sources.

    Where the topic is given, --name renames it; else --name says which topic is meant.
    """
    wanted = topic or name
    if wanted is None:
        raise ConfigurationError("say which topic: `tocsin topic update NAME ...`")
    client = common.client
    path = path_of(client, PLURAL, wanted)
    feeds = None
    if picked != ALL:
        known = {row["id"]: row["rules"] for row in client.get(path)["sources"]}
        feeds = _feeds(picked.source_ids(client) or list(known), picked.all_rules, known)
    body = given(
        name=name if topic else None,
        description=description,
        enabled=enabled,
        fallback=fallback,
        sources=feeds,
        policy=noise.policy(client),
    )
    if rehearsal.dry_run:
        proposal = {"topic": body, "topic_id": id_of(client, PLURAL, wanted)}
        rehearse(client, proposal, rehearsal, common.output)
    else:
        show_with_policy(client.call("PUT", path, body=body), common.output)


@app.command(sort_key=5)
def test(
    name: Named,
    /,
    *,
    type: Annotated[str | None, Parameter(help="The type of the test event.")] = None,
    severity: Annotated[str | None, Parameter(help="How bad it is: info, notice, ... critical.")] = None,
    common: Common = USUAL,
) -> int:
    """Send a test event to all that it leads to, and wait for the results. Exit code 1: not all arrived."""
    client = common.client
    answer = client.post(f"{path_of(client, PLURAL, name)}/test", given(type=type, severity=severity))
    if common.output == "json":
        show_one(answer, common.output)
    else:
        show_rows(answer["results"], TESTED, common.output)
    return 0 if answer["status"] == "success" else 1


def _feeds(source_ids: list[str], rules: list[Rule], known: Mapping[str, list[Rule]]) -> list[dict[str, Any]]:
    """Each source with the rules given, else with those it has, else with one that takes everything."""
    return [{"id": one, "rules": rules or known.get(one) or [{}]} for one in source_ids]
