"""Sources: the registered senders of an instance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.ids import SourceId, TopicId, new_id
from gateway.domain.source import Instance, Source
from gateway.pipeline.decode import CLOUDEVENTS, SAME
from gateway.pipeline.signature import CURRENT, HUB_HEADER, PREVIOUS, vault_place
from gateway.pipeline.signs import key_problems
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put, Remove
from gateway.security.vault import Secrets
from gateway.service.configuration import Configurator, Decision
from gateway.service.destinations import model_problems
from gateway.spi.discovery import source_formats
from gateway.spi.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, generate_secret
from gateway.spi.source_format import FormatOptions

TOPIC = "topic"
"""The field of what was given that names the default topic, by name or id; '' for none."""

_is_header = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}").fullmatch
_TAKEN_HEADERS = frozenset(
    {"authorization", "content-type", "content-length", "content-encoding", "host", "user-agent", HUB_HEADER}
    | {ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER, *SAME}
)
"""What would be told of the key in an event, or take it for what tells two requests apart."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A source as it is now, and the signing secret that was made for it: shown now and never again."""

    source: Source
    signing_secret: str = ""


class Sources:
    """Use cases over sources."""

    def __init__(self, configurator: Configurator, secrets: Secrets) -> None:
        self._configurator = configurator
        self._secrets = secrets

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Registered:
        """Register a sender. Raises Conflict when another source of the instance has the same CRN."""
        now = self._configurator.clock.now()
        blank = Source(SourceId(f"{new_id()}:api"), instance.id, "", now, now)

        def decide(snapshot: Snapshot) -> Decision[Registered]:
            made = self._changed(snapshot, blank, fields)
            return Decision(made, [Put(made.source, _unique(made.source))])

        return await self._configurator.change(decide)

    async def update(self, instance: Instance, source_id: str, fields: Mapping[str, object]) -> Registered:
        """Change some fields of a source. `signing`, where given, makes a new secret."""

        def decide(snapshot: Snapshot) -> Decision[Registered]:
            source = find_source(snapshot, instance, source_id)
            source = replace(source, updated_at=self._configurator.clock.now())
            changed = self._changed(snapshot, source, fields)
            return Decision(changed, [Put(changed.source, _unique(changed.source))])

        return await self._configurator.change(decide)

    def _changed(self, snapshot: Snapshot, source: Source, fields: Mapping[str, object]) -> Registered:
        given = dict(fields)
        topic = given.pop(TOPIC, None)
        changed = replace(source, **given)  # type: ignore[arg-type]
        if topic is not None:
            changed = replace(changed, topic_id=_topic(snapshot, source, str(topic)))
        _check_format(changed)
        if not changed.key_header and (own := source_formats().get(changed.format)):
            changed = replace(changed, key_header=own.header)
        _check_header(changed.key_header)
        _check_crn(snapshot, changed)
        if problems := key_problems(changed.incident_key, "/incident_key"):
            raise Invalid.of(problems)
        if "signing" not in given:
            return Registered(changed)
        return self._signed(changed, source.secrets)

    def _signed(self, source: Source, known: Mapping[str, str]) -> Registered:
        """With a new secret, if it is to be signed. The one before stays good, so that nothing is refused
        while the sender is told."""
        if not source.signing:
            return Registered(replace(source, secrets={}))
        secret = generate_secret()
        secrets = {CURRENT: self._secrets.seal(secret, vault_place(source, CURRENT))}
        before = known.get(CURRENT)
        if before and self._secrets.knows(before):
            opened = self._secrets.open(before, vault_place(source, CURRENT))
            secrets[PREVIOUS] = self._secrets.seal(opened, vault_place(source, PREVIOUS))
        return Registered(replace(source, secrets=secrets), secret)

    async def delete(self, instance: Instance, source_id: str) -> None:
        """Remove a source, its keys, its monitors, and its place in topics. What it sent stays."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            source = find_source(snapshot, instance, source_id)
            keys = [Remove(key) for key in snapshot.key_rows if key.source_id == source.id]
            topics = [
                Put(
                    replace(
                        topic, sources=tuple(feed for feed in topic.sources if feed.source_id != source.id)
                    )
                )
                for topic in snapshot.topics.values()
                if any(feed.source_id == source.id for feed in topic.sources)
            ]
            monitors = [Remove(row) for row in snapshot.monitors.values() if row.source_id == source.id]
            return Decision(None, [Remove(source), *keys, *monitors, *topics])

        await self._configurator.change(decide)


def any_source(snapshot: Snapshot, instance: Instance, source_id: str) -> Source:
    """As `find_source`, or the gateway itself, which is a source of every instance."""
    source = snapshot.source(instance.id, SourceId(source_id))
    return source or find_source(snapshot, instance, source_id)


def find_source(snapshot: Snapshot, instance: Instance, source_id: str) -> Source:
    """A source of this instance. Raises NotFound."""
    source = snapshot.sources.get(SourceId(source_id))
    if source is None or source.instance_id != instance.id:
        raise NotFound("source_not_found", f"there is no source {source_id!r}")
    return source


def _unique(source: Source) -> tuple[str, ...]:
    return (f"crn:{source.crn}",) if source.crn else ()


def _check_crn(snapshot: Snapshot, source: Source) -> None:
    for other in snapshot.sources.values():
        rival = other.instance_id == source.instance_id and other.id != source.id
        if rival and source.crn and other.crn == source.crn:
            raise Conflict(
                "already_exists", "a source with this CRN is registered already", pointer="/source"
            )


def _topic(snapshot: Snapshot, source: Source, name: str) -> TopicId | None:
    """The topic of this name or id in the source's instance. Raises Invalid."""
    if not name:
        return None
    for topic in snapshot.topics.values():
        if topic.instance_id == source.instance_id and name in (topic.id, topic.name):
            return topic.id
    raise Invalid(
        "unknown_topic",
        f"there is no topic {name!r}",
        pointer="/default_topic",
        expected="the name or id of a topic of this instance",
    )


def _check_header(name: str) -> None:
    """A header in which a key may come is a token (RFC 9110, 5.1) that means nothing else, and is no
    attribute of an event in binary mode: that would be stored and sent on."""
    taken = name.lower() in _TAKEN_HEADERS or name.lower().startswith("ce-")
    if name and (taken or not _is_header(name)):
        raise Invalid(
            "header_invalid",
            f"a key cannot come in the header {name[:100]!r}",
            pointer="/key_header",
            expected="a header of the sender's own, such as X-Webhook-Token",
        )


def _check_format(source: Source) -> None:
    """The format is there, and the options fit it."""
    known = source_formats()
    if source.format not in known and source.format != CLOUDEVENTS:
        raise Invalid(
            "unknown_format",
            f"there is no source format {source.format!r}",
            pointer="/format",
            expected=", ".join(sorted({CLOUDEVENTS, *known})),
        )
    check_options(source.format, source.options)


def check_options(name: str, options: Mapping[str, object]) -> None:
    """Whether a format takes these options. Raises Invalid with pointers into them."""
    chosen = source_formats().get(name)
    try:
        (chosen.Options if chosen else FormatOptions).model_validate(dict(options))
    except ValidationError as error:
        raise Invalid.of(model_problems(error, "/format_options")) from error
