"""Keys: who may call, and as whom. Only digests are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.errors import Conflict, NotFound
from gateway.domain.ids import KeyId, SourceId
from gateway.domain.source import Instance, Key, Role, Use
from gateway.pipeline.snapshot import Snapshot
from gateway.ports import Put, Remove
from gateway.security.keys import generate
from gateway.service.configuration import Configurator, Decision
from gateway.service.sources import find_source

MAX_KEYS = 20
"""Live keys of one owner: of a source, or of the instance itself."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key and its text, at the only moment when the text is known."""

    key: Key
    text: str


class Keys:
    """Use cases over keys."""

    def __init__(self, configurator: Configurator) -> None:
        self._configurator = configurator

    async def issue(
        self,
        instance: Instance,
        role: Role,
        name: str,
        source_id: str | None = None,
        use: Use = Use.HEADER,
    ) -> IssuedKey:
        """Make a key; its text is in the answer and nowhere else. Several may be live at once."""
        fresh = generate()
        now = self._configurator.clock.now()

        def decide(snapshot: Snapshot) -> Decision[IssuedKey]:
            source = find_source(snapshot, instance, source_id) if source_id else None
            owner = source.id if source else None
            key = Key(fresh.id, instance.id, name, role, fresh.digest, now, now, owner, use)
            _refuse_too_many(snapshot, key)
            return Decision(IssuedKey(key, fresh.text), [Put(key)])

        return await self._configurator.change(decide)

    async def revoke(self, instance: Instance, key_id: str, source_id: str | None = None) -> None:
        """End a key; it is refused from the moment this returns."""

        def decide(snapshot: Snapshot) -> Decision[None]:
            for key in keys_of(snapshot, instance, SourceId(source_id) if source_id else None):
                if key.id == KeyId(key_id):
                    return Decision(None, [Remove(key)])
            raise NotFound("key_not_found", f"there is no key {key_id!r}")

        await self._configurator.change(decide)


def keys_of(snapshot: Snapshot, instance: Instance, source_id: SourceId | None = None) -> Sequence[Key]:
    """The live keys of an instance, or those of one of its sources."""
    return [
        key
        for key in snapshot.key_rows
        if key.instance_id == instance.id and (source_id is None or key.source_id == source_id)
    ]


def _refuse_too_many(snapshot: Snapshot, key: Key) -> None:
    owned = (key.instance_id, key.source_id)
    if sum((row.instance_id, row.source_id) == owned for row in snapshot.key_rows) >= MAX_KEYS:
        raise Conflict(
            "too_many_keys", f"there are {MAX_KEYS} live keys already", expected="revoke one first"
        )
