"""A store that cannot be used is refused at the start: one line, exit code 2, and not a byte changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import COMMAND, environment
from tests.fakes.disk import Disk
from tests.harness import ADMIN_KEY, GatewayProcess, cloudevent

CONFIGURATION_ERROR = 2


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a gateway that has taken some events and was stopped."""
    gateway = GatewayProcess(tmp_path_factory.mktemp("used"))

    async def use() -> None:
        await gateway.start()
        try:
            async with gateway.client() as client:
                source = await client.create("sources", name="s")
                for number in range(20):
                    status, _ = await client.send(cloudevent(f"e-{number}", data="x" * 5000), source["id"])
                    assert status == 202
            assert await gateway.stop() == 0
        finally:
            gateway.close()

    asyncio.run(use())
    return gateway.folder / "data"


@pytest.fixture
def folder(used: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(used, tmp_path / "data"))


def serve(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Start a gateway that is expected to be refused."""
    return subprocess.run(
        [*COMMAND, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(data), *options],
        env=environment(TOCSIN_ADMIN_KEY=ADMIN_KEY),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def refused(data: Path, *options: str) -> str:
    """The one line with which it is refused."""
    ran = serve(data, *options)
    assert ran.returncode == CONFIGURATION_ERROR, ran.stderr
    assert ran.stdout == ""
    lines = ran.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("tocsin: "), ran.stderr
    return lines[0]


def contents(data: Path) -> dict[str, str]:
    """What is in a folder; left out is what holds nothing that was written (locks, SQLite's index)."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in data.iterdir()
        if path.stat().st_size and path.suffix != ".lock" and not path.name.endswith("-shm")
    }


def cut(data: Path) -> None:
    os.truncate(data / "tocsin.db", (data / "tocsin.db").stat().st_size // 2)


def damage_header(data: Path) -> None:
    overwrite(data / "tocsin.db", 0, b"SQLite?")


def damage_page(data: Path) -> None:
    overwrite(data / "tocsin.db", 4096, b"\xff" * 64)


def text(data: Path) -> None:
    (data / "tocsin.db").write_text("these are not the events you are looking for\n" * 100)


def foreign(data: Path) -> None:
    (data / "tocsin.db").unlink()
    connection = sqlite3.connect(data / "tocsin.db")
    connection.execute("CREATE TABLE diary (page TEXT)")
    connection.commit()
    connection.close()


def read_only_file(data: Path) -> None:
    (data / "tocsin.db").chmod(0o400)


def read_only_folder(data: Path) -> None:
    data.chmod(0o500)


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut, "damaged"),
        (damage_header, "not a database"),
        (damage_page, "damaged"),
        (text, "not a database"),
        (foreign, "another program's database"),
        (read_only_file, "read-only"),
        (read_only_folder, "read-only"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_and_left_alone(
    folder: Path, spoil: Callable[[Path], None], words: str
):
    spoil(folder)
    before = contents(folder)
    line = refused(folder)
    assert words in line and str(folder) in line
    assert contents(folder) == before


def test_a_store_on_a_read_only_disk_is_refused_and_left_alone(used: Path, tmp_path: Path):
    disk = Disk(tmp_path / "disk")
    disk.folder.mkdir()
    disk.mount("size=40m")
    try:
        data = Path(shutil.copytree(used, disk.folder / "data"))
        disk.remount("ro")
        before = contents(data)
        assert "read-only" in refused(data).lower()
        assert contents(data) == before
    finally:
        disk.unmount()


def test_a_refused_store_is_taken_again_once_it_is_mended(folder: Path, used: Path):
    cut(folder)
    refused(folder)
    shutil.copy(used / "tocsin.db", folder / "tocsin.db")

    async def events() -> int:
        gateway = GatewayProcess(folder.parent)
        await gateway.start()
        try:
            async with gateway.client() as client:
                return len((await client.get("events?limit=100"))["events"])
        finally:
            gateway.close()

    assert asyncio.run(events()) == 20


@pytest.mark.parametrize("way", ["the same folder", "its path", "a link to it"])
async def test_a_second_process_is_refused_and_the_first_goes_on(gateway: GatewayProcess, way: str):
    data, elsewhere = gateway.folder / "data", gateway.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "linked.db").symlink_to(data / "tocsin.db")
    start = {
        "the same folder": (data,),
        "its path": (elsewhere, "--database", f"sqlite:///{data / 'tocsin.db'}"),
        "a link to it": (elsewhere, "--database", f"sqlite:///{elsewhere / 'linked.db'}"),
    }[way]
    async with gateway.client() as client:
        source = await client.create("sources", name="s")
        line = await asyncio.to_thread(refused, *start)
        assert "another process has this store open" in line
        status, answer = await client.send(cloudevent("after"), source["id"])
        assert status == 202
        assert (await client.get(f"events/{answer['notification_id']}"))["cloudevent"]["id"] == "after"
