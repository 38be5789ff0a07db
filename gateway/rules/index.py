"""An index over rules: for one event, those that can match it, found without asking all of them.

Each rule is filed under one of its demands (`gateway.rules.necessary`): under the texts, or the prefixes,
of the operand by which it shares its place with the fewest others. Rules that demand nothing are asked
every time. What is found may still not match; what is not found cannot.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from gateway.domain.view import EventView
from gateway.rules.names import Reader, read_name, read_resource
from gateway.rules.necessary import MULTIPLE, Necessary, demands
from gateway.rules.paths import read_path
from gateway.rules.tree import Name, Operand, Path, Rule

Item = TypeVar("Item")

FEW = 8
"""Rules that are asked one after the other without an index, which would cost more."""
MAX_READ = 16
"""Operands that are read from an event to look rules up; rules that demand only others are always asked."""

Key = tuple[str, bool, str]
"""The text of an operand, whether the demanded text is a prefix, and that text."""


class Way(NamedTuple):
    """One operand that a rule can be filed by, and under which keys."""

    operand: Operand
    name: str
    keys: tuple[Key, ...]


class Filing(NamedTuple):
    """How a rule can be filed; `hopeless` ones match nothing."""

    ways: tuple[Way, ...] = ()
    hopeless: bool = False


def filing_of(rule: Rule) -> Filing:
    """How a rule can be filed; made once and kept with it, for there may be many that are filed again."""
    found = demands(rule)
    ways = tuple(_way(operand, demand) for operand, demand in found.items())
    return Filing(ways, any(demand.is_nothing for demand in found.values()))


def _way(operand: Operand, demand: Necessary) -> Way:
    name = repr(operand)
    exact = [(name, False, text) for text in sorted(demand.exact)]
    return Way(operand, name, (*exact, *((name, True, text) for text in demand.prefixes)))


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
    """Items with how their rules are filed, in an order that answers keep."""

    __slots__ = ("_always", "_items", "_shelves")

    def __init__(self, items: Sequence[tuple[Filing, Item]]) -> None:
        self._items = tuple(item for _, item in items)
        self._shelves: tuple[_Shelf, ...] = ()
        self._always: list[int] = list(range(len(items)))
        if len(items) > FEW:
            self._file([filing for filing, _ in items])

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

    def _file(self, filings: Sequence[Filing]) -> None:
        wanted = Counter(way.name for filing in filings for way in filing.ways)
        read = {name for name, _ in wanted.most_common(MAX_READ)}
        crowd = Counter(key for filing in filings for way in filing.ways for key in way.keys)
        shelves: dict[str, _Shelf] = {}
        self._always = []
        for number, filing in enumerate(filings):
            if filing.hopeless:
                continue
            way = _best(filing, read, crowd)
            if way is None:
                self._always.append(number)
                continue
            shelf = shelves.get(way.name)
            if shelf is None:
                shelf = shelves[way.name] = _Shelf(_reader(way.operand))
            for _, is_prefix, text in way.keys:
                (shelf.prefixes if is_prefix else shelf.exact)[text].append(number)
        for shelf in shelves.values():
            shelf.lengths = tuple(sorted({len(prefix) for prefix in shelf.prefixes}))
        self._shelves = tuple(shelves.values())


def _best(filing: Filing, read: set[str], crowd: Counter[Key]) -> Way | None:
    """The way under whose keys the fewest others stand; None if there is none that is read."""
    ways = [way for way in filing.ways if way.name in read]
    if len(ways) < 2:
        return ways[0] if ways else None
    return min(ways, key=lambda way: sum(crowd[key] for key in way.keys))


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
