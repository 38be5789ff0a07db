"""The blocks: `if`, `unless`, `each`, `with`, a bare `{{#name}}`, and helpers that are true or false."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from gateway.domain.view import MISSING
from gateway.spi.templates.calls import Value
from gateway.spi.templates.frame import Frame, Loop
from gateway.spi.templates.run import Run
from gateway.spi.templates.values import Array, is_empty, is_true

Do: TypeAlias = Callable[[Frame, Run], None]
"""Writes what a part of a template makes of a frame into a run."""
_Parameters: TypeAlias = "tuple[str, ...]"


class Flow(NamedTuple):
    """A block of the flow: how it is made of its value, its options and its two bodies; the options it knows;
    how many block parameters it gives; whether its body may be written several times."""

    make: Callable[[Value, Mapping[str, Value], Do, Do, _Parameters], Do]
    named: frozenset[str] = frozenset()
    parameters: int = 0
    repeats: bool = False


def choose(holds: Value, body: Do, otherwise: Do) -> Do:
    """One body or the other, as a helper says."""

    def do(frame: Frame, run: Run) -> None:
        run.step()
        (body if holds(frame, run) else otherwise)(frame, run)

    return do


def _if(value: Value, options: Mapping[str, Value], body: Do, otherwise: Do, _: _Parameters) -> Do:
    zero = options.get("includeZero")

    def do(frame: Frame, run: Run) -> None:
        run.step()
        found = value(frame, run)
        counts = is_true(found) or (zero is not None and is_true(zero(frame, run)) and not is_empty(found))
        (body if counts else otherwise)(frame, run)

    return do


def _unless(value: Value, options: Mapping[str, Value], body: Do, otherwise: Do, given: _Parameters) -> Do:
    return _if(value, options, otherwise, body, given)


def _with(value: Value, _: Mapping[str, Value], body: Do, otherwise: Do, given: _Parameters) -> Do:
    def do(frame: Frame, run: Run) -> None:
        run.step()
        found = value(frame, run)
        if is_empty(found):
            otherwise(frame, run)
        else:
            body(frame.inside(found, frame.loop, dict(zip(given, (found,), strict=False))), run)

    return do


def _each(value: Value, _: Mapping[str, Value], body: Do, otherwise: Do, given: _Parameters) -> Do:
    def do(frame: Frame, run: Run) -> None:
        run.step()
        _rounds(value(frame, run), frame, run, body, otherwise, given)

    return do


def _rounds(found: object, frame: Frame, run: Run, body: Do, otherwise: Do, given: _Parameters) -> None:
    pairs, count = _pairs(found)
    if not count:
        otherwise(frame, run)
    for index, (key, one) in enumerate(pairs):
        run.round()
        loop = Loop(index, key, index == 0, index == count - 1, frame.loop)
        body(frame.inside(one, loop, dict(zip(given, (one, key), strict=False))), run)


def _pairs(found: object) -> tuple[Iterable[tuple[object, object]], int]:
    if isinstance(found, Mapping):
        return found.items(), len(found)
    if isinstance(found, Array):
        return enumerate(found), len(found)
    return (), 0


def as_found(value: Value, body: Do, otherwise: Do, given: _Parameters) -> Do:
    """`{{#name}}`: a loop over a list, the body once for anything else that is there."""

    def do(frame: Frame, run: Run) -> None:
        run.step()
        found = value(frame, run)
        if isinstance(found, Array):
            _rounds(found, frame, run, body, otherwise, given)
        elif found is None or found is False or found is MISSING:
            otherwise(frame, run)
        elif found is True:
            body(frame, run)
        else:
            body(frame.inside(found, frame.loop, dict(zip(given, (found,), strict=False))), run)

    return do


_ZERO = frozenset({"includeZero"})

BLOCKS: Mapping[str, Flow] = {
    "if": Flow(_if, _ZERO),
    "unless": Flow(_unless, _ZERO),
    "each": Flow(_each, parameters=2, repeats=True),
    "with": Flow(_with, parameters=1),
}
