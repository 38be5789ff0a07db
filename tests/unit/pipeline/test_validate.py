"""What schemas see of an event, and that no number in it makes them fail."""

import pytest

from gateway.domain.errors import Invalid
from gateway.domain.schema import Schema, SchemaMode, SchemaTarget
from gateway.domain.source import Source
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.validate import bindings, validate
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode
from gateway.spi.source_format import Decoded

HEAD = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"'
SOURCE = Source("s", "i", "s", 1.0, 1.0)


def judged(members, document, target=SchemaTarget.EVENT):
    event = decode(HEAD + members + b"}")
    schema = Schema("x", "i", "x", 1.0, 1.0, ("t",), document=document, target=target, mode=SchemaMode.REJECT)
    return validate(bindings(SOURCE, [schema]), [Decoded(event, Vocabulary(), payload(event))], batched=False)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 400, b"1.10"])
@pytest.mark.parametrize("target", list(SchemaTarget))
def test_a_number_of_any_size_is_a_number(number, target):
    inside = {"properties": {"n": {"type": "number"}}, "required": ["n"]}
    whole = {"properties": {"data": inside}, "required": ["data"]}
    document = inside if target is SchemaTarget.DATA else whole
    [verdict] = judged(b',"data":{"n":' + number + b"}", document, target)
    assert verdict.revision and not verdict.problems


@pytest.mark.parametrize(
    ("members", "member", "value"),
    [
        (b',"data":{"a":[1]}', "data", {"a": [1]}),
        (b',"data":null', "data", None),
        (b',"datacontenttype":"text/plain","data":"x"', "data", "x"),
        (b',"datacontenttype":"a/b","data_base64":"/w=="', "data_base64", "/w=="),
        (b',"ready":true', "ready", True),
    ],
)
def test_a_schema_sees_the_event_as_its_json_format_shows_it(members, member, value):
    judged(members, {"properties": {member: {"const": value}}, "required": [member, "id"]})
    with pytest.raises(Invalid) as refused:
        judged(members, {"properties": {member: {"const": "another"}}})
    assert refused.value.problems[0].pointer == f"/{member}"


def test_data_that_is_absent_is_no_member():
    with pytest.raises(Invalid):
        judged(b"", {"required": ["data"]})
