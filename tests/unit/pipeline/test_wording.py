"""What a template makes of a message, by the kind that it is for."""

import pytest

from gateway.domain.destination import Subscription
from gateway.domain.errors import Invalid
from gateway.domain.template import Template
from gateway.pipeline.wording import compile_parts, wordings
from tests.fakes.messages import make_message


@pytest.mark.parametrize(
    ("type", "texts", "targets"),
    [
        (
            "smtp_custom.notification",
            {"subject": "s", "body": "<p>x</p>", "text": "x"},
            {"title": "line", "html": "html", "text": "text"},
        ),
        ("email.notification", {"body": "a < b {{x}}"}, {"text": "text"}),
        ("slack.notification", {"body": "*{{x}}*"}, {"body": "slack"}),
        ("slack.notification", {"body": '{{#if x}}{"a":1}{{/if}}'}, {"body": "slack_json"}),
        ("webhook.notification", {"body": "{{! c }} [ {{x}} ]"}, {"body": "json"}),
        ("webhook.notification", {"body": "{{{x}}} text"}, {"body": "text"}),
        ("gotify.notification", {"title": "t", "body": "{{x}}"}, {"title": "line", "text": "text"}),
        ("event_streams.notification", {"body": '{"a": {{x}} }'}, {"body": "json"}),
    ],
)
def test_texts_are_written_in_what_the_kind_shows(type, texts, targets):
    assert {part: made.target for part, made in compile_parts(type, texts).items()} == targets


@pytest.mark.parametrize(
    ("type", "texts", "pointer"),
    [
        ("webhook.notification", {"title": "t", "body": "{}"}, "/title"),
        ("email.notification", {"body": "plain", "text": "plain too"}, "/text"),
        ("email.notification", {"body": ""}, "/body"),
        ("gotify.notification", {"body": "{{#if}}"}, "/body"),
    ],
)
def test_texts_that_a_kind_has_no_use_for_are_refused_where_they_stand(type, texts, pointer):
    with pytest.raises(Invalid) as refused:
        compile_parts(type, texts)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def subscription(template: str) -> Subscription:
    return Subscription("s", "i", "s", "t", "d", 1.0, 1.0, address={"template_id_notification": template})


def test_the_template_of_a_subscription_words_its_messages():
    stored = Template(
        "x", "i", "short", "gotify.notification", 1.0, 1.0, parts={"title": "T {{type}}", "body": "why"}
    )
    found = wordings([subscription("x")], {"x": stored})
    message = found["s"].of(make_message(summary="the event's own", title="its title"))
    assert (message.title, message.summary, message.facts) == ("T com.example.backup.failed", "why", ())


def test_a_template_that_fails_leaves_the_default_form_and_a_note():
    stored = Template(
        "x", "i", "bad", "webhook.notification", 1.0, 1.0, parts={"body": '{"a":1,{{#if x}}{{/if}}}'}
    )
    found = wordings([subscription("x")], {"x": stored})
    message = found["s"].of(make_message(title="its title"))
    assert (message.title, message.templated) == ("its title", {})
    assert "the template 'bad' failed" in message.note


def test_presets_are_templates_too_and_what_is_gone_or_unreadable_is_the_default_form():
    assert wordings([subscription("kymaros-slack")], {})["s"].name == "kymaros-slack"
    assert wordings([subscription("gone"), subscription("")], {}) == {}
    broken = Template("x", "i", "bad", "webhook.notification", 1.0, 1.0, parts={"body": "{{#if}}"})
    assert wordings([subscription("x")], {"x": broken}) == {}
