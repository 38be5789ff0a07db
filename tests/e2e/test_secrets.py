"""Secrets are nowhere but where they are used: not in answers, the log, the store, or other processes.

How they get everywhere they could leak from is in `secret_scene.py`.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.secret_scene import GIVEN, REFERRED, Scene, played

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with played(tmp_path_factory.mktemp("secrets")) as scene:
        yield scene


async def test_receivers_got_what_is_theirs(scene: Scene):
    got = {"query of a URL", "sensitive header", "path of a chat", "referred secret"}
    got |= {"token of an app", "signature of a flow", "token of a webhook", "token of a bot"}
    got |= {"token of an SMS account", "operator's SMS token"}
    assert set(scene.shown_in(scene.received)) == got
    assert scene.shown_in(base64.b64encode(f"\0a\0{REFERRED}".encode())) == ["referred secret"]


async def test_no_answer_shows_one(scene: Scene):
    reads = {place for place in scene.answers if place.startswith("GET")}
    refusals = {place for place, text in scene.answers.items() if "urn:tocsin:error:" in text}
    assert len(reads) > 80 and len(refusals) > 400
    shown = {place: scene.shown_in(text.encode()) for place, text in scene.answers.items()}
    assert {place: names for place, names in shown.items() if names} == {}


async def test_what_receivers_repeated_is_masked_where_it_was(scene: Scene):
    masked = [text for text in scene.answers.values() if "**********" in text and '"excerpt"' in text]
    for place in (
        "/hook?**********",
        "X-Token: **********",
        "http://a**********",
        "neither ********** nor **********",
    ):
        assert any(place in text for text in masked), place


async def test_neither_log_nor_metrics_show_one(scene: Scene):
    log = scene.gateway.log_path.read_bytes()
    assert b"delivery.attempted" in log
    assert scene.shown_in(log) == []
    assert any("/metrics" in place and "tocsin_" in text for place, text in scene.answers.items())


async def test_no_process_carries_one_that_it_was_not_started_with(scene: Scene):
    found = dict(scene.processes())
    assert b"serve" in found["arguments"]
    assert {name: scene.shown_in(text) for name, text in found.items() if scene.shown_in(text)} == {}


async def test_no_file_of_the_data_folder_holds_one_while_it_runs_and_after(scene: Scene):
    running = dict(scene.files())
    assert len(running["tocsin.db-wal"]) > 100_000 and "secret.key" not in running
    assert await scene.gateway.stop() == 0
    stopped = dict(scene.files())
    assert len(stopped["tocsin.db"]) > 100_000 and b"webhook" in stopped["tocsin.db"]
    for files in (running, stopped):
        assert {name: scene.shown_in(text) for name, text in files.items() if scene.shown_in(text)} == {}
    assert GIVEN.keys() <= scene.secrets.keys()
