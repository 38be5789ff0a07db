"""Handlers of keys: those of an instance and those of its sources."""

from __future__ import annotations

from typing import Any

from gateway.api.endpoint import Call
from gateway.api.shapes.keys import (
    InstanceKeyCreate,
    IssuedKeyAnswer,
    KeyList,
    SourceKeyCreate,
    issued_key_answer,
    key_answer,
)
from gateway.api.shapes.sources import reached_at
from gateway.domain.source import Role
from gateway.service.connecting import setup
from gateway.service.keys import keys_of
from gateway.service.services import Services
from gateway.service.sources import find_source


class KeyHandlers:
    """What the API does with keys."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def issue_of_source(self, call: Call[SourceKeyCreate, Any]) -> IssuedKeyAnswer:
        """Make a key that may send as this source and do nothing else."""
        given, source_id = call.body, call.path["id"]
        issued = await self._services.keys.issue(call.instance, Role.SOURCE, given.name, source_id, given.use)
        source = find_source(self._services.current.snapshot, call.instance, source_id)
        base = reached_at(self._services.settings, call.request)
        return issued_key_answer(issued, setup(source, base, issued))

    async def list_of_source(self, call: Call[Any, Any]) -> KeyList:
        """The live keys of a source."""
        snapshot = self._services.current.snapshot
        source = find_source(snapshot, call.instance, call.path["id"])
        return KeyList(keys=[key_answer(key) for key in keys_of(snapshot, call.instance, source.id)])

    async def revoke_of_source(self, call: Call[Any, Any]) -> None:
        """End a key of a source."""
        await self._services.keys.revoke(call.instance, call.path["key_id"], call.path["id"])

    async def issue(self, call: Call[InstanceKeyCreate, Any]) -> IssuedKeyAnswer:
        """Make a key of the instance: an administrator's, or one that may send as any source."""
        role = Role(call.body.role)
        return issued_key_answer(await self._services.keys.issue(call.instance, role, call.body.name))

    async def list(self, call: Call[Any, Any]) -> KeyList:
        """All live keys of the instance, those of its sources included."""
        return KeyList(
            keys=[key_answer(key) for key in keys_of(self._services.current.snapshot, call.instance)]
        )

    async def revoke(self, call: Call[Any, Any]) -> None:
        """End any key of the instance."""
        await self._services.keys.revoke(call.instance, call.path["key_id"])
