"""Values in tags, compiled: paths, literals, and helpers with their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TypeAlias

from gateway.domain.view import MISSING
from gateway.spi.templates.comparing import COMPARING
from gateway.spi.templates.failure import TemplateInvalid, refused
from gateway.spi.templates.figures import FIGURES
from gateway.spi.templates.frame import Frame
from gateway.spi.templates.helper import ArgumentError, Helper
from gateway.spi.templates.run import Run
from gateway.spi.templates.tree import Call, Expression, Literal, Path
from gateway.spi.templates.values import member
from gateway.spi.templates.wording import WORDING

Value: TypeAlias = Callable[[Frame, Run], object]
Names: TypeAlias = "frozenset[str]"

HELPERS: Mapping[str, Helper] = {**COMPARING, **WORDING, **FIGURES}
"""Every helper by name."""
FLOW = frozenset({"if", "unless", "each", "with"})
"""The blocks that rule the flow."""
_LOOP_NAMES = ("index", "key", "first", "last")


def value_of(expression: Expression, names: Names, text: str) -> Value:
    """How an expression is read; `names` are the block parameters in sight. Raises TemplateInvalid."""
    match expression:
        case Literal(value):
            return lambda _, __: value
        case Path():
            return _path(expression, names, text)
        case Call():
            return _call(expression, names, text)


def helper_of(call: Call, names: Names) -> Helper | None:
    """The helper that a call with arguments names."""
    head = call.head
    if not head.is_simple or head.segments[0] in names or not (call.arguments or call.named):
        return None
    return HELPERS.get(head.segments[0])


def _call(call: Call, names: Names, text: str) -> Value:
    if not (call.arguments or call.named):
        return _path(call.head, names, text)
    helper = helper_of(call, names)
    if helper is None:
        raise unknown_helper(call, text)
    return apply(helper, call, names, text)


def unknown_helper(call: Call, text: str) -> TemplateInvalid:
    """The error for arguments behind something that is no helper."""
    name = call.head.original[:40]
    if name in FLOW:
        return refused(text, call.at, f"`{name}` is a block", f"`{{{{#{name} ...}}}}`")
    close = get_close_matches(name, [*HELPERS, *FLOW], n=1, cutoff=0.6)
    expected = f"`{close[0]}`" if close else "a helper of docs/templates.md"
    return refused(text, call.at, f"there is no helper `{name}`", expected, code="template_unknown")


def apply(helper: Helper, call: Call, names: Names, text: str) -> Value:
    """The call of a helper, its arguments checked."""
    _check(helper, call, text)
    arguments = [value_of(one, names, text) for one in call.arguments]
    named = [(name, value_of(one, names, text)) for name, one in call.named]
    function = helper.function
    if not named:

        def plain(frame: Frame, run: Run) -> object:
            run.step()
            return function(run, tuple([read(frame, run) for read in arguments]), _NONE)

        return plain

    def read_all(frame: Frame, run: Run) -> object:
        run.step()
        values = tuple([read(frame, run) for read in arguments])
        return function(run, values, {name: read(frame, run) for name, read in named})

    return read_all


_NONE: Mapping[str, object] = {}


def _check(helper: Helper, call: Call, text: str) -> None:
    def wrong(detail: str, expected: str, at: int = call.at) -> TemplateInvalid:
        return refused(text, at, detail, expected, code="template_argument")

    name, count = call.head.original, len(call.arguments)
    if not helper.fewest <= count <= helper.most:
        raise wrong(f"`{name}` takes no {count} arguments", f"`{{{{{helper.usage}}}}}`")
    if unknown := next((one for one, _ in call.named if one not in helper.named), None):
        raise wrong(f"`{name}` takes no argument `{unknown[:40]}`", f"`{{{{{helper.usage}}}}}`")
    fixed: dict[int | str, object] = {}
    for place, given in [*enumerate(call.arguments), *call.named]:
        if place not in helper.fixed:
            continue
        if not isinstance(given, Literal):
            raise wrong("this argument is written in the template", "a text in quotes", given.at)
        fixed[place] = given.value
    try:
        if helper.check:
            helper.check(fixed)
    except ArgumentError as error:
        raise wrong(error.detail, error.expected) from None


def _path(path: Path, names: Names, text: str) -> Value:
    if path.data:
        return _data(path, text)
    segments, depth = path.segments, path.depth
    if not depth and not path.scoped and segments and segments[0] in names:
        return _parameter(segments[0], segments[1:])
    if depth:
        return _outer(segments, depth)
    if not segments:
        return lambda frame, _: frame.this
    if len(segments) == 1:
        name = segments[0]
        return lambda frame, _: member(frame.this, name)
    return lambda frame, _: follow(frame.this, segments)


def _parameter(name: str, segments: tuple[str, ...]) -> Value:
    return lambda frame, _: follow(frame.names.get(name, MISSING), segments)


def _outer(segments: tuple[str, ...], depth: int) -> Value:
    def read(frame: Frame, _: Run) -> object:
        found: Frame | None = frame
        for _up in range(depth):
            found = found.outer if found else None
        return follow(found.this, segments) if found else MISSING

    return read


def follow(value: object, segments: tuple[str, ...]) -> object:
    """What is at these names, one below the other, or MISSING."""
    for name in segments:
        value = member(value, name)
        if value is MISSING:
            break
    return value


def _data(path: Path, text: str) -> Value:
    name, rest = (path.segments or ("",))[0], path.segments[1:]
    if name == "root":
        return lambda _, run: follow(run.root, rest)
    if name not in _LOOP_NAMES or rest:
        expected = "@root, @index, @key, @first or @last"
        shown = path.original[:40]
        raise refused(text, path.at, f"there is no `{shown}`", expected, code="template_unknown")
    return _of_loop(name, path.depth)


def _of_loop(name: str, depth: int) -> Value:
    place = _LOOP_NAMES.index(name)

    def read(frame: Frame, _: Run) -> object:
        loop = frame.loop
        for _up in range(depth):
            loop = loop.outer if loop else None
        return loop[place] if loop else MISSING

    return read
