"""Templates: how messages look; made, changed, and tried on an event without sending anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.errors import Invalid, Malformed, NotFound
from gateway.domain.ids import EventId, SourceId, TemplateId, new_id
from gateway.domain.source import Instance
from gateway.domain.template import REFERENCES, Template
from gateway.pipeline.decode import refine
from gateway.pipeline.snapshot import Snapshot
from gateway.pipeline.wording import IBM_TYPES, compile_parts
from gateway.ports import Put, Remove
from gateway.service.configuration import Configurator, Decision
from gateway.service.ledger import Records
from gateway.service.topics import refuse_in_use
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode
from gateway.spi.discovery import destinations
from gateway.spi.message import Message
from gateway.spi.source_format import Decoded
from gateway.spi.templates import RenderFailed, context_of
from gateway.spi.templates import Template as Compiled
from schemas.templates import sample_event

LINKS = ("ibmen_invitation", "ibmen_unsubscription")
"""What only a mail on its way knows (IBM, en-email-templates.md)."""
NO_SOURCE = SourceId("")


@dataclass(frozen=True, slots=True)
class Draft:
    """What of a template is tried: as of Template."""

    type: str
    parts: Mapping[str, str] = field(default_factory=dict)
    format: str = ""


class Templates:
    """Use cases over templates."""

    def __init__(self, configurator: Configurator, records: Records, public_url: str) -> None:
        self._configurator, self._records, self._public_url = configurator, records, public_url

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Template:
        """A new template. Raises Invalid for a type that is none, or a text that cannot be compiled."""
        now = self._configurator.clock.now()
        blank = Template(TemplateId(new_id()), instance.id, "", "", now, now)
        template = replace(blank, **fields)  # type: ignore[arg-type]
        check(Draft(template.type, template.parts, template.format))
        return await self._configurator.change(lambda _: Decision(template, [Put(template)]))

    async def replace(self, instance: Instance, template_id: str, fields: Mapping[str, object]) -> Template:
        """Change a template; `parts`, where given, replace all of them."""

        def decide(snapshot: Snapshot) -> Decision[Template]:
            template = find_template(snapshot, instance, template_id)
            changed = replace(template, **fields, updated_at=self._configurator.clock.now())  # type: ignore[arg-type]
            check(Draft(changed.type, changed.parts, changed.format))
            return Decision(changed, [Put(changed)])

        return await self._configurator.change(decide)

    async def delete(self, instance: Instance, template_id: str) -> None:
        """Remove a template that no subscription uses. Raises Conflict naming those that do."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            template = find_template(snapshot, instance, template_id)
            refuse_in_use("template", users(snapshot, template))
            return Decision(None, [Remove(template)])

        await self._configurator.change(decide)

    async def stored(self, instance: Instance, event_id: str) -> AcceptedEvent:
        """An event that was received. Raises NotFound."""
        return (await self._records.event(instance, event_id)).stored.accepted

    def pasted(self, instance: Instance, document: Mapping[str, object]) -> AcceptedEvent:
        """A CloudEvent in JSON as if it had just come in. Raises Malformed, its pointers below /event."""
        try:
            event = decode(orjson.dumps(dict(document)))
        except Malformed as refusal:
            raise Malformed.of([one.below("/event") for one in refusal.problems]) from None
        parsed = payload(event)
        read = refine(Decoded(event, meaning(event, parsed), parsed))
        now, version = self._configurator.clock.now(), self._configurator.snapshot.version
        return AcceptedEvent(
            EventId(new_id()), instance.id, NO_SOURCE, read.event, read.vocabulary, now, version
        )

    def sample(self, instance: Instance) -> AcceptedEvent:
        """A failed backup that never was."""
        return self.pasted(instance, sample_event())

    def preview(self, draft: Draft, accepted: AcceptedEvent) -> Mapping[str, str]:
        """What every part would say of this event. Raises Invalid where it cannot be compiled or rendered."""
        compiled = check(draft)
        context = context_of(
            Message("preview", accepted, public_url=self._public_url),
            extra=dict.fromkeys(LINKS, f"{self._public_url}/..."),
        )
        made: dict[str, str] = {}
        for name, template in compiled.items():
            try:
                made[name] = template.render(context)
            except RenderFailed as failure:
                raise Invalid(failure.code, failure.detail, pointer=f"/params/{name}") from failure
        return made


def check(draft: Draft) -> Mapping[str, Compiled]:
    """Its parts compiled. Raises Invalid, with pointers as of the API's bodies."""
    known = {*IBM_TYPES, *(f"{kind}.notification" for kind in destinations())}
    if draft.type not in known:
        expected = f"one of {', '.join(sorted(known))}"
        raise Invalid(
            "template_type", "there are no templates of this type", pointer="/type", expected=expected
        )
    try:
        return compile_parts(draft.type, draft.parts, draft.format)
    except Invalid as refusal:
        raise Invalid.of([one.below("/params") for one in refusal.problems]) from None


def find_template(snapshot: Snapshot, instance: Instance, template_id: str) -> Template:
    """A template of this instance. Raises NotFound."""
    template = snapshot.templates.get(TemplateId(template_id))
    if template is None or template.instance_id != instance.id:
        raise NotFound("template_not_found", f"there is no template {template_id!r}")
    return template


def users(snapshot: Snapshot, template: Template) -> list[str]:
    """The names of the subscriptions that use it."""
    return [
        row.name
        for row in snapshot.subscriptions.values()
        if row.instance_id == template.instance_id
        and template.id in [row.address.get(member) for member in REFERENCES]
    ]
