"""The README does what it says: its commands are run as they stand, against a real gateway."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.commands import environment
from tests.harness import GatewayProcess

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
ADDRESS = "127.0.0.1:8080"
PLACEHOLDER = "<id of the source>"


def commands(block: str) -> list[str]:
    """The commands of a block, each with the lines that belong to it, without comments."""
    found: list[str] = []
    for line in block.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if found and (found[-1].endswith("\\") or line.startswith(" ")):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^make (\w+)", "".join(BLOCKS), re.MULTILINE))))
def test_every_make_target_is_there(target: str):
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_every_file_that_is_linked_is_there(path: str):
    assert (ROOT / path).exists()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's commands need curl")
async def test_the_first_event_goes_as_the_readme_says(tmp_path: Path):
    block = next(block for block in BLOCKS if "curl" in block)
    gateway = GatewayProcess(tmp_path, admin_key=None)
    await gateway.start()
    try:
        answers = await run(commands(block), gateway)
    finally:
        gateway.close()
    source, accepted, inbox = answers
    assert source["name"] == "nightly backups"
    assert set(accepted) == {"notification_id"}
    assert [row["id"] for row in inbox["events"]] == [accepted["notification_id"]]
    assert inbox["events"][0]["cloudevent"]["type"] == "backup.failed"
    assert inbox["events"][0]["vocabulary"]["severity"] == "error"


async def run(lines: list[str], gateway: GatewayProcess) -> list[dict]:
    """Run the commands in the folder that holds `data/`; the answers of those that print JSON."""
    assert sum(ADDRESS in line for line in lines) == 1
    variables = "\n".join(line for line in lines if not line.startswith("curl"))
    answers: list[dict] = []
    for line in lines:
        if not line.startswith("curl"):
            continue
        filled = line.replace(PLACEHOLDER, answers[0]["id"]) if answers else line
        script = f"{variables}\n{filled}".replace(f"http://{ADDRESS}", gateway.url)
        answers.append(json.loads(await bash(script, gateway.folder)))
    return answers


async def bash(script: str, folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        cwd=folder,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 0, f"{script}\n{out.decode()}{err.decode()}"
    return out.decode()
