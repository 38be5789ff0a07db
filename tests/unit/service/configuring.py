"""A registry in memory, and a Configurator over it."""

from gateway.domain.source import Instance, Source
from gateway.domain.topic import SourceRule, Topic, TopicSource
from gateway.pipeline.snapshot import Current, build
from gateway.ports import Configuration, Put, RegistryConflictError
from gateway.security.keys import digest
from gateway.service.configuration import Configurator
from tests.fakes.clock import FakeClock

OPERATOR = digest("operator")
INSTANCE = Instance("i", "i", 1.0, 1.0)
SOURCE = Source("s", "i", "s", 1.0, 1.0)

MANY_PATHS = " && ".join(["$.data[*] == 1"] * 10)
"""Ten paths that select several values; sixteen are the most that one rule may have, its parts together."""


class MemoryRegistry:
    """Keeps entities. Raises `failure` once, after a commit if `committed`, and `unread` for every load."""

    def __init__(self, *entities):
        self.entities = {entity.id: entity for entity in entities}
        self.number, self.loads = 1, 0
        self.failure, self.committed, self.unread = None, True, None

    async def load(self, version=None):
        self.loads += 1
        if self.unread:
            raise self.unread
        return Configuration(self.number, tuple(self.entities.values()))

    async def in_force(self, version):
        """There is nobody to tell."""

    async def everywhere(self, version):
        """There is nobody to wait for."""

    async def apply(self, changes, effects=(), *, expected):
        failure, self.failure = self.failure, None
        if failure and not self.committed:
            raise failure
        if self.number != expected:
            raise RegistryConflictError
        self.number += bool(changes)
        for change in changes:
            self.entities[change.entity.id] = change.entity
            if not isinstance(change, Put):
                del self.entities[change.entity.id]
        if failure:
            raise failure
        return self.number


async def configured(*entities):
    """A registry that holds these beside an instance and a source, what is in force, and the configurator."""
    registry = MemoryRegistry(INSTANCE, SOURCE, *entities)
    current = Current(build(Configuration(0, ()), OPERATOR))
    configurator = Configurator(registry, current, OPERATOR, FakeClock(), lambda: None)
    await configurator.refresh()
    return registry, current, configurator


def topic(id="t", **rule):
    """A topic with one rule over the source."""
    return Topic(id, "i", id, 1.0, 1.0, sources=(TopicSource("s", (SourceRule("r", **rule),)),))
