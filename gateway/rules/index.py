"""An index over rules: for one event, those that can match it, found without asking all of them.

Each rule is filed under one of its demands (`gateway.rules.necessary`): under the texts, or the prefixes,
of the operand by which it shares its place with the fewest others. Rules that demand nothing are asked
every time. What is found may still not match; what is not found cannot.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.domain.view import EventView
from gateway.rules.names import Reader, read_name, read_resource
from gateway.rules.necessary import MULTIPLE, Necessary
from gateway.rules.paths import read_path
from gateway.rules.tree import Name, Operand, Path

Item = TypeVar("Item")
Demands = Mapping[Operand, Necessary]

FEW = 8
"""Rules that are asked one after the other without an index, which would cost more."""
MAX_READ = 16
"""Operands that are read from an event to look rules up; rules that demand only others are always asked."""

_Key = tuple[Operand, bool, str]
"""An operand, whether the text is a prefix, and the text."""


@dataclass(slots=True)
class _Shelf:
    """The rules that are filed by one operand, by number."""

    read: Callable[[EventView], Sequence[object]]
    exact: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    prefixes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lengths: tuple[int, ...] = ()

    def find(self, view: EventView) -> list[int]:
        """The numbers of those that the event's values allow, some perhaps twice."""
        found: list[int] = []
        for value in self.read(view):
            if isinstance(value, str):
                if value in self.exact:
                    found += self.exact[value]
                for length in self.lengths:
                    if (prefix := value[:length]) in self.prefixes:
                        found += self.prefixes[prefix]
        return found


class RuleIndex(Generic[Item]):
    """Items with the demands of their rules, in an order that answers keep."""

    __slots__ = ("_always", "_items", "_shelves")

    def __init__(self, items: Sequence[tuple[Demands, Item]]) -> None:
        self._items = tuple(item for _, item in items)
        self._shelves: tuple[_Shelf, ...] = ()
        self._always: list[int] = list(range(len(items)))
        if len(items) > FEW:
            self._file([demands for demands, _ in items])

    def possible(self, view: EventView) -> Sequence[Item]:
        """The items that the event may match."""
        if not self._shelves and len(self._always) == len(self._items):
            return self._items
        found = [number for shelf in self._shelves for number in shelf.find(view)]
        if not found:
            return [self._items[number] for number in self._always]
        return [self._items[number] for number in sorted({*self._always, *found})]

    def __len__(self) -> int:
        return len(self._items)

    def _file(self, demands: Sequence[Demands]) -> None:
        wanted = Counter(operand for one in demands for operand in one)
        read = {operand for operand, _ in wanted.most_common(MAX_READ)}
        crowd = Counter(key for one in demands for key in _keys(one, read))
        shelves: dict[Operand, _Shelf] = {}
        self._always = []
        for number, one in enumerate(demands):
            if any(demand.is_nothing for demand in one.values()):
                continue
            keys = _best(one, read, crowd)
            if not keys:
                self._always.append(number)
            for operand, is_prefix, text in keys:
                shelf = shelves.setdefault(operand, _Shelf(_reader(operand)))
                (shelf.prefixes if is_prefix else shelf.exact)[text].append(number)
        for shelf in shelves.values():
            shelf.lengths = tuple(sorted({len(prefix) for prefix in shelf.prefixes}))
        self._shelves = tuple(shelves.values())


def _keys(demands: Demands, read: set[Operand]) -> list[_Key]:
    return [key for operand in demands.keys() & read for key in _keys_of(operand, demands[operand])]


def _keys_of(operand: Operand, demand: Necessary) -> list[_Key]:
    return [(operand, False, text) for text in sorted(demand.exact)] + [
        (operand, True, text) for text in demand.prefixes
    ]


def _best(demands: Demands, read: set[Operand], crowd: Counter[_Key]) -> list[_Key]:
    """The keys of the operand under which the fewest others stand; none if there is no such operand."""
    ways = [_keys_of(operand, demand) for operand, demand in demands.items() if operand in read]
    return min(ways, key=lambda keys: sum(crowd[key] for key in keys), default=[])


def _reader(operand: Operand) -> Callable[[EventView], Sequence[object]]:
    if operand == MULTIPLE:
        return read_resource
    return _single(read_path(operand) if isinstance(operand, Path) else _named(operand))


def _named(operand: Operand) -> Reader:
    if not isinstance(operand, Name):
        raise TypeError(f"{operand!r} files nothing")
    return read_name(operand.text)


def _single(read: Reader) -> Callable[[EventView], Sequence[object]]:
    return lambda view: (read(view),)
