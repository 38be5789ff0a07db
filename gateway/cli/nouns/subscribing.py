"""`tocsin subscription create` and `update`, with the addresses of all kinds as options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from gateway.cli.client import Client, segment
from gateway.cli.dry_run import SAVE, Rehearsal, rehearse
from gateway.cli.lookup import id_of, template_id
from gateway.cli.noise_words import show_with_policy
from gateway.cli.nouns.common import Common, Description, Enabled, Name, Named, NewName, given
from gateway.cli.nouns.destination_create import COMMON
from gateway.cli.nouns.kinds import address_options, refuse_foreign
from gateway.cli.nouns.noise import NOTHING_SAID, Noise
from gateway.cli.options import keyword, positional, settings_of, with_parameters
from gateway.cli.secrets import resolve
from gateway.domain.destination import RECIPIENT_LISTS
from gateway.spi.discovery import destinations

PLURAL = "subscriptions"
TEMPLATE = "template_id_notification"

TopicName: TypeAlias = Annotated[str, Parameter(name="--topic", help="The topic, by name or id.")]
DestinationName: TypeAlias = Annotated[str, Parameter(name="--destination", help="Where to, by name or id.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Wanted:
    """What may be said of a subscription beside what it joins and its address."""

    rule: Annotated[
        str | None, Parameter(help="Which of the topic's events, as in `severity >= error`; '' for all.")
    ] = None
    description: Description = None
    enabled: Enabled = None
    recipient_from: Annotated[
        str | None,
        Parameter(help="Where the data names the one who is told by mail, as /fields/Email; '' for nowhere."),
    ] = None
    recipient_domains: Annotated[
        list[str] | None,
        Parameter(name="--recipient-domain", help="A domain that may be told then; repeatable.", negative=()),
    ] = None


UNSAID = Wanted()

Removed: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--remove", help="A recipient who is told no more; repeatable.", negative=()),
]


REHEARSAL: TypeAlias = Annotated[Rehearsal, Parameter(name="*")]
NOISE: TypeAlias = Annotated[Noise, Parameter(name="*")]

SHARED = (
    keyword("wanted", Wanted, default=UNSAID),
    keyword("noise", NOISE, default=NOTHING_SAID),
    keyword("rehearsal", REHEARSAL, default=SAVE),
    *address_options(sorted(destinations().values(), key=lambda kind: kind.kind)),
    COMMON,
)


@with_parameters(
    [
        keyword("name", Name, required=True),
        keyword("topic", TopicName, required=True),
        keyword("destination", DestinationName, required=True),
        *SHARED,
    ]
)
def create(
    *,
    name: str,
    topic: str,
    destination: str,
    wanted: Wanted,
    noise: Noise,
    rehearsal: Rehearsal,
    common: Common,
    **address: Any,
) -> None:
    """Subscribe a destination to a topic."""
    client = common.client
    destination_id = id_of(client, "destinations", destination)
    kind = client.get(f"destinations/{destination_id}")["type"]
    body = given(
        name=name,
        topic_id=id_of(client, "topics", topic),
        destination_id=destination_id,
        **vars(wanted),
        attributes=_attributes(client, kind, address),
        policy=noise.policy(client),
    )
    if rehearsal.dry_run:
        rehearse(client, {"subscription": body}, rehearsal, common.output)
    else:
        show_with_policy(client.post(PLURAL, body), common.output)


@with_parameters(
    [positional("subscription", Named), keyword("name", NewName), keyword("remove", Removed), *SHARED]
)
def update(
    subscription: str,
    /,
    *,
    name: str | None,
    wanted: Wanted,
    remove: list[str] | None,
    noise: Noise,
    rehearsal: Rehearsal,
    common: Common,
    **address: Any,
) -> None:
    """Change a subscription; what is not given stays. Recipients are added to those it has."""
    client = common.client
    subscription_id = id_of(client, PLURAL, subscription)
    path = f"{PLURAL}/{segment(subscription_id)}"
    attributes = _attributes(client, client.get(path)["destination_type"], address)
    edits = {one: given(add=attributes.get(one), remove=remove) for one in RECIPIENT_LISTS}
    attributes |= {one: edit for one, edit in edits.items() if edit}
    body = given(name=name, **vars(wanted), attributes=attributes or None, policy=noise.policy(client))
    if rehearsal.dry_run:
        proposal = {"subscription": body, "subscription_id": subscription_id}
        rehearse(client, proposal, rehearsal, common.output)
    else:
        show_with_policy(client.call("PATCH", path, body=body), common.output)


def _attributes(client: Client, kind: str, address: dict[str, Any]) -> dict[str, Any]:
    model = destinations()[kind].Address
    refuse_foreign(kind, model, address)
    attributes = settings_of(model, address, resolve)
    if attributes.get(TEMPLATE):
        attributes[TEMPLATE] = template_id(client, attributes[TEMPLATE])
    return attributes
