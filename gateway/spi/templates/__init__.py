"""Templates: what people write to say how a message looks, in the Handlebars dialect of IBM's and
Proxmox's templates, rendered by our own small interpreter.

`compile_template(text, target)` gives a `Template`, or raises `TemplateInvalid` with line and column;
`compile_parts` does so for all parts of a template that is for one kind of destination.
`template.render(context)` gives the text, or raises `RenderFailed`; `context_of` makes the context.
Every value is escaped for the target, so that nothing in an event can break the JSON, the HTML or the
line that it is put into. No template reaches anything but the mappings, lists and scalars of its context.

    scanner ▶ parser ▶ whitespace ▶ compiler (places: where a value stands) ▶ closures over a Run
"""

from gateway.spi.templates.context import Context, context_of
from gateway.spi.templates.failure import RenderFailed, TemplateInvalid
from gateway.spi.templates.target import Target, looks_like_html, looks_like_json
from gateway.spi.templates.template import Template, compile_template

__all__ = [
    "Context",
    "RenderFailed",
    "Target",
    "Template",
    "TemplateInvalid",
    "compile_template",
    "context_of",
    "looks_like_html",
    "looks_like_json",
]
