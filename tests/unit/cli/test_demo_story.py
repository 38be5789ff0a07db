"""What the demo sends."""

from __future__ import annotations

import json

from gateway.cli.demo import seed
from gateway.cli.demo.story import NOTIFICATIONS, acts

SOURCE_ID = "41cdb7d4-db3e-496b-b7df-d4ead362c412:api"


def test_the_table_has_twenty_failures_of_four_kinds():
    found = list(seed.failures())
    assert len(found) == 20 and len(set(found)) == 20
    assert {one.type for one in found} == {
        f"com.ibm.cloud.is.backup-policy.backup-{what}-{job}"
        for what in ("volume", "instance")
        for job in ("creation", "retention")
    }
    assert found[0].title == "Volume backup job creation failure"


def test_the_sample_is_the_documented_one_with_valid_details():
    sample = seed.sample(seed.SAMPLE_ID, SOURCE_ID)
    assert json.loads(sample["ibmendefaultlong"])["status_reason"].startswith("source_volume_busy: ")
    assert (sample["type"], sample["time"], sample["ibmenseverity"]) == (
        seed.TYPE,
        "2024-04-22T20:59:34Z",
        "medium",
    )


def test_the_registration_is_the_documented_one():
    assert set(seed.registration("default")) == {
        "name",
        "source",
        "description",
        "enabled",
        "event_notifications_instance_crn",
    }


def test_the_story_has_every_event_once():
    story = list(acts(SOURCE_ID))
    assert len({act.event.get_id() for act in story}) == len(story) == 24
    assert [act.mode for act in story[:2]] == ["structured", "binary"]
    assert sum(act.route == NOTIFICATIONS for act in story) == 21
    assert [act.told for act in story] == [True] * 23 + [False]
