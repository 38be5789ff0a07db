"""What the template tests share."""

from gateway.spi.templates import Target, compile_template


def rendered(text, context=None, target=Target.TEXT):
    return compile_template(text, target).render(context or {})
