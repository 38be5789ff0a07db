"""What every source format has to keep, built in or not: one suite over all that discovery finds.

A format brings samples in tests/data/sources/<its name, with underscores>/, in pairs:

    NN-what.request.json   {"headers": {...}, "json": ...}, or "body" with a text that is no JSON and "why";
                           with "options", the source has these for its format
    NN-what.events.json    [{"event": <CloudEvent in the JSON format>, "vocabulary": {...}}, ...]

The second is what the request means after the format's `refine`; words that are None are left out.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from string import Template

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sources import dbackup, ironcore
from gateway.domain.attributes import violations
from gateway.domain.errors import Invalid, Malformed
from gateway.domain.event import DataForm, Event
from gateway.domain.members import as_sent
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.view import MISSING
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi.cloudevents import encode, structured
from gateway.spi.cloudevents.meaning import MAX_NAME, MAX_SUMMARY, MAX_TITLE, meaning, web_address
from gateway.spi.cloudevents.payload import payload
from gateway.spi.discovery import source_formats
from gateway.spi.json_schema import CompiledSchema, check_schema
from gateway.spi.source_format import Credential, Decoded
from schemas import load, names

DATA = Path(__file__).parents[1] / "data" / "sources"
FORMATS = source_formats()
SAMPLES = [
    (name, path.name.removesuffix(".request.json"))
    for name in FORMATS
    for path in sorted((DATA / name.replace("-", "_")).glob("*.request.json"))
]
SOURCE = Source("source-1", "instance-1", "A source", 0.0, 0.0)
HOSTILE_TEXTS = [
    "",
    " ",
    "\x00\x1b",
    "\n",
    "x" * 20_000,
    "\u202e",
    "{",
    "[",
    "null",
    "💥",
    "1" * 5_000,
    "../..",
]

formats = pytest.mark.parametrize("name", sorted(FORMATS))
samples = pytest.mark.parametrize(("name", "sample"), SAMPLES)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(HOSTILE_TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def stored(name, sample, kind):
    return json.loads((DATA / name.replace("-", "_") / f"{sample}.{kind}.json").read_text("utf-8"))


def body_of(request):
    return json.dumps(request["json"]).encode() if "json" in request else request["body"].encode()


def read(name, body, headers, options=None):
    """The events of a request as the pipeline gets them: parsed, then refined."""
    found = FORMATS[name].parse(body, headers, replace(SOURCE, options=options or {}))
    return [refined(one) for one in found]


def refined(decoded):
    for one in FORMATS.values():
        if decoded.event.type.startswith(one.refines or ("\0",)):
            return Decoded(decoded.event, one.refine(decoded), decoded.payload)
    return decoded


def written(decoded):
    """An event and its meaning as they stand in an events file."""
    words = {field.name: getattr(decoded.vocabulary, field.name) for field in fields(Vocabulary)}
    words["severity"] = decoded.vocabulary.severity and decoded.vocabulary.severity.word
    words["resources"] = list(decoded.vocabulary.resources)
    return {
        "event": json.loads(encode.structured(decoded.event)),
        "vocabulary": {word: value for word, value in words.items() if value},
    }


def assert_sound(decoded):
    """A lawful event, its data parsed, and a vocabulary that is safe to store and to show."""
    event, words = decoded.event, decoded.vocabulary
    assert violations(event.attributes) == []
    assert (event.data is None) is (event.form is DataForm.NONE)
    assert structured.decode(encode.structured(event)) == event
    assert decoded.payload == payload(event)
    assert words.severity is None or isinstance(words.severity, Severity)
    assert words.outcome is None or isinstance(words.outcome, Outcome)
    assert words.resource is None or words.resource in words.resources
    assert all(web_address(url) and label for label, url in words.links.items())
    limits = {"title": MAX_TITLE, "summary": MAX_SUMMARY, "resource": MAX_NAME, "job": MAX_NAME}
    for word, limit in {**limits, "actor": MAX_NAME, "task_id": MAX_NAME}.items():
        text = getattr(words, word)
        assert text is None or 0 < len(text.encode("utf-8").decode()) <= limit
        assert text is None or word == "summary" or text.isprintable() or text.splitlines() == [text]


def assert_sound_or_refused(name, body, headers, options=None):
    try:
        found = read(name, body, headers, options)
    except (Malformed, Invalid) as refusal:
        assert all(problem.code and problem.detail for problem in refusal.problems)
        assert len(refusal.problems) <= 100
    else:
        for one in found:
            assert_sound(one)


def test_the_built_in_formats_are_found():
    assert set(FORMATS) >= {
        "ibm-event-notifications",
        "ironcore",
        "dbackup",
        "backupman",
        "kymaros",
        "slack",
        "proxmox",
        "alertmanager",
        "ping",
        "json",
        "poll",
    }


@formats
def test_a_format_describes_itself(name):
    one = FORMATS[name]
    assert one.name == name == name.lower().strip()
    assert one.title
    assert one.summary.endswith(".")
    assert all(prefix.endswith(".") for prefix in one.refines)
    check_schema(load(one.schema))
    assert (one.credential is Credential.HEADER) is bool(one.header)
    placed = Template(one.snippet).substitute(url="https://tocsin.example.com/in/x", key="tcs_1_x")
    assert ("tcs_1_x" in placed) is (bool(one.snippet) and one.credential is not Credential.URL)
    assert not one.snippet or "https://tocsin.example.com/in/x" in placed


@samples
def test_options_of_a_sample_are_options_of_its_format(name, sample):
    options = stored(name, sample, "request").get("options")
    if options is None:
        return
    assert FORMATS[name].Options.model_validate(options).model_dump(exclude_unset=True) == options


@formats
def test_a_format_brings_samples_of_all_that_matters(name):
    severities = {
        one["vocabulary"].get("severity")
        for of, sample in SAMPLES
        if of == name
        for one in stored(name, sample, "events")
    }
    assert len(severities - {None}) >= 2, "samples of at least two severities"


@samples
def test_a_sample_fits_the_schema_of_its_format(name, sample):
    request = stored(name, sample, "request")
    if "json" in request:
        schema = CompiledSchema.compile(load(FORMATS[name].schema))
        assert schema.is_valid(request["json"]), schema.problems(request["json"])
    else:
        assert request["why"]


@samples
def test_a_sample_means_what_its_events_file_says(name, sample):
    request = stored(name, sample, "request")
    found = read(name, body_of(request), request["headers"], request.get("options"))
    assert [written(one) for one in found] == stored(name, sample, "events")
    for one in found:
        assert_sound(one)


@samples
def test_the_same_request_is_the_same_events(name, sample):
    request = stored(name, sample, "request")
    first = read(name, body_of(request), request["headers"], request.get("options"))
    assert first == read(name, body_of(request), request["headers"], request.get("options"))
    assert len({(one.event.source, one.event.id) for one in first}) == len(first)


@samples
def test_members_that_nobody_knows_survive(name, sample):
    request = stored(name, sample, "request")
    if "json" not in request:
        return
    unknown = {"deep": ["survivor", 1.5, None, {"of": "all"}]}
    request["json"]["an_unknown_member"] = unknown
    found = read(name, body_of(request), request["headers"], request.get("options"))
    assert any(unknown in everything(as_sent(one.event), one.payload) for one in found)


def everything(*values):
    """Every value in some JSON values, at any depth."""
    found, waiting = [], list(values)
    while waiting:
        value = waiting.pop()
        found.append(value)
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found


@formats
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'""', b"0", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_payload_is_refused(name, body):
    with pytest.raises((Malformed, Invalid)):
        FORMATS[name].parse(body, {}, SOURCE)


@formats
@settings(deadline=None)
@given(
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255))),
)
def test_garbage_is_refused_or_sound(name, body, headers):
    assert_sound_or_refused(name, body, headers)


@samples
@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_sample_gone_wrong_is_refused_or_sound(name, sample, data):
    request = stored(name, sample, "request")
    for table in [request["headers"], request.get("json")]:
        if not isinstance(table, dict) or not table:
            continue
        for member in data.draw(st.sets(st.sampled_from(sorted(table)), max_size=2)):
            wrong = st.text(st.characters(max_codepoint=255)) if table is request["headers"] else json_values
            table[member] = data.draw(wrong)
    assert_sound_or_refused(name, body_of(request), request["headers"], request.get("options"))


@samples
@settings(deadline=None, max_examples=50)
@given(st.integers(0), st.binary(max_size=3))
def test_a_sample_with_a_scratch_is_refused_or_sound(name, sample, place, bytes_):
    request = stored(name, sample, "request")
    body = body_of(request)
    at = place % (len(body) + 1)
    assert_sound_or_refused(
        name, body[:at] + bytes_ + body[at + 1 :], request["headers"], request.get("options")
    )


REFINED = [(name, prefix) for name, one in FORMATS.items() for prefix in one.refines]


@pytest.mark.parametrize(("name", "prefix"), REFINED)
@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["C"]), max_size=50), st.none() | json_values, st.booleans())
def test_plain_events_of_its_product_are_refined_whatever_they_hold(name, prefix, suffix, data, is_there):
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": prefix + suffix}
    form = DataForm.JSON if is_there else DataForm.NONE
    event = Event(attributes, json.dumps(data).encode() if is_there else None, form)
    parsed = payload(event)
    assert (parsed is MISSING) is not is_there
    assert_sound(refined(Decoded(event, meaning(event, parsed), parsed)))


MISFITS = ("hostile", "06-unknown-reason-as-subtype")
"""Samples that are read although they are not what a product sends; the second has nothing but a type."""


def shipped_for(event):
    """The name of the schema that ships for an event, if there is one, and what it judges."""
    product = event["source"].split("/")[1] if event["source"].startswith("/") else ""
    kind = event["type"]
    if kind.startswith("com.ibm."):
        kind = kind.partition(":")[0]
        return (f"events/{kind}", event) if f"events/{kind}" in names() else (None, None)
    name = f"events/{product}/{kind}"
    return (name, event.get("data")) if name in names() else (None, None)


@samples
def test_an_event_of_a_sample_fits_the_schema_that_ships_for_its_type(name, sample):
    request = stored(name, sample, "request")
    for one in read(name, body_of(request), request["headers"], request.get("options")):
        schema, judged = shipped_for(json.loads(encode.structured(one.event)))
        if schema is not None and not sample.endswith(MISFITS):
            assert CompiledSchema.compile(load(schema)).problems(judged) == (), schema


@pytest.mark.parametrize(
    ("name", "kinds"), [("ironcore", ironcore.KINDS), ("dbackup", dbackup.KINDS)], ids=["ironcore", "dbackup"]
)
def test_every_kind_of_a_product_has_a_schema_whose_examples_mean_it(name, kinds):
    assert {one.rpartition("/")[2] for one in names() if one.startswith(f"events/{name}/")} == set(kinds)
    for kind, (severity, _) in kinds.items():
        (example,) = load(f"events/{name}/{kind}")["examples"]
        (made,) = read(name, json.dumps(example).encode(), {})
        assert (made.event.type, made.vocabulary.severity) == (kind, severity)


@pytest.mark.parametrize("schema", [one for one in names() if one.count("/") == 2])
def test_an_example_of_a_shipped_schema_becomes_an_event_of_its_type(schema):
    _, name, kind = schema.split("/")
    if name == "ping":
        return  # what a ping is, its URL says
    (made,) = read(name, json.dumps(load(schema)["examples"][0]).encode(), {})
    assert made.event.type == kind
