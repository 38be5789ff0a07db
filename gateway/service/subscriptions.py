"""Subscriptions: topic to destination, with an address and a rule of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError

from gateway.domain.destination import (
    INVITED,
    RECIPIENT_LISTS,
    SUBSCRIBED,
    UNSUBSCRIBED,
    Subscription,
)
from gateway.domain.errors import Conflict, Invalid, Malformed, NotFound, Problem
from gateway.domain.ids import DestinationId, SubscriptionId, TemplateId, TopicId, new_id
from gateway.domain.source import Instance
from gateway.domain.template import REFERENCES
from gateway.pipeline.route import joint_problems
from gateway.pipeline.snapshot import Snapshot
from gateway.pipeline.wording import fits
from gateway.ports import Cancel, Put, Remove
from gateway.security.unsubscribing import Unsubscription
from gateway.service.configuration import Configurator, Decision
from gateway.service.destinations import find_destination, model_problems
from gateway.service.noise import check_policy, users_of, with_policy
from gateway.service.topics import find_topic
from gateway.spi.destination import AnyDestination
from gateway.spi.discovery import destinations
from schemas.templates import presets

MAX_RECIPIENTS = 500
MAX_FAN_OUT = 5000
ON_BOTH = (INVITED, SUBSCRIBED)
"""Invited counts as subscribed: who is removed from one of the two is removed from both."""

OPERATION = "operation"
"""What makes a row of an update an edit, in IBM's lists of channels."""

DELETED = "subscription_deleted"
NO_LONGER_SUBSCRIBED = "unsubscribed"


