"""Paths into an event: how the values that they name are found, within a bound on the work.

The root is the event as JSON: its attributes by name, as they were sent, and, unless it has none, its
JSON data as the member `data`. A member or element that is not there is MISSING, not null.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import takewhile

from gateway.domain.members import as_sent
from gateway.domain.view import MISSING, EventView
from gateway.rules.comparison import folding, test_of
from gateway.rules.evaluation import EvaluationError
from gateway.rules.limits import MAX_VISITS
from gateway.rules.names import Reader, WideReader
from gateway.rules.tree import (
    Always,
    And,
    Atom,
    Choice,
    Descend,
    Every,
    Index,
    Key,
    Never,
    Not,
    Or,
    Path,
    Rule,
    Slice,
    Step,
    Where,
)


def read_path(path: Path) -> Reader:
    """How the value of a singular path is read."""
    steps = path.steps
    if not steps:
        return _whole
    if not isinstance(steps[0], Key):
        return lambda _: MISSING
    name = steps[0].name
    below = tuple(_plain(step) for step in steps[1:])
    return _in_payload(below) if name == "data" else _in_attribute(name, below)


def read_wide_path(path: Path) -> WideReader:
    """How the values of a path are read that may select several.

    The reader raises EvaluationError `path_too_wide` when it would look at more than `MAX_VISITS` values.
    """
    head = tuple(takewhile(lambda step: isinstance(step, Key | Index), path.steps))
    start = read_path(Path(head))
    selectors = [_selector(step) for step in path.steps[len(head) :]]

    def read(view: EventView) -> list[object]:
        first = start(view)
        found = [] if first is MISSING else [first]
        budget = _Budget()
        return _selected(found, selectors, budget)

    return read


def _whole(view: EventView) -> object:
    attributes: dict[str, object] = dict(as_sent(view.event))
    return attributes if view.payload is MISSING else attributes | {"data": view.payload}


def _plain(step: Step) -> str | int:
    """A singular step as the key or the position that Python looks up with."""
    if isinstance(step, Key):
        return step.name
    if isinstance(step, Index):
        return step.position
    raise TypeError(f"{step!r} selects several values")


def _in_payload(keys: tuple[str | int, ...]) -> Reader:
    if not keys:
        return lambda view: view.payload
    if len(keys) == 1 and isinstance(keys[0], str):
        return _payload_member(keys[0])

    def read(view: EventView) -> object:
        return _follow(view.payload, keys)

    return read


def _payload_member(name: str) -> Reader:
    def read(view: EventView) -> object:
        payload = view.payload
        return payload.get(name, MISSING) if isinstance(payload, dict) else MISSING

    return read


def _in_attribute(name: str, keys: tuple[str | int, ...]) -> Reader:
    def read(view: EventView) -> object:
        return _follow(as_sent(view.event).get(name, MISSING), keys)

    return read


def _follow(value: object, keys: tuple[str | int, ...]) -> object:
    for key in keys:
        if isinstance(key, str):
            if not isinstance(value, dict):
                return MISSING
            value = value.get(key, MISSING)
        elif not isinstance(value, list) or not -len(value) <= key < len(value):
            return MISSING
        else:
            value = value[key]
    return value


class _Budget:
    """How many values a path may still look at in this event."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_VISITS

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise EvaluationError("path_too_wide", f"a path looks at more than {MAX_VISITS} values")


_Selector = Callable[[object, _Budget], Iterable[object]]
_Condition = Callable[[object, _Budget], bool]


def _selected(nodes: list[object], selectors: Iterable[_Selector], budget: _Budget) -> list[object]:
    for select in selectors:
        nodes = [value for node in nodes for value in select(node, budget)]
    return nodes


def _selector(step: Step) -> _Selector:
    match step:
        case Key() | Index():
            return _one(_plain(step))
        case Slice(start, stop, stride):
            return _slice(slice(start, stop, stride)) if stride != 0 else _nothing
        case Every():
            return _every
        case Where(condition):
            return _where(_condition(condition))
        case Choice(selectors):
            return _choice([_selector(selector) for selector in selectors])
        case Descend():
            return _containers


def _one(key: str | int) -> _Selector:
    keys = (key,)

    def select(node: object, budget: _Budget) -> Iterable[object]:
        budget.spend(1)
        value = _follow(node, keys)
        return () if value is MISSING else (value,)

    return select


def _slice(bounds: slice) -> _Selector:
    def select(node: object, budget: _Budget) -> Iterable[object]:
        if not isinstance(node, list):
            budget.spend(1)
            return ()
        budget.spend(len(range(*bounds.indices(len(node)))) + 1)
        return node[bounds]

    return select


def _choice(selectors: list[_Selector]) -> _Selector:
    def select(node: object, budget: _Budget) -> Iterable[object]:
        return [value for selector in selectors for value in selector(node, budget)]

    return select


def _every(node: object, budget: _Budget) -> Iterable[object]:
    below = _below(node)
    budget.spend(len(below) + 1)
    return below


def _nothing(_node: object, budget: _Budget) -> Iterable[object]:
    """What a slice with steps of 0 selects (RFC 9535, 2.3.4.2.2)."""
    budget.spend(1)
    return ()


def _where(holds: _Condition) -> _Selector:
    return lambda node, budget: [value for value in _every(node, budget) if holds(value, budget)]


def _condition(rule: Rule) -> _Condition:
    """What a condition in brackets says of one member or element."""
    match rule:
        case Always():
            return lambda _node, _budget: True
        case Never():
            return lambda _node, _budget: False
        case And(parts):
            every = [_condition(part) for part in parts]
            return lambda node, budget: all(one(node, budget) for one in every)
        case Or(parts):
            some = [_condition(part) for part in parts]
            return lambda node, budget: any(one(node, budget) for one in some)
        case Not(part):
            holds = _condition(part)
            return lambda node, budget: not holds(node, budget)
        case _:
            return _atom(rule)


def _atom(atom: Atom) -> _Condition:
    if not isinstance(atom.operand, Path):
        raise TypeError(f"{atom.operand!r} is not read from a member")
    selectors = [_selector(step) for step in atom.operand.steps]
    test = folding(test_of(atom)) if atom.operand.folded else test_of(atom)
    return lambda node, budget: any(map(test, _selected([node], selectors, budget)))


def _containers(node: object, budget: _Budget) -> Iterable[object]:
    """The objects and arrays at and below a node; nothing can be selected from anything else."""
    found: list[object] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict | list):
            found.append(node)
            below = _below(node)
            budget.spend(len(below) + 1)
            waiting.extend(below)
    return found


def _below(node: object) -> Collection[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
