"""However a template is written and whatever the values are: an answer, or a failure, after bounded work."""

import time

import pytest

from gateway.spi.templates import RenderFailed, Target, TemplateInvalid, compile_template
from gateway.spi.templates.limits import MAX_OUTPUT


def nested(depth, value="x"):
    for _ in range(depth):
        value = [value]
    return value


COSTLY = {
    "loops": (
        "{{#each a}}{{#each @root.a}}{{/each}}{{/each}}",
        {"a": list(range(1000))},
        "template_too_costly",
    ),
    "output": (
        "{{#each a}}{{@root.b}}{{/each}}",
        {"a": list(range(100)), "b": "x" * 10_000},
        "template_too_long",
    ),
    "helpers": (
        "{{#each a}}{{#if (contains @root.b 'y')}}{{/if}}{{/each}}",
        {"a": list(range(9000)), "b": "x" * 10**6},
        "template_too_costly",
    ),
    "join": ("{{join a b}}", {"a": list(range(1000)), "b": "x" * 10_000}, "template_too_long"),
    "json": ("{{json a}}", {"a": list(range(200_000))}, "template_too_costly"),
    "text of a list": ("{{a}}", {"a": [list(range(1000))] * 1000}, "template_too_costly"),
    "depth as json": ("{{json a}}", {"a": nested(5000)}, "template_too_deep"),
    "depth as text": ("{{a}}", {"a": nested(5000)}, "template_too_deep"),
    "number": ("{{truncate a b}}", {"a": "x", "b": "y"}, "template_value"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_rendering_fails_soon(name):
    text, context, code = COSTLY[name]
    template = compile_template(text, Target.TEXT)
    start = time.process_time()
    with pytest.raises(RenderFailed) as caught:
        template.render(context)
    assert caught.value.code == code
    assert time.process_time() - start < 2
    assert len(caught.value.detail) <= 300


def test_output_up_to_the_bound_is_written():
    made = compile_template("{{a}}", Target.TEXT).render({"a": "x" * MAX_OUTPUT})
    assert len(made) == MAX_OUTPUT


@pytest.mark.parametrize(
    "text",
    [
        "{" * 20000,
        "{{" * 10000,
        "{{a." * 5000,
        "{{#a}}" * 3000,
        "{{f " + "(f " * 6000,
        "\n" * 19990 + "{{a}}x",
        " " * 19990 + "{{a}}",
        "{{a " + "b " * 9000 + "}}",
        "{{!" * 6000,
        "\\{{" * 6000,
        "{{else if a}}" * 1500,
        "{{'" * 6000,
        "{{[" * 6000,
        "<" * 20000,
    ],
)
@pytest.mark.parametrize("target", [Target.TEXT, Target.HTML, Target.JSON])
def test_reading_a_template_takes_bounded_time(text, target):
    start = time.process_time()
    try:
        compile_template(text, target)
    except TemplateInvalid as error:
        assert len(error.detail) < 400
    assert time.process_time() - start < 2


def test_there_is_no_way_to_attributes_of_python_objects():
    class Thing:
        secret = "s"

    context = {"thing": Thing(), "text": "x", "list": [1], "object": {}}
    for path in (
        "thing.secret",
        "thing",
        "text.upper",
        "text.__class__",
        "list.append",
        "object.keys",
        "this.__init__",
    ):
        assert compile_template("{{" + path + "}}", Target.TEXT).render(context) == ""
