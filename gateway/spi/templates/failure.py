"""What goes wrong with a template: refused when it is compiled, failed when it is rendered."""

from __future__ import annotations

from gateway.domain.errors import Invalid, TocsinError

_LONGEST = 300


def refused(
    text: str, at: int, detail: str, expected: str = "", *, code: str = "template_syntax"
) -> TemplateInvalid:
    """The error for the character at index `at` of a template, told by line and column, both from 1."""
    before = text[:at]
    line = before.count("\n") + 1
    column = at - (before.rfind("\n") + 1) + 1
    return TemplateInvalid(code, detail, expected, line, column)


class TemplateInvalid(Invalid):
    """A template that cannot be compiled. Codes: template_syntax, template_unsupported, template_unknown,
    template_argument, template_place, template_too_complex."""

    def __init__(self, code: str, detail: str, expected: str, line: int, column: int) -> None:
        super().__init__(
            code, f"line {line}, column {column}: {detail[:_LONGEST]}", expected=expected[:_LONGEST]
        )
        self.line = line
        self.column = column


class RenderFailed(TocsinError):
    """A template that could not be rendered for one event. Codes: template_too_costly,
    template_too_long, template_too_deep, template_value, template_not_json.

    `detail` is one short line and repeats nothing of the event.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail[:_LONGEST])
        self.code = code
        self.detail = detail[:_LONGEST]
