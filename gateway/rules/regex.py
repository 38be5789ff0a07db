"""Regular expressions whose time is linear in the text, whatever the pattern: `=~` (Go's RE2).

Python's `re` goes back and tries again: `(a+)+$` doubles its time with every letter. Here a pattern
becomes a program of at most `MAX_PATTERN_SIZE` steps, and a text is read once, from left to right, with
the set of steps that can be next (Thompson's construction). Sets that were seen are kept with where each
class of characters leads from them, so that most characters cost two look-ups.

The test searches: it asks whether the pattern fits somewhere in the text. A text costs its length times
the size of the program, seen before or not, of what `gateway.rules.evaluation` allows one evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from gateway.domain.errors import Invalid
from gateway.rules.evaluation import allowance
from gateway.rules.limits import MAX_PATTERN_SIZE, too_complex
from gateway.rules.regex_syntax import WORD, Chars, Either, Node, Place, Repeat, Sequence, read_pattern

KEPT_SETS, KEPT_CHARACTERS = 256, 512
"""Sets of steps, and characters with their class, that one pattern keeps before it begins anew."""

BEGIN, NEWLINE, WORD_LIKE, OTHER, END = range(5)
"""What stands beside a place in the text."""

_Jump = tuple[int, ...]


@dataclass(slots=True)
class _Step:
    """One step: a character to read, a place to be at, or only ways on."""

    on: Chars | Place | None
    ways: list[int]


class _Program:
    """A node written out as steps; step 0 is the end."""

    def __init__(self, node: Node) -> None:
        self.steps: list[_Step] = [_Step(None, [])]
        self._added = 0
        self.start = self._add(node, 0)

    def _add(self, node: Node, then: int) -> int:
        """Add what matches `node` and goes on with step `then`; return its first step."""
        self._added += 1
        if self._added > 4 * MAX_PATTERN_SIZE:  # repetitions of nothing add no steps
            raise _too_large()
        match node:
            case Chars() | Place():
                return self._step(node, [then])
            case Sequence(parts):
                for part in reversed(parts):
                    then = self._add(part, then)
                return then
            case Either(parts):
                return self._step(None, [self._add(part, then) for part in parts])
            case Repeat(part, least, most):
                return self._repeat(part, least, most, then)

    def _repeat(self, part: Node, least: int, most: int | None, then: int) -> int:
        if most is None:
            loop = self._step(None, [then])
            self.steps[loop].ways.append(self._add(part, loop))
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self._step(None, [end, self._add(part, then)])
        for _ in range(least):
            then = self._add(part, then)
        return then

    def _step(self, on: Chars | Place | None, ways: list[int]) -> int:
        if len(self.steps) > MAX_PATTERN_SIZE:
            raise _too_large()
        self.steps.append(_Step(on, ways))
        return len(self.steps) - 1


class _State:
    """A set of steps that can be next, after `before`; `ways` leads on by class of characters."""

    __slots__ = ("before", "steps", "ways")

    def __init__(self, steps: frozenset[int], before: int) -> None:
        self.steps, self.before = steps, before
        self.ways: dict[int, _State | None] = {}


class Machine:
    """A compiled pattern. `search` spends of the allowance of the evaluation."""

    __slots__ = (
        "_classes", "_looks", "_members", "_program", "_set_of", "_sets", "_shown", "_start", "_states",
        "size",
    )  # fmt: skip

    def __init__(self, node: Node) -> None:
        self._program = _Program(node)
        self.size = len(self._program.steps)
        steps = self._program.steps
        self._sets = list(dict.fromkeys(step.on for step in steps if isinstance(step.on, Chars)))
        places = {one: place for place, one in enumerate(self._sets)}
        self._set_of = [places[step.on] if isinstance(step.on, Chars) else -1 for step in steps]
        self._looks = any(isinstance(step.on, Place) for step in steps)
        self._forget()

    def _forget(self) -> None:
        self._classes: dict[str, int] = {}
        self._shown: dict[tuple[tuple[bool, ...], int], int] = {}
        self._members: list[tuple[tuple[bool, ...], int]] = [((False,) * len(self._sets), END)]
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._start = _State(frozenset({self._program.start}), BEGIN if self._looks else OTHER)
        self._states = {(self._start.steps, self._start.before): self._start}

    def search(self, text: str) -> bool:
        """Whether the pattern fits somewhere. Raises EvaluationError `pattern_too_costly`."""
        allowance.spend((len(text) + 1) * self.size)
        state = self._start
        classes = self._classes
        for character in text:
            number = classes.get(character)
            if number is None:
                number, state = self._classed(character, state)
                classes = self._classes
            following = state.ways[number] if number in state.ways else self._follow(state, number)
            if following is None:
                return True
            state = following
        return state.ways[0] is None if 0 in state.ways else self._follow(state, 0) is None

    def _classed(self, character: str, state: _State) -> tuple[int, _State]:
        """The class of a character: those that no set of the pattern tells apart."""
        if len(self._classes) >= KEPT_CHARACTERS:
            self._forget()
            state = self._kept(state.steps, state.before)
        kind = _kind(character) if self._looks else OTHER
        shown = (tuple(one.holds(character) for one in self._sets), kind)
        number = self._shown.setdefault(shown, len(self._members))
        if number == len(self._members):
            self._members.append(shown)
        self._classes[character] = number
        return number, state

    def _follow(self, state: _State, number: int) -> _State | None:
        """Where a class leads from a state: None where the pattern fits before it; class 0 is the end."""
        held, after = self._members[number]
        reachable = self._reachable(state, after)
        if 0 in reachable:
            state.ways[number] = None
            return None
        steps, set_of = self._program.steps, self._set_of
        read = [one for one in reachable if set_of[one] >= 0 and held[set_of[one]]]
        found = {way for one in read for way in steps[one].ways}
        found.add(self._program.start)
        if len(self._states) >= KEPT_SETS:
            self._begin_anew()
        following = self._kept(frozenset(found), after)
        state.ways[number] = following
        return following

    def _kept(self, steps: frozenset[int], before: int) -> _State:
        return self._states.setdefault((steps, before), _State(steps, before))

    def _reachable(self, state: _State, after: int) -> set[int]:
        """The steps that can be next once those that read nothing are taken."""
        steps, reached = self._program.steps, set(state.steps)
        waiting = list(state.steps)
        while waiting:
            step = steps[waiting.pop()]
            if isinstance(step.on, Chars) or (
                step.on is not None and not _is_at(step.on, state.before, after)
            ):
                continue
            fresh = [way for way in step.ways if way not in reached]
            reached.update(fresh)
            waiting.extend(fresh)
        return reached


def finder(pattern: str) -> Callable[[str], bool]:
    """The test of a pattern. Raises Invalid `rule_value` or `rule_too_complex`; see `Machine.search`."""
    return _compiled(pattern)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Callable[[str], bool]:
    node = read_pattern(pattern)
    texts = _literals(node)
    if texts is None:
        return Machine(node).search
    if len(texts) == 1:
        return lambda text: texts[0] in text
    return lambda text: any(one in text for one in texts)


def _too_large() -> Invalid:
    return too_complex("a regular expression is too large", f"at most {MAX_PATTERN_SIZE} steps")


def _literals(node: Node) -> tuple[str, ...] | None:
    """The texts that a pattern is alternatives of; None where it is anything else."""
    parts = node.parts if isinstance(node, Either) else (node,)
    found = [_literal(part.parts if isinstance(part, Sequence) else (part,)) for part in parts]
    return None if None in found else tuple(one for one in found if one is not None)


def _literal(parts: Iterable[Node]) -> str | None:
    text = ""
    for part in parts:
        plain = isinstance(part, Chars) and part == Chars(part.ranges) and len(part.ranges) == 1
        if not plain or not isinstance(part, Chars) or part.ranges[0][0] != part.ranges[0][1]:
            return None
        text += part.ranges[0][0]
    return text


def _kind(character: str) -> int:
    if character == "\n":
        return NEWLINE
    return WORD_LIKE if WORD.holds(character) else OTHER


def _is_at(place: Place, before: int, after: int) -> bool:
    match place:
        case Place.TEXT_BEGIN:
            return before == BEGIN
        case Place.TEXT_END:
            return after == END
        case Place.LINE_BEGIN:
            return before in {BEGIN, NEWLINE}
        case Place.LINE_END:
            return after in {END, NEWLINE}
        case Place.WORD_EDGE:
            return (before == WORD_LIKE) is not (after == WORD_LIKE)
        case Place.NO_WORD_EDGE:
            return (before == WORD_LIKE) is (after == WORD_LIKE)
