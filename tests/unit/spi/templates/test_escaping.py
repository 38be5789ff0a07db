"""Whatever a value is, it stays in the place that the template gave it."""

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.templates import RenderFailed, Target, TemplateInvalid, compile_template

HOSTILE = "\"'<b>&\\\n\r\t\x00\x1b\u2028\ud800`=*_[x](javascript:y)@channel ]]></script>--> {{a}} ', \""

JSON_TEMPLATES = [
    '{"text":"{{a}}"}',
    '{"text": {{a}} }',
    '{"{{a}}": 1, "the other member": {{json o}}}',
    "{ {{a}} : {{o}} }",
    '[{{#each list}}"{{this}}"{{#unless @last}},{{/unless}}{{/each}}]',
    '{"a":"before {{{a}}} {{upper a}} {{json o}} after \\" \\\\ \\u00e9","b":[{{& a}}]}',
    '{"a":"{{#if a}}{{a}}{{else}}none{{/if}}"{{#if a}},"b":"{{truncate a 3}}"{{/if}}}',
    '{"escaped":"{{escape a}}","twice":"{{escape a "json"}}","url":"{{url a}}","date":"{{date a}}"}',
]
values = st.text() | st.text(st.sampled_from(HOSTILE)) | st.just(HOSTILE)


def shape(value):
    """The form of a JSON value without its texts."""
    if isinstance(value, dict):
        return [shape(one) for one in value.values()]
    return [shape(one) for one in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("text", JSON_TEMPLATES)
@given(value=values.filter(bool))
def test_json_stays_json_of_the_same_form_whatever_the_values_say(text, value):
    template = compile_template(text, Target.JSON)

    def made(one):
        return json.loads(template.render({"a": one, "o": {"k": one}, "list": [one, one]}))

    assert shape(made(value)) == shape(made("harmless"))


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | values, st.lists, max_leaves=4
    )
)
def test_a_value_of_any_kind_is_json_inside_and_outside_of_a_string(value):
    made = json.loads(
        compile_template('{"in":"{{a}}","out":{{a}},{{a}}:1}', Target.JSON).render({"a": value})
    )
    assert isinstance(made["in"], str)
    assert len(made) >= 2


def test_a_json_template_says_what_the_value_says():
    template = compile_template(
        '{"in":"<{{a}}>","out":{{a}},"none":{{b}},"pretty":{{json o pretty=true}}}', Target.JSON
    )
    made = json.loads(template.render({"a": 'q"\n', "o": {"k": [1]}}))
    assert made == {"in": '<q"\n>', "out": 'q"\n', "none": None, "pretty": {"k": [1]}}


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"\\\\{{a}}"}',
        '{"a":"\\u00{{a}}"}',
        '{"a":1{{a}}}',
        '{"a":{{a}}{{b}}}',
        '{"a":"{{a}}',
        '{"a":"{{#if a}}x"{{else}}y{{/if}}}',
        '{{#each a}}"{{/each}}"',
        '{"a":{{a}}5}',
    ],
)
def test_a_value_where_no_value_of_json_can_stand_is_refused(text):
    with pytest.raises(TemplateInvalid, match=r"line 1, column \d+") as caught:
        compile_template(text, Target.JSON)
    assert caught.value.code == "template_place"


@pytest.mark.parametrize("text", ["", "{{a}} {{a}}", '{"a":1,{{#if no}}"b":2{{/if}}}'])
def test_text_that_is_no_json_fails_the_rendering(text):
    with pytest.raises(RenderFailed) as caught:
        compile_template(text, Target.JSON).render({"a": "secret"})
    assert caught.value.code == "template_not_json"
    assert "secret" not in caught.value.detail


