"""`tocsin demo`: it succeeds, it fails when something does not arrive, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from gateway.cli.demo import performance, slack_limits
from tests.commands import Shell, environment
from tests.waiting import until


async def test_the_demo_succeeds_and_leaves_nothing_behind(tmp_path: Path):
    ran = await Shell("", "").run("demo", env={"TMPDIR": str(tmp_path)})
    assert ran.code == 0, ran.out + ran.err
    assert "69 deliveries, each arrived once and nothing else did" in ran.out
    assert ran.out.count("delivered") >= 69
    assert "Subject: Volume Backup Job Creation Failure" in ran.out
    assert "(verified)" in ran.out
    assert "in the inbox only" in ran.out
    assert list(tmp_path.iterdir()) == []
    assert not _gateways_below(tmp_path)


async def test_settings_of_another_gateway_do_not_disturb_it(tmp_path: Path):
    ran = await Shell("http://127.0.0.1:9", "x").run(
        "demo", env={"TMPDIR": str(tmp_path), "TOCSIN_LISTEN": "nonsense", "TOCSIN_DATA_DIR": "/nonexistent"}
    )
    assert ran.code == 0, ran.out + ran.err


async def test_what_a_receiver_refuses_makes_the_demo_fail_and_say_so(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(slack_limits, "MAX_HEADER", 20)
    assert await performance.perform(tmp_path) == 1
    said = capsys.readouterr().out
    assert "a message that Slack would not take" in said
    assert "IBM's sample, structured: nothing came by slack; it is dead" in said
    assert "Not everything arrived as it should." in said


async def test_what_is_still_on_its_way_when_time_is_up_is_missing(tmp_path: Path, monkeypatch, capsys):
    async def busy(self, *_) -> str:
        return "451 4.7.1 greylisted"

    monkeypatch.setattr("gateway.cli.demo.receivers.Receivers.handle_DATA", busy)
    monkeypatch.setattr(performance, "ARRIVAL_SECONDS", 2.0)
    assert await performance.perform(tmp_path) == 1
    said = capsys.readouterr().out
    assert "46 of 69 arrived within 2 s" in said
    assert "nothing came by email; it is pending" in said


WAITING_FOR_MAIL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from gateway.cli.demo.receivers import Receivers
async def busy(*_):
    return "451 4.7.1 greylisted"
Receivers.handle_DATA = busy
from gateway.__main__ import main
main()
"""


async def test_a_demo_that_is_interrupted_ends_its_gateway(tmp_path: Path):
    """Also where whoever runs the tests ignores SIGINT, as shells have their background jobs do."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WAITING_FOR_MAIL,
        "demo",
        env=environment(TMPDIR=str(tmp_path)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(lambda: bool(_gateways_below(tmp_path)), 20)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await process.wait() == 130
    finally:
        if process.returncode is None:
            process.kill()
    assert not _gateways_below(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", ["60", "200"])
async def test_it_fits_narrow_and_wide_terminals(tmp_path: Path, columns: str):
    ran = await Shell("", "").run("demo", env={"TMPDIR": str(tmp_path), "COLUMNS": columns})
    assert ran.code == 0
    assert re.search(r"delivered +\d+ ms", ran.out)


def _gateways_below(folder: Path) -> list[int]:
    """The processes whose data folder is below this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes().decode()
            except OSError:
                continue
            if f"--data-dir\0{folder}{os.sep}" in command:
                found.append(int(entry.name))
    return found
