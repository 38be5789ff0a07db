"""Changing the configuration: decide on the newest snapshot, apply, have it in force, then answer.

Two who change at once cannot overwrite each other: a change that was decided on an older version is
decided again. No event that arrives after the answer is routed by what was before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, Refused
from gateway.pipeline.snapshot import Current, Snapshot, build, configuration_busy
from gateway.ports import (
    Change,
    Configuration,
    Effect,
    Entity,
    NameTakenError,
    Put,
    Registry,
    RegistryConflictError,
)

T = TypeVar("T")

Entities = dict[tuple[type, str], Entity]

MAX_TRIES = 20


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """What a use case wants changed, and what it answers once that is in force."""

    answer: T
    changes: Sequence[Change] = ()
    effects: Sequence[Effect] = ()


class Configurator:
    """Applies decisions. `on_change` is called after each, e.g. to look for deliveries that became due."""

    def __init__(
        self, registry: Registry, current: Current, operator: str, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        self._registry, self._current, self._operator = registry, current, operator
        self.clock = clock
        self._on_change = on_change
        self._lock = asyncio.Lock()
        self._entities: Entities | None = None
        current.reload = self.refresh

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""
        return self._current.snapshot

    async def change(self, decide: Callable[[Snapshot], Decision[T]]) -> T:
        """Decide and apply, again if somebody else was faster.

        Raises what `decide` raises, Conflict for a text that must be unique, Unavailable when the
        registry never stands still. What cannot be made a snapshot of is never applied.
        """
        async with self._lock:
            if self._entities is None:
                await self._load()
            for _ in range(MAX_TRIES):
                snapshot = self._current.snapshot
                decision = decide(snapshot)
                if not decision.changes and not decision.effects:
                    return decision.answer
                try:
                    await self._apply(decision, snapshot)
                except RegistryConflictError:
                    await self._load()
                    continue
                self._on_change()
                break
            else:
                raise configuration_busy()
        # Not under the lock: events that this node takes meanwhile need the new configuration.
        with contextlib.suppress(Refused):  # it is committed; who has not heard of it finds out
            await self._registry.everywhere(self._current.snapshot.version)
        return decision.answer

    async def refresh(self) -> None:
        """Read everything anew from the registry, unless somebody else just did. Raises Unavailable."""
        seen = self._current.snapshot
        async with self._lock:
            if self._current.snapshot is seen:
                await self._load()

    async def _apply(self, decision: Decision[Any], known: Snapshot) -> None:
        entities = self._after(decision.changes)
        candidate = self._built(known.version + 1, entities) if decision.changes else known
        try:
            version = await self._registry.apply(decision.changes, decision.effects, expected=known.version)
            self._take(entities, replace(candidate, version=version))
        except RegistryConflictError:
            raise
        except NameTakenError as error:
            raise Conflict("already_exists", f"{error.args[0]!r} is taken", expected="another one") from error
        except Exception:
            # It may have been committed all the same; `Current.newer_than` asks again if this fails too.
            with contextlib.suppress(Refused):
                await self._load()
            raise

    def _after(self, changes: Sequence[Change]) -> Entities:
        """The entities as they will be."""
        entities = dict(self._entities or {})
        for change in changes:
            key = (type(change.entity), change.entity.id)
            if isinstance(change, Put):
                entities[key] = change.entity
            else:
                entities.pop(key, None)
        return entities

    async def _load(self) -> None:
        configuration = await self._registry.load()
        entities: Entities = {(type(entity), entity.id): entity for entity in configuration.entities}
        self._take(entities, self._built(configuration.version, entities))
        await self._registry.in_force(configuration.version)

    def _built(self, version: int, entities: Entities) -> Snapshot:
        configuration = Configuration(version, tuple(entities.values()))
        return build(configuration, self._operator, self._current.snapshot)

    def _take(self, entities: Entities, snapshot: Snapshot) -> None:
        self._entities = entities
        self._current.replace(snapshot)
