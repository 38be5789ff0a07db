"""Presets write, byte for byte, what the documents of the products print (tests/data/golden/templates)."""

import json
from pathlib import Path

import orjson
import pytest

from gateway.domain.delivery import AcceptedEvent
from gateway.pipeline.wording import compile_parts
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode
from gateway.spi.message import Message
from gateway.spi.templates import context_of
from schemas.templates import presets

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "templates"
MAIL = Path(__file__).parents[2] / "data" / "sources" / "ibm_event_notifications" / "03-seed-mail.events.json"


def message(event):
    event = decode(orjson.dumps({"specversion": "1.0", "id": "1", "source": "/s", **event}))
    accepted = AcceptedEvent("e", "i", "s", event, meaning(event, payload(event)), 0.0, 1)
    return Message("d", accepted)


def made(name, event, part="body"):
    preset = presets()[name]
    return compile_parts(preset.type, preset.parts)[part].render(context_of(message(event)))


def golden(name):
    return (GOLDEN / name).read_text(encoding="utf-8").removesuffix("\n")


IBS = json.loads(golden("ironcore-standard.json"))
BACKUPMAN = json.loads(golden("backupman-webhook.json"))
DBACKUP = json.loads(golden("dbackup-webhook.json"))


def ibs(**changed):
    data = {**IBS, **changed}
    return {"type": "backup.failed", "id": data["event_id"], "time": data["timestamp"], "data": data}


def kymaros(**data):
    return {"type": "io.kymaros.restoretest.failed", "data": data}


@pytest.mark.parametrize(
    ("preset", "file"), [("ibm-mail", "ibm-mail.txt"), ("ibm-mail-details", "ibm-mail-details.txt")]
)
def test_ibms_mail_is_the_one_that_ibm_prints(preset, file):
    event = json.loads(MAIL.read_text(encoding="utf-8"))[0]["event"]
    assert made(preset, event, "title") == "Volume Backup Job Creation Failure"
    assert made(preset, event, "text") == golden(file)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"testName": "webapp-nightly", "score": 42, "result": "FAILED", "message": "Check 'x' failed"},
            ":red_circle: webapp-nightly | Score: 42/100 | FAILED",
        ),
        (
            {
                "testName": "webapp-nightly",
                "score": 71,
                "result": "REGRESSION",
                "message": "Score regression: 85 → 71",
            },
            ":warning: webapp-nightly | Score: 71/100 | REGRESSION (was 85)",
        ),
        (
            {
                "TestName": "webapp-nightly",
                "Score": 71,
                "Result": "pass",
                "Message": "Score regression: 85 → 71 (-14 points)",
            },
            ":warning: webapp-nightly | Score: 71/100 | REGRESSION (was 85)",
        ),
        (
            {"TestName": "w", "Score": 90, "Result": "pass", "Message": ""},
            ":white_check_mark: w | Score: 90/100 | PASSED",
        ),
        (
            {"TestName": "w", "Score": 0, "Result": "fail", "Message": ""},
            ":red_circle: w | Score: 0/100 | FAILED",
        ),
    ],
)
def test_kymaros_lines_are_those_that_kymaros_prints(data, expected):
    assert made("kymaros-slack", kymaros(**data)) == expected


def test_ironcores_standard_body_is_the_one_that_is_printed():
    assert made("ironcore-standard", ibs()) == golden("ironcore-standard.json")


def test_ironcores_sample_of_a_template_writes_its_seven_members():
    assert made("ironcore-custom", ibs()) == golden("ironcore-custom.json")


def test_a_quote_in_an_error_message_breaks_nothing():
    hostile = 'failed: "no\nspace"\t\\'
    assert json.loads(made("ironcore-custom", ibs(summary=hostile)))["summary"] == hostile.strip()


@pytest.mark.parametrize(("preset", "data"), [("dbackup-webhook", DBACKUP), ("backupman-webhook", BACKUPMAN)])
def test_a_products_own_webhook_body_goes_on_as_it_came(preset, data):
    assert made(preset, {"type": "backup", "data": data}) == golden(f"{preset}.json")


@pytest.mark.parametrize("name", presets())
@pytest.mark.parametrize(
    "event", [ibs(), {"type": "x.y"}, kymaros(testName="a"), {"type": "backup.completed", "data": [1]}]
)
def test_every_preset_renders_any_event(name, event):
    preset = presets()[name]
    for part in compile_parts(preset.type, preset.parts):
        assert made(name, event, part)


@pytest.mark.parametrize("name", presets())
def test_a_preset_says_what_it_is_and_where_it_is_from(name):
    preset = presets()[name]
    assert preset.title and preset.description and preset.source
    assert preset.type.endswith(".notification")
