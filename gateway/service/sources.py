"""Sources: the registered senders of an instance."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.ids import SourceId, TopicId, new_id
from gateway.domain.source import Instance, Source
from gateway.pipeline.decode import CLOUDEVENTS, SAME
from gateway.pipeline.mask import check_places
from gateway.pipeline.signature import CURRENT, HUB_HEADER, PREVIOUS, vault_place
from gateway.pipeline.signs import key_problems
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put, Remove
from gateway.security.vault import Secrets
from gateway.service.configuration import Configurator, Decision
from gateway.service.source_options import OPTIONS, sealed
from gateway.spi.destination import Endpoint
from gateway.spi.discovery import source_formats
from gateway.spi.outcome import DeliveryFailed
from gateway.spi.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, generate_secret
from gateway.spi.url import InvalidUrl, parse_url

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

    def __init__(
        self,
        configurator: Configurator,
        secrets: Secrets,
        permit: Callable[[Endpoint], Awaitable[None]],
    ) -> None:
        self._configurator = configurator
        self._secrets = secrets
        self._permit = permit

    async def create(self, instance: Instance, fields: Mapping[str, object]) -> Registered:
        """Register a sender. Raises Conflict when another source of the instance has the same CRN, Invalid
        for one to be asked where the egress guard lets nothing go."""
        await self._check_place(fields)
        now = self._configurator.clock.now()
        blank = Source(SourceId(f"{new_id()}:api"), instance.id, "", now, now)

        def decide(snapshot: Snapshot) -> Decision[Registered]:
            made = self._changed(snapshot, blank, fields)
            return Decision(made, [Put(made.source, _unique(made.source))])

        return await self._configurator.change(decide)

    async def update(self, instance: Instance, source_id: str, fields: Mapping[str, object]) -> Registered:
        """Change some fields of a source. `signing`, where given, makes a new secret. Raises what `create`
        raises."""
        await self._check_place(fields)

        def decide(snapshot: Snapshot) -> Decision[Registered]:
            source = find_source(snapshot, instance, source_id)
            source = replace(source, updated_at=self._configurator.clock.now())
            changed = self._changed(snapshot, source, fields)
            return Decision(changed, [Put(changed.source, _unique(changed.source))])

        return await self._configurator.change(decide)

    async def _check_place(self, fields: Mapping[str, object]) -> None:
        """Refuse a source that would be asked where no socket is opened to."""
        options = fields.get("options")
        url = options.get("url") if isinstance(options, Mapping) else None
        try:
            place = parse_url(url.partition("?")[0]) if isinstance(url, str) else None
            if place is not None:
                await self._permit(Endpoint(place.host, place.port))
        except InvalidUrl:
            return  # its format says so, if it knows such an option
        except DeliveryFailed as failure:
            raise Invalid(
                "source_not_ready", f"{failure.reason}: {failure.detail}", pointer=f"{OPTIONS}/url"
            ) from None

    def _changed(self, snapshot: Snapshot, source: Source, fields: Mapping[str, object]) -> Registered:
        given = dict(fields)
        topic = given.pop(TOPIC, None)
        changed = replace(source, **given)  # type: ignore[arg-type]
        if topic is not None:
            changed = replace(changed, topic_id=_topic(snapshot, source, str(topic)))
        _check_format(changed)
        if "options" in given or "format" in given:
            changed = sealed(changed, source, self._secrets)
        if not changed.key_header and (own := source_formats().get(changed.format)):
            changed = replace(changed, key_header=own.header)
        _check_header(changed.key_header)
        check_places(changed.mask)
        if changed.mask and not changed.mask_salt:
            changed = replace(changed, mask_salt=secrets.token_hex())
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
            return Registered(replace(source, secrets=_without_signing(source.secrets)))
        secret = generate_secret()
        sealed = {
            **_without_signing(source.secrets),
            CURRENT: self._secrets.seal(secret, vault_place(source, CURRENT)),
        }
        before = known.get(CURRENT)
        if before and self._secrets.knows(before):
            opened = self._secrets.open(before, vault_place(source, CURRENT))
            sealed[PREVIOUS] = self._secrets.seal(opened, vault_place(source, PREVIOUS))
        return Registered(replace(source, secrets=sealed), secret)

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
    """The format is there."""
    known = source_formats()
    if source.format not in known and source.format != CLOUDEVENTS:
        raise Invalid(
            "unknown_format",
            f"there is no source format {source.format!r}",
            pointer="/format",
            expected=", ".join(sorted({CLOUDEVENTS, *known})),
        )


def _without_signing(secrets: Mapping[str, str]) -> dict[str, str]:
    return {field: text for field, text in secrets.items() if field not in (CURRENT, PREVIOUS)}
