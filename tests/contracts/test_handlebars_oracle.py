"""Templates against the npm package `handlebars`: the same text from the same template and values."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.spi.templates import Target, TemplateInvalid, compile_template
from tests.fakes.handlebars import Handlebars


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    handlebars = Handlebars(tmp_path_factory.mktemp("handlebars"))
    yield handlebars
    handlebars.close()


CONTEXT = {
    "a": "x <b> & \"q\" 'p' `t` =",
    "n": 0,
    "f": 1.5,
    "t": True,
    "no": False,
    "nil": None,
    "": "",
    "odd key": "odd",
    "list": ["one", 2, None, {"a": "in", "list": [1, 2]}],
    "empty": [],
    "o": {"a": "member", "deep": {"a": "deeper", "b": False}, "length": 7},
    "sizes": [1e21, 1e-7, 123456789.125, -0.5, 100],
}

CORPUS = [
    "plain",
    "",
    "{{a}}",
    "{{ a }}",
    "{{~a~}}",
    " {{~ a ~}} ",
    "{{n}}{{f}}{{t}}{{no}}{{nil}}",
    "{{sizes}}",
    "{{list}}",
    "{{list.length}}{{list.[0]}}{{list.[9]}}{{a.length}}",
    "{{[odd key]}}{{o.[a]}}{{o/a}}",
    "{{o}}",
    "{{this.a}}{{./a}}{{o.length}}",
    "{{#if a}}y{{else}}n{{/if}}",
    "{{#if n}}y{{else}}n{{/if}}",
    "{{#if n includeZero=true}}y{{else}}n{{/if}}",
    "{{#if empty includeZero=true}}y{{else}}n{{/if}}",
    "{{#if o}}y{{/if}}{{#if empty}}y{{^}}n{{/if}}",
    "{{#unless nil}}y{{else}}n{{/unless}}",
    "{{#if nil}}1{{else if no}}2{{else if t}}3{{else}}4{{/if}}",
    "{{#if nil}}1{{else if no}}2{{else}}3{{/if}}",
    "{{#unless t}}1{{else with o}}{{a}}{{../a}}{{/unless}}",
    "{{#each list}}{{@index}}:{{this}};{{/each}}",
    "{{#each list}}{{@key}}{{@first}}{{@last}}{{#if @last}}{{a}}{{../a}}{{/if}}{{/each}}",
    "{{#each o}}{{@key}}={{this}}/{{@index}}/{{@first}}/{{@last}} {{/each}}",
    "{{#each list as |v i|}}{{i}}{{v}}{{#each v.list as |w j|}}{{i}}{{j}}{{w}}{{v.a}}{{/each}}{{/each}}",
    "{{#each list}}{{#each list}}{{@index}}{{@../index}}{{this}}{{../a}}{{../../n}}{{/each}}{{/each}}",
    "{{#each empty}}x{{else}}none{{/each}}{{#each nil}}x{{else}}none{{/each}}",
    "{{#each a}}x{{else}}none{{/each}}",
    "{{#with o}}{{a}}{{#with deep}}{{a}}{{../a}}{{../../a}}{{/with}}{{/with}}",
    "{{#with n}}{{this}}{{/with}}",
    "{{#with no}}x{{else}}none{{/with}}{{#with o as |p|}}{{p.a}}{{/with}}{{#with ''}}x{{else}}y{{/with}}",
    "{{#o}}{{a}}{{#deep}}{{a}}{{../../a}}{{/deep}}{{/o}}",
    "{{#list}}[{{this}}]{{/list}}{{^list}}none{{/list}}",
    "{{#no}}x{{else}}y{{/no}}{{^nil}}z{{/nil}}{{#t}}{{a}}{{/t}}{{#n}}{{this}}{{/n}}{{#empty}}x{{^}}e{{/empty}}",
    "{{^no}}1{{else}}2{{/no}}{{^t}}1{{else}}2{{/t}}",
    '{{#equal a "x"}}1{{else}}2{{/equal}}{{#equal n 0}}0{{/equal}}',
    '{{#if (contains a "<b>")}}has{{else if (contains a "z")}}z{{/if}}',
    "{{default nil 'd'}}{{default n 5}}",
    "{{#if (not (equal f 1.5))}}1{{else}}2{{/if}}",
    "{{lookup o 'a'}}{{lookup list 0}}{{lookup list n}}",
    "\\{{a}} b {{a}}",
    "\\\\{{a}}",
    "\\{{a}} \\{{a}} {{a}}",
    "x\\{{a}}\\\\{{a}}",
    "\\",
    "\\\\",
    "{ {a} }",
    "{{! one }}two{{!-- {{three}} --}}four{{!}}",
    "a\n{{! alone }}\nb",
    "a\n  {{!-- alone --}}  \nb\n",
    "{{#if a}}\nline\n{{/if}}\nend",
    "  {{#if a}}  \n  line\n  {{else}}\n  other\n  {{/if}}  \nend",
    "{{#if nil}}\n1\n{{else if t}}\n2\n{{else}}\n3\n{{/if}}\n",
    "{{#each list}}\n- {{this}}\n{{/each}}\n",
    "a {{#if a}}\nb\n{{/if}} c",
    "{{#if a~}}  x  {{~/if}}",
    "x {{~#if a}} y {{/if~}} z",
    "{{#if nil}}x{{~else~}} y {{/if}}",
    "\r\n{{#if a}}\r\nx\r\n{{/if}}\r\n",
    "{{#if a}}{{#if t}}\nx\n{{/if}}{{/if}}",
    "{{#if a}}\n{{#if t}}\nx\n{{/if}}\n{{/if}}\n",
    "{{#if a}}\n\n\n{{/if}}",
    "\n\n{{#if a}}x{{/if}}\n\n",
    "{{#if a}} {{/if}}",
    "{{#if a}}\n{{/if}}{{a}}",
    "{{#if nil}}a{{else if nil~}} b {{~else if nil}} c {{~else~}} d {{/if}}",
    "{{^nil~}} x {{~/nil}}",
    "{{'a'}}{{\"odd key\"}}{{12}}{{true}}",
    "{{@root.a}}{{@root.o.a}}",
    "{{#with list}}{{length}}{{[0]}}{{/with}}",
    "{{#each list}}{{#with ../o}}{{a}}{{../../a}}{{/with}}{{/each}}",
    "{{#each sizes}}{{this}} {{/each}}",
    "{{#if ../a}}x{{else}}y{{/if}}",
    "{{../a}}{{../../a}}",
]


@pytest.mark.parametrize("text", CORPUS)
def test_a_template_of_the_corpus_renders_as_handlebars_renders_it(oracle, text):
    assert compile_template(text, Target.TEXT).render(CONTEXT) == oracle.render(text, CONTEXT)
    if "<" not in text:
        assert compile_template(text, Target.HTML).render(CONTEXT) == oracle.render(
            text, CONTEXT, escape=True
        )


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{}}",
        "{{#if a}}",
        "{{/if}}",
        "{{#if a}}{{/each}}",
        "{{a b=}}",
        "{{a/../b}}",
        "{{{a}}",
        "{{else}}",
        '{{upper "a}}',
        "{{#if a}}{{else}}{{else}}{{/if}}",
        "{{missing a}}",
        "{{a.}}",
        "{{(a) b}}",
        "{{a=b}}",
    ],
)
def test_what_handlebars_refuses_is_refused(oracle, text):
    with pytest.raises(TemplateInvalid):
        compile_template(text, Target.TEXT)
    with pytest.raises(ValueError, match=r"."):
        oracle.render(text, CONTEXT)


_words = st.text(st.sampled_from("ab <>&\"'`={}\\ü\n\t"), max_size=6)
_scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, -2.25]) | _words
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
contexts = st.dictionaries(st.sampled_from(["a", "b", "c"]), _values, max_size=3)

_text = st.text(st.sampled_from("xy <>\n \r\t"), max_size=5).map(lambda text: text.replace("\r", "\r\n"))
_paths = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "this",
        ".",
        "a.b",
        "b.[0]",
        "../a",
        "../../b",
        "@index",
        "@key",
        "@first",
        "@last",
        "@root.a",
        "this.b",
        "./c",
        "a.length",
        "p",
        "q",
        "@../index",
        "a.b.c",
    ]
)
_literals = st.sampled_from(['"x"', "'a'", "0", "1", "-2.5", "true", "false", "null", '""'])
_arguments = st.recursive(
    _paths | _literals,
    lambda inner: (
        st.builds(lambda a, b: f"(equal {a} {b})", inner, inner)
        | st.builds(lambda a, b: f"(contains {a} {b})", inner, inner)
        | st.builds(lambda a: f"(not {a})", inner)
        | st.builds(lambda a, b: f"(default {a} {b})", inner, inner)
    ),
    max_leaves=3,
)
_tilde = st.sampled_from(["", "", "", "~"])
_outputs = st.builds(lambda left, path, right: "{{" + left + path + right + "}}", _tilde, _paths, _tilde)
_comments = st.builds(lambda left, right: "{{" + left + "!-- c --" + right + "}}", _tilde, _tilde)


def _body(inner):
    return st.lists(inner, max_size=4).map("".join)


def _block(inner):
    opens = st.one_of(
        st.builds(
            lambda name, value: (name, f"{name} {value}"), st.sampled_from(["if", "unless"]), _arguments
        ),
        st.builds(
            lambda value, names: ("each", f"each {value}{names}"),
            _arguments,
            st.sampled_from(["", " as |p q|"]),
        ),
        st.builds(
            lambda value, names: ("with", f"with {value}{names}"),
            _arguments,
            st.sampled_from(["", " as |p|"]),
        ),
        st.builds(lambda a, b: ("equal", f"equal {a} {b}"), _arguments, _arguments),
        st.sampled_from(["a", "b", "a.b"]).map(lambda name: (name, name)),
    )
    ways = st.lists(st.tuples(_tilde, opens.map(lambda one: one[1]), _tilde, _body(inner)), max_size=2)
    last = st.none() | st.tuples(_tilde, _tilde, _body(inner))
    return st.builds(
        _written,
        opens,
        st.sampled_from("##^"),
        st.tuples(_tilde, _tilde, _tilde, _tilde),
        _body(inner),
        ways,
        last,
    )


def _written(open_, sign, tildes, body, ways, last):
    name, call = open_
    if sign == "^":
        ways = []
        if " " in call:
            sign = "#"
    one, two, three, four = tildes
    parts = ["{{", one, sign, call, two, "}}", body]
    for left, other, right, inner in ways:
        if " " not in other:
            continue
        parts += ["{{", left, "else ", other, right, "}}", inner]
    if last:
        parts += ["{{", last[0], "else", last[1], "}}", last[2]]
    return "".join([*parts, "{{", three, "/", name, four, "}}"])


templates = _body(
    st.recursive(_text | _outputs | _comments, lambda inner: _block(inner) | _body(inner), max_leaves=12)
)


@settings(max_examples=600)
@given(templates, contexts)
def test_any_template_renders_as_handlebars_renders_it(oracle, text, context):
    context = json.loads(json.dumps(context))
    assert compile_template(text, Target.TEXT).render(context) == oracle.render(text, context)


@settings(max_examples=200)
@given(templates.filter(lambda text: "<" not in text), contexts)
def test_any_template_is_escaped_as_handlebars_escapes_it(oracle, text, context):
    context = json.loads(json.dumps(context))
    assert compile_template(text, Target.HTML).render(context) == oracle.render(text, context, escape=True)
