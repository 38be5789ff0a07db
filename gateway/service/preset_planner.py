"""What applying a preset makes, changes and removes: decided whole before anything is saved.

What is there by name is changed, and what the preset made earlier and does not want any more is removed: so
applying twice is applying once. What is not said stays as it is.

    topic                 its name stands in the preset
    subscription          `<topic>: <role> <destination>`; `own` in place of the role where an event has
                          destinations of its own, `<topic>: user` for the user whom an event is about
    template              `<topic>: user`, the wording of the user's mail; kept once it is there
    monitor               see `gateway.service.preset_monitors`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.domain.destination import Subscription
from gateway.domain.errors import Invalid
from gateway.domain.ids import DestinationId, SubscriptionId, TemplateId, new_id
from gateway.domain.noise import UNSAID
from gateway.domain.source import SELF, Instance
from gateway.domain.template import Template
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Cancel
from gateway.service.destinations import find_destination
from gateway.service.monitors import Monitors
from gateway.service.preset_monitors import MonitorPlanner, breach_rules, figure_problems
from gateway.service.preset_plan import NotifyUser, Plan, Step, Target, Wishes, unknown_members
from gateway.service.subscriptions import DELETED, Subscriptions, lost, takes_mail
from gateway.service.templates import Draft, check
from gateway.service.topics import Topics
from gateway.spi.discovery import destinations
from schemas.presets import Exit, Landing, Preset

OWN, USER = "own", "user"
SYSTEM = "system"
"""The role of an event's destinations that may be overridden."""


