"""Templates: what is understood, and how what is not is refused."""

import pytest

from gateway.domain.errors import Invalid
from gateway.spi.templates import Target, TemplateInvalid, compile_template

CONTEXT = {
    "a": "x",
    "list": [1, 2, {"x": "y"}],
    "object": {"k": 1.0, "q": None},
    "odd.key": "odd",
    "empty": [],
    "outer": {"inner": {"name": "in"}, "name": "out"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{a}} {{{a}}} {{& a}}", "x x x"),
        ("{{list.[2].x}}{{list.length}}{{list.0}}", "y31"),
        ("{{[odd.key]}}", "odd"),
        ("{{missing}}{{a.b.c}}{{object.q}}", ""),
        ("{{object.k}} {{object}}", '1 {"k":1.0,"q":null}'),
        ("{{! a }}{{!-- {{a}} --}}b", "b"),
        ("a \n {{~a~}} \n b", "axb"),
        ("{{#if a}}yes{{else}}no{{/if}}{{#unless a}}no{{/unless}}", "yes"),
        ('{{#if (contains a "b")}}1{{else if (contains a "x")}}2{{else}}3{{/if}}', "2"),
        ("{{#each list}}{{@index}}{{@first}}{{@last}},{{/each}}", "0truefalse,1falsefalse,2falsetrue,"),
        ("{{#each object as |value key|}}{{key}}={{value}};{{/each}}", "k=1;q=;"),
        ("{{#each empty}}x{{else}}none{{/each}}", "none"),
        ("{{#with outer.inner}}{{name}} {{../outer.name}} {{@root.a}}{{/with}}", "in out x"),
        ("{{#outer}}{{#inner}}{{name}}{{../name}}{{/inner}}{{/outer}}", "inout"),
        ("{{^missing}}none{{/missing}}", "none"),
        ("{{#equal a 'x'}}same{{else}}other{{/equal}}", "same"),
        ('{{default missing "d"}}{{default 0 "d"}}', "d0"),
        ("\\{{a}} \\\\{{a}}", "{{a}} \\x"),
        ("{{#each list}}{{#if @last}}{{x}}{{../a}}{{/if}}{{/each}}", "yx"),
    ],
)
def test_a_template_renders(text, expected):
    assert compile_template(text, Target.TEXT).render(CONTEXT) == expected


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "expected"),
    [
        ("{{> part}}", "template_unsupported", 1, 1, "a value"),
        ("\n{{#> part}}{{/part}}", "template_unsupported", 2, 1, "a value"),
        ("{{* decorate}}", "template_unsupported", 1, 1, "a value"),
        ("{{#*inline 'x'}}{{/inline}}", "template_unsupported", 1, 1, "a value"),
        ("{{{{raw}}}}{{{{/raw}}}}", "template_unsupported", 1, 1, "a value"),
        ("{{(lookup a b) c}}", "template_unsupported", 1, 3, "a value"),
        ("one\n  {{#if a}}", "template_syntax", 2, 3, "`{{/if}}`"),
        ("{{#if a}}\n{{/each}}", "template_syntax", 2, 1, "`{{/if}}`"),
        ("a{{/if}}", "template_syntax", 1, 2, "`{{#...}}`"),
        ("{{else}}", "template_syntax", 1, 1, "`{{#...}}`"),
        ("{{#if a}}{{else}}{{else}}{{/if}}", "template_syntax", 1, 18, "`{{/...}}`"),
        ("{{", "template_syntax", 1, 3, "a name"),
        ("{{a", "template_syntax", 1, 4, "`}}`"),
        ("{{{a}}", "template_syntax", 1, 6, "`}}}`"),
        ('{{upper "a}}', "template_syntax", 1, 9, 'a closing "'),
        ("{{a/../b}}", "template_syntax", 1, 3, "`../`"),
        ("{{uper a}}", "template_unknown", 1, 3, "`upper`"),
        ("{{@foo}}", "template_unknown", 1, 3, "@root"),
        ("{{upper a b}}", "template_argument", 1, 3, "`{{upper a}}`"),
        ("{{json a indent=2}}", "template_argument", 1, 3, "pretty"),
        ("{{date a tz='Nowhere/Land'}}", "template_argument", 1, 3, "Europe/Berlin"),
        ("{{date a tz=zone}}", "template_argument", 1, 13, "in quotes"),
        ("{{date a '%Q'}}", "template_argument", 1, 3, "%Y"),
        ("{{escape a 'xml'}}", "template_argument", 1, 3, "html"),
        ("{{#if}}{{/if}}", "template_argument", 1, 4, "`{{#if value}}`"),
        ("{{#if a as |b|}}{{/if}}", "template_argument", 1, 1, ""),
        ("{{#upper a}}{{/upper}}", "template_syntax", 1, 1, "`{{upper a}}`"),
        ("\x00", "template_syntax", 1, 1, ""),
        ("x" * 20_001, "template_too_complex", 1, 20_001, "at most 20000"),
        ("{{#if a}}" * 33 + "{{/if}}" * 33, "template_too_complex", 1, 289, "at most 32"),
        ("{{not " + "(not " * 33 + "a" + ")" * 33 + "}}", "template_too_complex", 1, 167, "at most 32"),
    ],
)
def test_what_is_not_understood_is_refused_where_it_stands(text, code, line, column, expected):
    with pytest.raises(TemplateInvalid) as caught:
        compile_template(text, Target.TEXT)
    assert isinstance(caught.value, Invalid)
    assert (caught.value.code, caught.value.line, caught.value.column) == (code, line, column)
    assert f"line {line}, column {column}" in caught.value.detail
    assert expected in caught.value.problems[0].expected
