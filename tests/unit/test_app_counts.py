"""Counting for the metrics: a store that cannot answer stops nothing."""

from __future__ import annotations

import asyncio

from gateway.app import open_gateway
from gateway.domain.errors import Unavailable
from gateway.settings import Settings
from tests.waiting import until


class Recorder:
    """Remembers the names of what is logged."""

    def __init__(self):
        self.names = []

    def __getattr__(self, _level):
        return lambda name, **_fields: self.names.append(name)


async def test_a_count_that_fails_is_logged_and_the_gateway_goes_on(tmp_path, monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr("gateway.app.log", recorder)
    gateway = await open_gateway(
        Settings(data_dir=tmp_path, listen="127.0.0.1:0", free_space_floor_bytes=0, drain_seconds=0)
    )
    failed = asyncio.Event()

    async def counts():
        failed.set()
        raise Unavailable("store_busy", "not now")

    gateway.store.ledger.counts = counts
    try:
        await gateway.start()
        await asyncio.wait_for(failed.wait(), 5)
        await until(lambda: "counts.failed" in recorder.names, 5)
        assert not gateway.stopping.is_set()
    finally:
        await gateway.stop()
