"""What ships is sound, names itself rightly, takes every sample it should and refuses the others."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.domain.event import forbidden_character, is_attribute_name
from gateway.spi.json_schema import CompiledSchema, check_schema

SAMPLES = Path(__file__).parents[2] / "data" / "schemas"
SHIPPED = [name for name in schemas.names() if not name.startswith(("presets/", "reasons/", "templates/"))]
IBM = "com.ibm.cloud.is.backup-policy.backup-"


def samples(verdict):
    found = [
        (path.parent.relative_to(SAMPLES).as_posix(), path)
        for path in sorted(SAMPLES.rglob(f"{verdict}-*.json"))
    ]
    return [
        pytest.param(name, json.loads(path.read_text()), id=f"{name.rpartition('/')[2]}/{path.stem}")
        for name, path in found
    ]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_schema_is_accepted_by_the_same_rules_as_a_user_s(name):
    check_schema(schemas.load(name))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_schema_is_identified_by_its_name_and_describes_itself(name):
    schema = schemas.load(name)
    assert schema["$id"] == schemas.ID_PREFIX + name
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] and schema["description"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_schema_has_examples_that_it_takes(name):
    schema = schemas.load(name)
    compiled = CompiledSchema.compile(schema)
    assert schema["examples"]
    assert [compiled.problems(example) for example in schema["examples"]] == [()] * len(schema["examples"])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_schema_is_tried_with_both_good_and_bad_samples(name):
    assert list((SAMPLES / name).glob("valid-*.json"))
    assert list((SAMPLES / name).glob("invalid-*.json"))


@pytest.mark.parametrize(("name", "sample"), samples("valid"))
def test_a_good_sample_passes(name, sample):
    assert CompiledSchema.compile(schemas.load(name)).problems(sample) == ()


@pytest.mark.parametrize(("name", "sample"), samples("invalid"))
def test_a_bad_sample_is_refused_with_a_reason(name, sample):
    problems = CompiledSchema.compile(schemas.load(name)).problems(sample)
    assert problems
    assert all(problem.detail and problem.expected for problem in problems)


@pytest.mark.parametrize(
    "job", ["volume-creation", "volume-retention", "instance-creation", "instance-retention"]
)
def test_the_four_failures_of_the_seed_have_a_schema_each(job):
    schema = schemas.load(f"events/{IBM}{job}")
    analogous = "analogy" in schema.get("$comment", "")
    assert analogous == (job != "volume-creation")


def test_a_name_that_does_not_ship_is_refused_even_if_the_file_exists():
    with pytest.raises(LookupError):
        schemas.load("../tests/data/schemas/cloudevents/cloudevents/valid-minimal")
    with pytest.raises(LookupError):
        schemas.load("cloudevents/nothing")


def test_a_document_is_read_once():
    assert schemas.load("cloudevents/cloudevents") is schemas.load("cloudevents/cloudevents")


@given(st.text(max_size=8))
def test_the_cloudevents_schema_knows_attribute_names_as_the_domain_does(name):
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", name: "x"}
    if name in {"specversion", "time", "dataschema", "datacontenttype"} or name == "data_base64":
        return
    compiled = CompiledSchema.compile(schemas.load("cloudevents/cloudevents"))
    assert compiled.is_valid(event) == (is_attribute_name(name) or name == "data")


@given(st.text(st.characters(exclude_categories=()), max_size=4))
def test_the_cloudevents_schema_knows_characters_as_the_domain_does(text):
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "ext": text}
    compiled = CompiledSchema.compile(schemas.load("cloudevents/cloudevents"))
    assert compiled.is_valid(event) == (forbidden_character(text) is None)