class Subscriptions:
    """Use cases over subscriptions."""

    def __init__(self, configurator: Configurator) -> None:
        self._configurator = configurator

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Subscription:
        """Subscribe a destination to a topic.

        Raises NotFound for a topic or destination that is not there, Invalid for an address or rule that
        cannot be used or a fan-out over the limit, Conflict for a name that is taken.
        """

        def decide(snapshot: Snapshot) -> Decision[Subscription]:
            checked = self.proposed(snapshot, instance, None, fields)
            return Decision(checked, [Put(checked, _unique(checked))])

        return await self._configurator.change(decide)

    async def update(
        self, instance: Instance, subscription_id: str, fields: Mapping[str, object]
    ) -> Subscription:
        """Change a subscription; whom it no longer reaches gets nothing more, pending deliveries included."""

        def decide(snapshot: Snapshot) -> Decision[Subscription]:
            subscription = find_subscription(snapshot, instance, subscription_id)
            changed = self.proposed(snapshot, instance, subscription_id, fields)
            return _replaced(snapshot, subscription, changed)

        return await self._configurator.change(decide)

    async def unsubscribe(self, wanted: Unsubscription) -> bool:
        """Take a recipient at their word: on the list of who unsubscribed, off the others, and nothing that
        is pending goes out. False where nothing was sent to them any more anyway.
        """

        def decide(snapshot: Snapshot) -> Decision[bool]:
            subscription = snapshot.subscriptions.get(wanted.subscription_id)
            if subscription is None or has_unsubscribed(subscription, wanted.recipient):
                return Decision(False)
            address = _without(subscription.address, wanted.recipient)
            now = self._configurator.clock.now()
            changed = _checked(snapshot, replace(subscription, address=address, updated_at=now))
            decided = _replaced(snapshot, subscription, changed)
            return Decision(True, decided.changes, decided.effects)

        return await self._configurator.change(decide)

    def proposed(
        self,
        snapshot: Snapshot,
        instance: Instance,
        subscription_id: str | None,
        fields: Mapping[str, object],
    ) -> Subscription:
        """The subscription as it would be, a new one without an id; nothing is saved. Raises as `create`."""
        now = self._configurator.clock.now()
        if subscription_id is None:
            known = Subscription(
                SubscriptionId(new_id()), instance.id, "", TopicId(""), DestinationId(""), now, now
            )
        else:
            known = find_subscription(snapshot, instance, subscription_id)
        given = with_policy(known.policy, fields)
        if subscription_id is not None and "address" in given:
            given["address"] = merge_address(known.address, given["address"])
        subscription = replace(known, **given, updated_at=now)
        find_topic(snapshot, instance, subscription.topic_id)
        find_destination(snapshot, instance, subscription.destination_id)
        checked = _checked(snapshot, subscription)
        check_policy(snapshot, checked, known.policy)
        return checked

    async def delete(self, instance: Instance, subscription_id: str) -> None:
        """Remove a subscription and cancel what is pending of it. Raises Conflict if a policy names it."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            subscription = find_subscription(snapshot, instance, subscription_id)
            _refuse_named(snapshot, subscription)
            cancel = Cancel(DELETED, subscription.destination_id, subscription.id)
            return Decision(None, [Remove(subscription)], [cancel])

        await self._configurator.change(decide)


def _refuse_named(snapshot: Snapshot, subscription: Subscription) -> None:
    users = users_of(snapshot, subscription)
    if users:
        raise Conflict(
            "in_use",
            f"the escalation or fallback of {', '.join(sorted(users)[:10])} leads to this subscription",
            expected="lead them elsewhere, or switch them off first",
        )


def find_subscription(snapshot: Snapshot, instance: Instance, subscription_id: str) -> Subscription:
    """A subscription of this instance. Raises NotFound."""
    subscription = snapshot.subscriptions.get(SubscriptionId(subscription_id))
    if subscription is None or subscription.instance_id != instance.id:
        raise NotFound("subscription_not_found", f"there is no subscription {subscription_id!r}")
    return subscription


def has_unsubscribed(subscription: Subscription, recipient: str) -> bool:
    """Whether this recipient is on the list of those who want no more."""
    gone = _texts(subscription.address.get(UNSUBSCRIBED))
    return recipient.casefold() in {one.casefold() for one in gone}


def recipients(snapshot: Snapshot, subscription: Subscription) -> tuple[str, ...]:
    """Whom a subscription reaches; ('',) for kinds without recipients, and where the event says it."""
    if subscription.recipient_from:
        return ("",)
    kind = destinations()[snapshot.destinations[subscription.destination_id].kind]
    return kind.recipients(kind.Address.model_validate(dict(subscription.address)))


def lost(snapshot: Snapshot, before: Subscription, after: Subscription) -> Sequence[Cancel]:
    """What ends the deliveries of those whom a changed subscription no longer reaches."""
    gone = set(recipients(snapshot, before)) - set(recipients(snapshot, after))
    place = before.destination_id, before.id
    return [Cancel(NO_LONGER_SUBSCRIBED, *place, tuple(sorted(gone)))] if gone else []


def merge_address(known: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """Apply an update to an address; recipient lists take IBM's `{add: [...], remove: [...]}` too, and lists
    of rows with ids IBM's `[{id, operation: add or remove}]`.

    Raises Invalid for an edit that is none. Removing who is on no list is no error.
    """
    edits = {name: edit for name in RECIPIENT_LISTS if isinstance(edit := given.get(name), Mapping)}
    merged = {**known, **given, **{name: known.get(name, ()) for name in edits}}
    for name, rows in given.items():
        if isinstance(rows, list) and any(isinstance(row, Mapping) and OPERATION in row for row in rows):
            merged[name] = _operated(name, known.get(name), rows)
    for name, edit in edits.items():
        removed = {one.casefold() for one in _edited(name, edit, "remove")}
        for affected in ON_BOTH if name in ON_BOTH else (name,):
            if affected in merged:
                present = _texts(merged[affected])
                merged[affected] = [one for one in present if one.casefold() not in removed]
    for name, edit in edits.items():
        merged[name] = list(dict.fromkeys([*_texts(merged[name]), *_edited(name, edit, "add")]))
    return merged


def _operated(name: str, known: object, rows: Sequence[object]) -> list[dict[str, object]]:
    """The known rows without those to be removed, then those to be added."""
    ids: dict[object, None] = dict.fromkeys(
        row["id"] for row in (known if isinstance(known, list | tuple) else ()) if isinstance(row, Mapping)
    )
    for row in rows:
        match row:
            case {"id": str(id), "operation": "remove"}:
                ids.pop(id, None)
            case {"id": str(id), "operation": "add"}:
                ids.setdefault(id)
            case _:
                raise Invalid(
                    "invalid_value",
                    f"{name} cannot be changed like this",
                    pointer=f"/attributes/{name}",
                    expected='rows of {"id": ..., "operation": "add" or "remove"}',
                )
    return [{"id": id} for id in ids]


def _without(address: Mapping[str, object], recipient: str) -> dict[str, object]:
    """The address with a recipient moved to those who unsubscribed, of whom the latest are remembered."""
    edits = {INVITED: {"remove": [recipient]}, UNSUBSCRIBED: {"add": [recipient]}}
    moved = merge_address(address, edits)
    return {**moved, UNSUBSCRIBED: _texts(moved[UNSUBSCRIBED])[-MAX_RECIPIENTS:]}


def _edited(name: str, edit: Mapping[str, object], action: str) -> Sequence[str]:
    listed = edit.get(action) or []
    if isinstance(listed, list) and listed == _texts(listed) and set(edit) <= {"add", "remove"}:
        return _texts(listed)
    raise Invalid(
        "invalid_value",
        f"{name} cannot be changed like this",
        pointer=f"/attributes/{name}",
        expected='{"add": [...], "remove": [...]} with lists of texts',
    )


def _texts(listed: object) -> Sequence[str]:
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list | tuple) else []


def _replaced(snapshot: Snapshot, known: Subscription, changed: Subscription) -> Decision[Subscription]:
    """The change, with what is pending for those cancelled whom it no longer reaches."""
    return Decision(changed, [Put(changed, _unique(changed))], lost(snapshot, known, changed))


def _checked(snapshot: Snapshot, subscription: Subscription) -> Subscription:
    """The subscription with its address in normal form."""
    _refuse_same_name(snapshot, subscription)
    kind = destinations()[snapshot.destinations[subscription.destination_id].kind]
    problems = joint_problems("/rule", "", "", subscription.rule)
    if problems:
        raise Invalid.of(problems)
    try:
        address = kind.Address.model_validate(dict(subscription.address))
    except ValidationError as error:
        raise Invalid.of(model_problems(error, "/attributes")) from error
    _check_templates(snapshot, subscription)
    checked = replace(subscription, address=address.model_dump(mode="json", exclude_none=True))
    checked = _checked_direct(checked, kind)
    _check_fan_out(snapshot, checked, recipients(snapshot, checked))
    return checked


def _checked_direct(subscription: Subscription, kind: type[AnyDestination]) -> Subscription:
    """With domains in lower case. Raises Invalid where the kind sends no mail, or a domain is none."""
    if not subscription.recipient_from:
        return subscription
    domains = tuple(dict.fromkeys(one.lower() for one in subscription.recipient_domains))
    if not domains or not subscription.recipient_from.startswith("/"):
        raise Invalid(
            "direct_invalid",
            "telling the user of an event needs a pointer into the data and the domains that may be told",
            pointer="/recipient_domains"
            if subscription.recipient_from.startswith("/")
            else "/recipient_from",
            expected="recipient_from such as /fields/Email, recipient_domains with at least one",
        )
    for domain in domains:
        if not takes_mail(kind, domain):
            raise Invalid(
                "direct_invalid",
                f"{kind.kind} cannot tell users at {domain[:100]!r}",
                pointer="/recipient_domains",
                expected="a destination that sends mail, and domains such as example.com",
            )
    return replace(subscription, recipient_domains=domains)


def takes_mail(kind: type[AnyDestination], domain: str = "example.com") -> bool:
    """Whether a kind takes mail addresses, of this domain, as its recipients."""
    if "from_email" not in kind.Address.model_fields:
        return False
    try:
        kind.Address.model_validate({"subscribed": [f"user@{domain}"]})
    except ValidationError:
        return False
    return True


def _refuse_same_name(snapshot: Snapshot, subscription: Subscription) -> None:
    for other in snapshot.subscriptions.values():
        rival = other.instance_id == subscription.instance_id and other.id != subscription.id
        if rival and other.name == subscription.name:
            raise Conflict("already_exists", "Duplicate subscription name", pointer="/name")


def _check_templates(snapshot: Snapshot, subscription: Subscription) -> None:
    kind = snapshot.destinations[subscription.destination_id].kind
    for member in REFERENCES:
        wanted = subscription.address.get(member)
        if not wanted:
            continue
        known = snapshot.templates.get(TemplateId(wanted)) if isinstance(wanted, str) else None
        own = known if known and known.instance_id == subscription.instance_id else None
        used = own or presets().get(str(wanted))
        if used is None or not fits(used.type, used.parts, kind):
            raise Malformed(
                "wrong_template_id",
                f"Incorrect template id {str(wanted)[:100]!r}",
                pointer=f"/attributes/{member}",
                expected=f"the id of a template of this instance, or of a preset, that {kind} can use",
            )


def _check_fan_out(snapshot: Snapshot, subscription: Subscription, reached: tuple[str, ...]) -> None:
    if len(reached) > MAX_RECIPIENTS:
        raise Invalid(
            "too_many_recipients",
            f"{len(reached)} recipients",
            pointer="/attributes",
            expected=f"at most {MAX_RECIPIENTS} recipients in one subscription",
        )
    others = sum(
        len(recipients(snapshot, other))
        for other in snapshot.subscriptions.values()
        if other.topic_id == subscription.topic_id and other.id != subscription.id
    )
    if others + len(reached) > MAX_FAN_OUT:
        raise Invalid.of(
            [
                Problem(
                    "fan_out_too_large",
                    f"an event of this topic could cause {others + len(reached)} deliveries",
                    "/topic_id",
                    f"at most {MAX_FAN_OUT}; split the topic",
                )
            ]
        )


def _unique(subscription: Subscription) -> tuple[str, ...]:
    return (f"name:{subscription.name}",)
