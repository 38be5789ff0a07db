"""From a syntax tree to closures: what each node does to a run, decided once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from gateway.spi.templates.calls import FLOW, Names, Value, apply, helper_of, unknown_helper, value_of
from gateway.spi.templates.failure import TemplateInvalid, refused
from gateway.spi.templates.flow import BLOCKS, Do, as_found, choose
from gateway.spi.templates.frame import Frame
from gateway.spi.templates.place import Beside, MisplacedError, Place
from gateway.spi.templates.run import Run
from gateway.spi.templates.tree import Block, Call, Comment, Content, Node, Output, Program


def compile_program(program: Program, text: str, place: Place) -> Do:
    """What a whole template does, when its output begins at this place. Raises TemplateInvalid."""
    compiled = _Compiler(text).body(program, frozenset(), place)
    if not compiled.end.is_end:
        raise refused(text, len(text), f"the template ends {compiled.end.label}", code="template_place")
    return compiled.do


class _Compiled(NamedTuple):
    do: Do
    end: Place


class _Compiler:
    def __init__(self, text: str) -> None:
        self.text = text

    def body(self, program: Program | None, names: Names, place: Place) -> _Compiled:
        """A body that begins at `place`, with these block parameters in sight."""
        nodes = [node for node in (program.body if program else ()) if _writes(node)]
        done: list[Do] = []
        for at, node in enumerate(nodes):
            do, place = self._node(node, names, place, _beside(nodes, at))
            done.append(do)
        return _Compiled(_all(done), place)

    def _node(self, node: Node, names: Names, place: Place, beside: Beside) -> _Compiled:
        match node:
            case Content():
                return _Compiled(_literal(node.value), place.after(node.value))
            case Output():
                return _Compiled(self._output(node, names, place, beside), place)
            case Block():
                return self._block(node, names, place)
            case Comment():
                raise TypeError("comments write nothing")

    def _output(self, node: Output, names: Names, place: Place, beside: Beside) -> Do:
        value = value_of(node.call, names, self.text)
        try:
            write = place.write(beside)
        except MisplacedError as error:
            raise refused(self.text, node.at, error.detail, error.expected, code="template_place") from None

        def do(frame: Frame, run: Run) -> None:
            run.write(write(value(frame, run), run))

        return do

    def _block(self, block: Block, names: Names, place: Place) -> _Compiled:
        kind = self._kind(block, names)
        parameters = block.program.parameters if block.program else ()
        if len(parameters) > kind.parameters:
            detail = f"`{block.call.head.original[:40]}` gives {kind.parameters or 'no'} block parameters"
            raise refused(self.text, block.at, detail, code="template_argument")
        inside = self.body(block.program, names | frozenset(parameters), place)
        otherwise = self.body(block.inverse, names, place)
        end = inside.end.meet(otherwise.end)
        if end is None or (kind.repeats and inside.end.meet(place) is None):
            raise self._torn(block, inside.end, otherwise.end)
        return _Compiled(kind.make(inside.do, otherwise.do, parameters), end)

    def _torn(self, block: Block, one: Place, other: Place) -> TemplateInvalid:
        detail = f"one way through this block ends {one.label}, another {other.label}"
        return refused(self.text, block.at, detail, "quotes opened and closed alike", code="template_place")

    def _kind(self, block: Block, names: Names) -> _Kind:
        call = block.call
        name = call.head.segments[0] if call.head.is_simple else ""
        if name in FLOW and name not in names:
            return self._flow(call, name, names)
        if not (call.arguments or call.named):
            value = value_of(call, names, self.text)
            return _Kind(lambda body, other, given: as_found(value, body, other, given), 2, True)
        helper = helper_of(call, names)
        if helper is None:
            raise unknown_helper(call, self.text)
        if not helper.predicate:
            detail, expected = f"`{name}` is no block", f"`{{{{{helper.usage}}}}}`"
            raise refused(self.text, block.at, detail, expected)
        holds = apply(helper, call, names, self.text)
        return _Kind(lambda body, other, _: choose(holds, body, other))

    def _flow(self, call: Call, name: str, names: Names) -> _Kind:
        kind = BLOCKS[name]
        named = dict(call.named)
        if len(call.arguments) != 1 or set(named) - kind.named:
            expected = f"`{{{{#{name} value}}}}`"
            detail = f"`{name}` takes one value"
            raise refused(self.text, call.at, detail, expected, code="template_argument")
        value = value_of(call.arguments[0], names, self.text)
        options: Mapping[str, Value] = {key: value_of(one, names, self.text) for key, one in named.items()}
        make = kind.make
        return _Kind(
            lambda body, other, given: make(value, options, body, other, given), kind.parameters, kind.repeats
        )


_Make: TypeAlias = Callable[[Do, Do, "tuple[str, ...]"], Do]


class _Kind(NamedTuple):
    """What kind of block: how it is made of its two bodies, and what it gives them."""

    make: _Make
    parameters: int = 0
    repeats: bool = False


def _writes(node: Node) -> bool:
    return not isinstance(node, Comment) and not (isinstance(node, Content) and not node.value)


def _beside(nodes: list[Node], at: int) -> Beside:
    before = nodes[at - 1] if at else None
    behind = nodes[at + 1] if at + 1 < len(nodes) else None
    return Beside(
        before.value if isinstance(before, Content) else "",
        behind.value if isinstance(behind, Content) else "",
        isinstance(before, Output) or isinstance(behind, Output),
    )


def _literal(text: str) -> Do:
    return lambda _, run: run.write(text)


def _all(done: list[Do]) -> Do:
    if len(done) == 1:
        return done[0]
    steps = tuple(done)

    def do(frame: Frame, run: Run) -> None:
        for step in steps:
            step(frame, run)

    return do
