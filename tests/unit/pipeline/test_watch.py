"""What monitors read from an event: keys, numbers, sizes; and what could not be read is no number."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.domain.event import Event
from gateway.domain.monitor import Monitor, MonitorKind, Observation
from gateway.domain.source import Source
from gateway.domain.view import MISSING, EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.watch import number_in, observed, operand, watches_by_source

SOURCE = Source("s", "i", "s", 1.0, 1.0)
SAMPLES = Path(__file__).parents[2] / "data" / "sources"


def view(data=MISSING, type="t", **words):
    event = Event({"specversion": "1.0", "id": "1", "source": "/s", "type": type})
    return EventView(event, Vocabulary(**words), data)


def seen(event, **fields):
    monitor = Monitor("m", "i", "m", 1.0, 1.0, **fields)
    return observed(watches_by_source([SOURCE], [monitor], lambda *_: None).get("s"), event)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7.0),
        (0, 0.0),
        ("92.5", 92.5),
        ("-3", -3.0),
        ("1.2 GB", 1.2 * 1024**3),
        ("512 Bytes", 512.0),
        ("1 byte", 1.0),
        ("10KiB", 10 * 1024.0),
        ("3 tb", 3 * 1024.0**4),
        ("0 Bytes", None),
        ("0.00 GB", None),
        ("unknown", None),
        ("N/A", None),
        ("", None),
        ("GB", None),
        ("1.2 GB free", None),
        ("nan", None),
        ("1e999", None),
        (True, None),
        (None, None),
        ([1], None),
        (MISSING, None),
    ],
)
def test_a_number_is_one_or_a_size_and_what_could_not_be_read_is_none(value, number):
    assert number_in(value) == number


@given(st.one_of(st.text(max_size=300), st.floats(), st.integers(), st.none(), st.booleans()))
def test_no_value_is_more_than_a_finite_number(value):
    number = number_in(value)
    assert number is None or abs(number) < float("inf")


def test_a_pointer_reads_what_a_path_cannot():
    data = json.loads((SAMPLES / "dbackup" / "01-backup-success.request.json").read_text("utf-8"))["json"]
    assert operand("/fields/size")(view(data)) == "1.2 GB"
    assert operand("/fields/none")(view(data)) is None
    assert operand("/fields/size")(view()) is None
    found = seen(view(data, job="nightly"), kind=MonitorKind.LIMIT, key="job", value="/fields/Size")
    assert found == (Observation("m", "nightly", value=1.2 * 1024**3),)


def test_an_event_without_the_number_is_not_looked_at():
    measured = {"kind": MonitorKind.DROP, "value": "/score"}
    assert seen(view({"Score": 3}), **measured) == (Observation("m", value=3.0),)
    for data in (MISSING, {}, {"score": None}, {"score": ""}, {"score": "error"}, "text", [1]):
        assert seen(view(data), **measured) == ()


def test_an_event_that_tells_of_it_by_itself_is_marked():
    measured = {"kind": MonitorKind.DROP, "value": "data.score", "unless": "type = regression"}
    assert seen(view({"score": 3}, "regression"), **measured) == (Observation("m", "", True, 3.0),)
    assert seen(view({"score": 3}), **measured) == (Observation("m", "", False, 3.0),)


@pytest.mark.parametrize("text", ["data..x", "data.x[*]", "1 2", "job and"])
def test_what_names_no_value_is_refused(text):
    with pytest.raises(Invalid):
        operand(text)