class Planner:
    """Plans one application of one preset."""

    def __init__(
        self,
        snapshot: Snapshot,
        instance: Instance,
        preset: Preset,
        wishes: Wishes,
        topics: Topics,
        subscriptions: Subscriptions,
        monitors: Monitors,
        now: float,
    ) -> None:
        self._now = now
        self._instance, self._preset, self._wishes = instance, preset, wishes
        self._topics, self._subscriptions, self._monitors = topics, subscriptions, monitors
        self._plan = Plan(snapshot)

    def plan(self) -> Plan:
        """Raises what saving the parts raises, and Invalid for wishes that the preset has no place for."""
        self._refuse_unknown()
        for landing in self._preset.topics:
            topic = self._topic(landing)
            self._subscribe(landing, topic)
        MonitorPlanner(self._plan, self._instance, self._preset, self._wishes, self._monitors).plan()
        return self._plan

    def _refuse_unknown(self) -> None:
        wishes, preset = self._wishes, self._preset
        direct = [event for event, topic in preset.events.items() if topic.direct]
        problems = [
            *unknown_members("/roles", wishes.roles, preset.roles),
            *unknown_members("/events", wishes.events, {**preset.events, **preset.expectations}),
            *unknown_members("/own", wishes.own, preset.events),
            *unknown_members("/reset", wishes.reset, preset.events),
            *unknown_members("/notify_user", wishes.notify_user, direct),
            *figure_problems(preset, wishes.figures),
        ]
        if problems:
            raise Invalid.of(problems)

    # Topics

    def _topic(self, landing: Landing) -> Topic:
        known = self._known_topic(landing)
        enabled = self._wishes.events.get(landing.event, known.enabled if known else landing.enabled)
        fields = {
            "name": landing.name,
            "description": landing.description,
            "enabled": enabled,
            "sources": self._feeds(landing, known),
            **_first_policy(landing.policy, known),
        }
        if known is not None and all(getattr(known, name) == value for name, value in fields.items()):
            self._plan.steps.append(Step("keep", known))
            return known
        topic = self._topics.proposed(
            self._plan.snapshot, self._instance, known.id if known else None, fields
        )
        self._plan.steps.append(Step("update" if known else "create", topic))
        rows = {**self._plan.snapshot.topics, topic.id: topic}
        self._plan.snapshot = replace(self._plan.snapshot, topics=rows)
        return topic

    def _known_topic(self, landing: Landing) -> Topic | None:
        """The oldest topic of that name."""
        found = [
            row
            for row in self._plan.snapshot.topics.values()
            if row.instance_id == self._instance.id and row.name == landing.name
        ]
        return min(found, key=lambda row: (row.created_at, row.id), default=None)

    def _feeds(self, landing: Landing, known: Topic | None) -> tuple[TopicSource, ...]:
        """The source and the monitors by the preset's rules, beside what feeds the topic already."""
        feeds = {feed.source_id: feed for feed in known.sources} if known else {}
        wanted = {self._wishes.source_id: landing.rules, SELF: breach_rules(self._preset, landing)}
        for source_id, rules in wanted.items():
            before = feeds.get(source_id)
            if rules and (before is None or [one.rule for one in before.rules] != list(rules)):
                feeds.pop(source_id, None)
                feeds[source_id] = TopicSource(source_id, tuple(SourceRule("", rule=rule) for rule in rules))
        return tuple(feeds.values())

    # Subscriptions

    def _subscribe(self, landing: Landing, topic: Topic) -> None:
        before = {
            row.name: row
            for row in self._plan.snapshot.subscriptions.values()
            if row.topic_id == topic.id and row.name.startswith(f"{topic.name}: ")
        }
        wanted = self._wanted(landing, topic, before)
        for name, fields in wanted.items():
            self._put(before.get(name), {**fields, "name": name, "topic_id": topic.id})
        for name, row in before.items():
            if name not in wanted:
                self._plan.steps.append(Step("remove", row))
                self._plan.effects.append(Cancel(DELETED, row.destination_id, row.id))
                rows = {one.id: one for one in self._plan.snapshot.subscriptions.values() if one is not row}
                self._plan.snapshot = replace(self._plan.snapshot, subscriptions=rows)

    def _wanted(
        self, landing: Landing, topic: Topic, before: Mapping[str, Subscription]
    ) -> Mapping[str, Mapping[str, object]]:
        """The subscriptions of a topic by name, as fields; without fields one stays as it is."""
        channels: dict[str, Mapping[str, object]] = {}
        own = self._own(landing, before)
        for exit_ in landing.exits:
            if own and exit_.role == SYSTEM:
                channels |= own
            else:
                channels |= self._of_role(exit_, topic, before)
        if landing.direct is None:
            return channels
        return self._with_user(landing, before, channels)

    def _own(self, landing: Landing, before: Mapping[str, Subscription]) -> dict[str, Mapping[str, object]]:
        """The destinations that an event has of its own."""
        wishes, start = self._wishes, f"{landing.name}: {OWN} "
        if landing.event in wishes.own:
            targets = wishes.own[landing.event]
            return self._all_named(start, targets, Exit(OWN))
        kept = {} if landing.event in wishes.reset else before
        return {name: {} for name in kept if name.startswith(start)}

    def _of_role(
        self, exit_: Exit, topic: Topic, before: Mapping[str, Subscription]
    ) -> dict[str, Mapping[str, object]]:
        start = f"{topic.name}: {exit_.role} "
        if exit_.role in self._wishes.roles:
            targets = self._wishes.roles[exit_.role]
            return self._all_named(start, targets, exit_)
        kept: dict[str, Mapping[str, object]] = {name: {} for name in before if name.startswith(start)}
        elsewhere = [] if kept else self._elsewhere(exit_.role)
        return kept or self._all_named(start, elsewhere, exit_)

    def _elsewhere(self, role: str) -> Sequence[Target]:
        """Where a role's messages of the other switched topics go: the global destinations."""
        if role != SYSTEM:
            return ()
        starts = tuple(f"{landing.name}: {role} " for landing in self._preset.topics)
        found: dict[DestinationId, Target] = {}
        for row in self._plan.snapshot.subscriptions.values():
            if row.instance_id == self._instance.id and row.name.startswith(starts):
                found.setdefault(row.destination_id, Target(row.destination_id, row.address))
        return list(found.values())

    def _all_named(
        self, start: str, targets: Sequence[Target], exit_: Exit
    ) -> dict[str, Mapping[str, object]]:
        """Subscriptions by name; of two destinations with one name, the second goes by its id."""
        found: dict[str, Mapping[str, object]] = {}
        for target in targets:
            destination = find_destination(self._plan.snapshot, self._instance, target.destination_id)
            rule = _both(exit_.rule, target.only)
            fields: dict[str, object] = {"destination_id": destination.id, "rule": rule}
            if target.address is not None:
                fields["address"] = dict(target.address)
            if exit_.policy:
                fields["policy"] = exit_.policy
            name = start + (destination.id if start + destination.name in found else destination.name)
            found[name] = fields
        return found

    def _put(self, known: Subscription | None, fields: Mapping[str, object]) -> None:
        if known is not None and known.policy != UNSAID:
            fields = {name: value for name, value in fields.items() if name != "policy"}
        subscription = self._subscriptions.proposed(
            self._plan.snapshot, self._instance, known.id if known else None, fields
        )
        if known is not None and replace(subscription, updated_at=known.updated_at) == known:
            self._plan.steps.append(Step("keep", known))
            return
        if known is not None:
            self._plan.effects += lost(self._plan.snapshot, known, subscription)
        self._plan.steps.append(Step("update" if known else "create", subscription))
        rows = {**self._plan.snapshot.subscriptions, SubscriptionId(subscription.id): subscription}
        self._plan.snapshot = replace(self._plan.snapshot, subscriptions=rows)

    # The user whom an event is about

    def _with_user(
        self,
        landing: Landing,
        before: Mapping[str, Subscription],
        channels: dict[str, Mapping[str, object]],
    ) -> Mapping[str, Mapping[str, object]]:
        name = f"{landing.name}: {USER}"
        known = before.get(name)
        mode = self._wishes.notify_user.get(landing.event) or _mode(before, name)
        if mode is NotifyUser.NONE or landing.direct is None:
            return channels
        told: Mapping[str, object] = {}
        if known is None or landing.event in self._wishes.notify_user:
            mail = self._mail_of(landing, channels, before)
            template = self._template(landing, name, mail)
            told = {
                "destination_id": mail,
                "recipient_from": landing.direct.pointer,
                "recipient_domains": tuple(self._wishes.domains)
                or (known.recipient_domains if known else ()),
                "address": {"template_id_notification": template.id},
            }
        return {name: told} if mode is NotifyUser.ONLY else {**channels, name: told}

    def _mail_of(
        self,
        landing: Landing,
        channels: Mapping[str, Mapping[str, object]],
        before: Mapping[str, Subscription],
    ) -> DestinationId:
        """The first destination of the event that sends mail. Raises Invalid where it has none."""
        for name, fields in channels.items():
            found = fields.get("destination_id") or before[name].destination_id
            destination = find_destination(self._plan.snapshot, self._instance, str(found))
            if takes_mail(destinations()[destination.kind]):
                return destination.id
        raise Invalid(
            "notify_user_without_mail",
            "the user is told by mail, and none of the event's destinations sends mail",
            pointer=f"/notify_user/{landing.event}",
            expected="a destination that sends mail in the role system, or as the event's own",
        )

    def _template(self, landing: Landing, name: str, mail: DestinationId) -> Template:
        kind = self._plan.snapshot.destinations[mail].kind
        for row in self._plan.snapshot.templates.values():
            if (row.instance_id, row.name, row.type) == (self._instance.id, name, f"{kind}.notification"):
                self._plan.steps.append(Step("keep", row))
                return row
        direct = landing.direct
        parts = {"subject": direct.subject, "body": direct.body, "text": direct.text} if direct else {}
        type_, now = f"{kind}.notification", self._now
        made = Template(TemplateId(new_id()), self._instance.id, name, type_, now, now, parts=parts)
        check(Draft(made.type, made.parts))
        self._plan.steps.append(Step("create", made))
        rows = {**self._plan.snapshot.templates, made.id: made}
        self._plan.snapshot = replace(self._plan.snapshot, templates=rows)
        return made


def _mode(before: Mapping[str, Subscription], user: str) -> NotifyUser:
    """How the user is told as things are."""
    if user not in before:
        return NotifyUser.NONE
    return NotifyUser.ALSO if len(before) > 1 else NotifyUser.ONLY


def _first_policy(policy: Mapping[str, object], known: Topic | None) -> dict[str, object]:
    """The preset's noise policy, where nobody has said anything yet: what is set stays."""
    return {"policy": policy} if policy and (known is None or known.policy == UNSAID) else {}


def _both(rule: str, only: str) -> str:
    if not rule or not only:
        return rule or only
    return f"({rule}) and ({only})"
