"""A template: compiled once, rendered for every event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from gateway.spi.templates.compiler import compile_program
from gateway.spi.templates.failure import RenderFailed
from gateway.spi.templates.flow import Do
from gateway.spi.templates.frame import Frame
from gateway.spi.templates.html_place import TEXT
from gateway.spi.templates.json_place import JsonPlace
from gateway.spi.templates.parser import parse
from gateway.spi.templates.place import Anywhere, Place
from gateway.spi.templates.run import Run
from gateway.spi.templates.target import ESCAPES, JSON_TARGETS, Target, clean_line
from gateway.spi.templates.whitespace import control


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. `render` may be called from several threads at once."""

    text: str
    target: Target
    _do: Do = field(repr=False)

    def render(self, context: Mapping[str, object]) -> str:
        """The text for one event; raises RenderFailed. For JSON it is JSON, for a line one line."""
        run = Run(context, ESCAPES[Target.SLACK] if self.target is Target.SLACK_JSON else str)
        self._do(Frame(context), run)
        return _finished("".join(run.parts), self.target)


def compile_template(text: str, target: Target) -> Template:
    """The template that this text is; raises TemplateInvalid with what is wrong and where."""
    program = parse(text)
    control(program)
    return Template(text, target, compile_program(program, text, _beginning(target)))


def _beginning(target: Target) -> Place:
    if target in JSON_TARGETS:
        return JsonPlace.OUTSIDE
    return TEXT if target is Target.HTML else Anywhere(ESCAPES[target])


def _finished(text: str, target: Target) -> str:
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    if target is Target.LINE:
        return clean_line(text)
    if target in JSON_TARGETS:
        _check_json(text)
    return text


def _check_json(text: str) -> None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        detail = f"the rendered text is no JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise RenderFailed("template_not_json", detail) from None
