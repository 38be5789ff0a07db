"""The syntax tree of rules: what every dialect is parsed into and what is compiled, indexed and printed.

A tree is plain values, without text positions and without behaviour. Literals are typed and stay as
the dialect read them. What a tree means is laid down in `gateway.rules.compile`.

Python holds 1, 1.0 and True for equal, hence trees that differ only so are equal too: never use a
tree as the key of a cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Literal: TypeAlias = bool | int | float | str | None


class Op(StrEnum):
    """How a value is compared with a literal."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name: a CloudEvents attribute or a word of the vocabulary (`gateway.rules.names`)."""

    text: str


@dataclass(frozen=True, slots=True)
class Key:
    """The member of an object with this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """One element of an array; negative positions count from its end."""

    position: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The elements of an array from `start` up to, not including, `stop`; None is the array's end.

    Every `step`th of them, backwards if it is negative; None is 1.
    """

    start: int | None
    stop: int | None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """All members of an object, or all elements of an array."""


@dataclass(frozen=True, slots=True)
class Where:
    """The members of an object, or elements of an array, for which the condition holds.

    The paths of its atoms begin at the member or element; there are no names in it.
    """

    condition: Rule


@dataclass(frozen=True, slots=True)
class Choice:
    """Whatever any of the selectors selects: `['a','b']`, `[0,-1]`."""

    selectors: tuple[Key | Index | Slice | Every | Where, ...]


@dataclass(frozen=True, slots=True)
class Descend:
    """The objects and arrays at and below a value; the step that follows selects from each of them."""


Step: TypeAlias = Key | Index | Slice | Every | Where | Choice | Descend


@dataclass(frozen=True, slots=True)
class Path:
    """A path from the whole event: its attributes, its extensions and, as the member `data`, its data.

    `folded` reads text in folded case (`str.casefold`); literals beside it have to be folded already.
    """

    steps: tuple[Step, ...]
    folded: bool = False

    @property
    def is_singular(self) -> bool:
        """Whether it selects at most one value."""
        return all(isinstance(step, Key | Index) for step in self.steps)

    @property
    def reads_payload(self) -> bool:
        """Whether following it needs the parsed data."""
        return not self.steps or not isinstance(self.steps[0], Key) or self.steps[0].name == "data"


class Part(StrEnum):
    """What of an event's time a Moment is."""

    TIME_OF_DAY = "time-of-day"
    WEEKDAY = "weekday"


@dataclass(frozen=True, slots=True)
class Moment:
    """A part of the event's `time`, as the clocks in a zone (an IANA name) show it."""

    part: Part
    zone: str


Operand: TypeAlias = Name | Path | Moment


@dataclass(frozen=True, slots=True)
class Always:
    """Matches every event."""


@dataclass(frozen=True, slots=True)
class Never:
    """Matches no event."""


@dataclass(frozen=True, slots=True)
class And:
    """Every part matches; the first that does not ends the evaluation."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some part matches; the first that does ends the evaluation."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not match."""

    part: Rule


@dataclass(frozen=True, slots=True)
class Compare:
    """The operand's value stands in this relation to the literal."""

    operand: Operand
    op: Op
    literal: Literal


@dataclass(frozen=True, slots=True)
class In:
    """The operand's value equals one of the literals."""

    operand: Operand
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class StartsWith:
    """The operand's value is a text that starts so."""

    operand: Operand
    prefix: str


@dataclass(frozen=True, slots=True)
class EndsWith:
    """The operand's value is a text that ends so."""

    operand: Operand
    suffix: str


@dataclass(frozen=True, slots=True)
class Contains:
    """The operand's value is a text with this part, or an array with this element."""

    operand: Operand
    literal: Literal


@dataclass(frozen=True, slots=True)
class Matches:
    """The operand's value is a text that the glob fits as a whole (`gateway.rules.globs`)."""

    operand: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Finds:
    """The operand's value is a text in which the pattern is found (`gateway.rules.regex`)."""

    operand: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Exists:
    """The operand has a value; null is one."""

    operand: Operand


Atom: TypeAlias = Compare | In | StartsWith | EndsWith | Contains | Matches | Finds | Exists
Rule: TypeAlias = Always | Never | And | Or | Not | Atom


def all_of(rules: Iterable[Rule]) -> Rule:
    """The conjunction, without what is always true."""
    parts = tuple(rule for rule in rules if not isinstance(rule, Always))
    if not parts:
        return Always()
    return parts[0] if len(parts) == 1 else And(parts)


def any_of(rules: Iterable[Rule]) -> Rule:
    """The disjunction, without what is never true; of nothing it is Never."""
    parts = tuple(rule for rule in rules if not isinstance(rule, Never))
    if not parts:
        return Never()
    return parts[0] if len(parts) == 1 else Or(parts)


def children(rule: Rule) -> tuple[Rule, ...]:
    """The rules directly below this one."""
    if isinstance(rule, And | Or):
        return rule.parts
    return (rule.part,) if isinstance(rule, Not) else ()


def conditions(rule: Rule) -> tuple[Rule, ...]:
    """The conditions in brackets of an atom's path; nothing for any other rule."""
    operand = None if isinstance(rule, Always | Never | And | Or | Not) else rule.operand
    return tuple(_conditions(operand.steps)) if isinstance(operand, Path) else ()


def _conditions(steps: Iterable[Step]) -> Iterator[Rule]:
    for step in steps:
        if isinstance(step, Where):
            yield step.condition
        elif isinstance(step, Choice):
            yield from _conditions(step.selectors)


def atoms(rule: Rule) -> Iterator[Atom]:
    """Every atom of a tree, from left to right; safe on trees of any depth. Not those in conditions."""
    waiting = [rule]
    while waiting:
        rule = waiting.pop()
        if isinstance(rule, Compare | In | StartsWith | EndsWith | Contains | Matches | Finds | Exists):
            yield rule
        waiting.extend(reversed(children(rule)))


def reads_payload(rule: Rule) -> bool:
    """Whether evaluating the rule may need the parsed data of the event."""
    return any(isinstance(atom.operand, Path) and atom.operand.reads_payload for atom in atoms(rule))
