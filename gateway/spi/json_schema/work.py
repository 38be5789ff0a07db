"""How much work one value can make: a bound that holds for every value, found without any value.

Both engines go from a value to the schemas that apply to it, one by one, and share nothing, so branches
that refer to branches multiply: twenty pairs of `$ref` are a million checks of one number. Here the schema
is walked as the engines would walk it, level by level of a value, counting at each level how often each
subschema can be applied to one and the same value. What goes beyond the bounds is refused at save. Within
them, the worst schemas and 64 KiB events that were found took 0.1 to 0.7 s (measured, 2-core machine); sound
ones take microseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from gateway.spi.json_schema.document import Document
from gateway.spi.json_schema.routes import Routes, routes

MAX_WORK = 1_000
"""Units of about 10 ns that one value may cost (for a text, each of its characters)."""

MAX_CHAIN = 32
"""Subschemas that apply to one value because another does; an engine recurses once for each."""

LEVELS = 64
"""How deep a value can be (JSON data deeper than that is refused when it is decoded)."""

MAX_EFFORT = 300_000
"""Steps of this walk itself."""

Uses = Counter[str]
"""How often each place is applied to one value."""

State = frozenset[tuple[str, int]]


class Excess(Exception):
    """The schema is beyond a bound; `place` is where, the message says what, `bound` what would be right."""

    def __init__(self, place: str, message: str, bound: str) -> None:
        super().__init__(message)
        self.place = place
        self.bound = bound


def check(document: Document) -> None:
    """Raises Excess where a value could cost more than the bounds, or a `$ref` leads back to itself."""
    walk = _Walk(document)
    for place in document.places:
        walk.uses(place)
    walk.levels("#")


class _Walk:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._routes: dict[str, Routes] = {}
        self._uses: dict[str, tuple[Uses, int]] = {}
        self._open: set[str] = set()
        self._effort = 0

    def levels(self, root: str) -> None:
        """Walk the levels of a value from the root; stops where no level brings anything new."""
        seen: set[State] = set()
        level = {self._state({root: 1})}
        for _ in range(LEVELS):
            seen |= level
            level = {self._state(uses) for state in level for uses in self._below(state) if uses} - seen
            if not level:
                return

    def uses(self, place: str) -> tuple[Uses, int]:
        """What applies to a value because the schema at `place` does, and how long the chain to it gets."""
        if place in self._uses:
            return self._uses[place]
        if place in self._open:
            raise Excess(place, "the schema refers to itself without going into the value", "no such cycle")
        self._open.add(place)
        route = self._route(place)
        total, longest = Counter({place: 1}), 0
        for target in route.here:
            if len(self._open) > MAX_CHAIN:
                raise self._chain(place)
            uses, length = self.uses(target)
            longest = max(longest, length)
            self._add(total, uses.items(), route.factor)
        if longest >= MAX_CHAIN:
            raise self._chain(place)
        self._open.discard(place)
        self._weigh(total)
        self._uses[place] = total, longest + 1
        return self._uses[place]

    def _chain(self, place: str) -> Excess:
        message = f"more than {MAX_CHAIN} schemas apply to one value, each because another does"
        return Excess(place, message, f"at most {MAX_CHAIN}")

    def _state(self, roots: dict[str, int]) -> State:
        total: Uses = Counter()
        for place, times in roots.items():
            self._add(total, self.uses(place)[0].items(), times)
        self._weigh(total)
        return frozenset(total.items())

    def _add(self, total: Uses, uses: Iterable[tuple[str, int]], times: int) -> None:
        for place, number in uses:
            total[place] += number * times
            self._effort += 1
        if self._effort > MAX_EFFORT:
            raise Excess("#", "the schema has too many combinations of subschemas", "fewer branches")

    def _weigh(self, uses: Uses) -> None:
        costs = {place: number * self._route(place).cost for place, number in uses.items()}
        if sum(costs.values()) > MAX_WORK:
            message = "one value is too much work: too many subschemas, alternatives or repetitions"
            bound = f"at most {MAX_WORK} units where it makes {sum(costs.values())}"
            raise Excess(max(costs, key=costs.__getitem__), message, bound)

    def _below(self, state: State) -> Iterator[Uses]:
        """What applies to each different child of a value, one after another."""
        applied = [(self._route(place), times) for place, times in state]
        yield from self._members(applied)
        yield from self._items(applied)

    def _members(self, applied: list[tuple[Routes, int]]) -> Iterator[Uses]:
        unnamed = self._sum((route.matched + route.others, times) for route, times in applied)
        yield unnamed
        yield self._sum((route.names, times) for route, times in applied)
        owners: dict[str, list[tuple[Routes, int]]] = {}
        for route, times in applied:
            for name in route.named:
                owners.setdefault(name, []).append((route, times))
        for name, naming in owners.items():
            uses = Counter(unnamed)
            self._effort += len(unnamed)
            uses.subtract(self._sum((route.others, times) for route, times in naming))
            uses.update(self._sum(([route.named[name]], times) for route, times in naming))
            yield +uses

    def _items(self, applied: list[tuple[Routes, int]]) -> Iterator[Uses]:
        yield self._sum((route.items + route.every_item, times) for route, times in applied)
        for index in range(max((len(route.indexed) for route, _ in applied), default=0)):
            yield self._sum((route.at(index) + route.every_item, times) for route, times in applied)

    def _sum(self, uses: Iterable[tuple[Iterable[str | None], int]]) -> Uses:
        total: Uses = Counter()
        for applied, times in uses:
            self._add(total, ((place, 1) for place in applied if place is not None), times)
        return total

    def _route(self, place: str) -> Routes:
        if place not in self._routes:
            self._routes[place] = routes(self._document, place)
        return self._routes[place]