class Elements(HTMLParser):
    """The tags and attributes of a document, without their texts."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, [name for name, _ in attributes]))

    def handle_comment(self, data):
        self.found.append("comment")


@given(value=values)
def test_html_keeps_its_elements_whatever_the_values_say(value):
    text = '<p class="{{a}}" title=\'{{{a}}}\' style="color:{{a}}">{{a}}'
    text += '<a href="{{a}}">{{& a}}</a><!-- {{a}} --></p>'
    template = compile_template(text, Target.HTML)
    assert Elements(template.render({"a": value})).found == Elements(template.render({"a": "x"})).found


@pytest.mark.parametrize(
    "address", ["javascript:x", "java\nscript:x", " data:text/html,x", "vbscript:x", "//:x:"]
)
def test_an_address_that_would_run_something_becomes_none(address):
    made = compile_template('<a href="{{a}}">', Target.HTML).render({"a": address})
    assert made == '<a href="#">' or address == "//:x:"


def test_an_address_of_the_web_stays():
    made = compile_template('<a href="{{a}}">{{a}}</a><a href="https://x/{{b}}">', Target.HTML)
    assert (
        made.render({"a": "https://h/p?q", "b": "a:b"})
        == '<a href="https://h/p?q">https://h/p?q</a><a href="https://x/a:b">'
    )


@pytest.mark.parametrize(
    "text",
    [
        "<a href={{a}}>",
        "<a {{a}}>",
        "<{{a}}>",
        "</{{a}}>",
        "<script>{{a}}</script>",
        "<style>{{a}}</style>",
        '<a onclick="{{a}}">',
        '<iframe srcdoc="{{a}}">',
        '<p class="{{#if a}}x"{{else}}y{{/if}}>',
        "<p title='",
    ],
)
def test_a_value_where_html_cannot_hold_it_is_refused(text):
    with pytest.raises(TemplateInvalid) as caught:
        compile_template(text, Target.HTML)
    assert caught.value.code == "template_place"


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        (Target.TEXT, "a\r\nb\x00c", "a\nbc"),
        (Target.LINE, "a\r\nb\x00c", "a b c"),
        (Target.SLACK, "<!here> & @channel", "&lt;!here&gt; &amp; @\u200bchannel"),
        (Target.TELEGRAM, '<b>"&', "&lt;b&gt;&quot;&amp;"),
        (Target.MARKDOWN, "*a* [b](c)\n# d\n1. e", "\\*a\\* \\[b\\](c)\n\\# d\n1\\. e"),
        (Target.URL, "a b/ü?", "a%20b%2F%C3%BC%3F"),
        (Target.HTML, "<'\"`=&>", "&lt;&#x27;&quot;&#x60;&#x3D;&amp;&gt;"),
    ],
)
def test_values_are_escaped_for_the_target(target, value, expected):
    assert compile_template("{{a}}", target).render({"a": value}) == expected
    assert compile_template("{{{a}}}", target).render({"a": value}) == expected


def test_a_line_is_one_line_whatever_the_template_says():
    assert compile_template("a\n{{a}}\n\n b", Target.LINE).render({"a": "x\ny"}) == "a x y b"


@given(value=values)
def test_what_is_rendered_can_be_sent_as_utf_8(value):
    for target in Target:
        text = '"{{a}}"' if target is Target.JSON else "{{a}}"
        compile_template(text, target).render({"a": value}).encode()


def test_what_stands_in_json_for_slack_mentions_nobody():
    text = '{"text":"*{{a}}* {{json a}}","whole":{{a}},"deep":{{json o}},"name":{ {{a}}:1 }}'
    values = {"a": '<!here> "&" @channel', "o": {"k": ["<@U1>", 1]}}
    made = json.loads(compile_template(text, Target.SLACK_JSON).render(values))
    harmless = '&lt;!here&gt; "&amp;" @\u200bchannel'
    assert made["text"] == f"*{harmless}* {json.dumps(harmless, ensure_ascii=False)}"
    assert (made["whole"], made["deep"], made["name"]) == (harmless, {"k": ["&lt;@U1&gt;", 1]}, {harmless: 1})


@pytest.mark.parametrize("before", [" ", "\n\t", " {{#if b}} {{/if}}"])
def test_blanks_before_an_address_do_not_let_a_script_in(before):
    template = compile_template(f'<a href="{before}{{{{a}}}}">x</a>', Target.HTML)
    assert "javascript" not in template.render({"a": "javascript:alert(1)", "b": True})
    assert "https://example.com/1" in template.render({"a": "https://example.com/1", "b": True})
