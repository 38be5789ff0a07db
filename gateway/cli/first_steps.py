"""The three commands from nothing to a first delivered event; shown by `serve` and by `quickstart`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

STEPS = """
Three commands to a first delivered event, in other terminals:
{prelude}
  {tocsin} source create --name nightly
  {tocsin} listen --source nightly          # a receiver; leave it running
  {tocsin} send --source-id nightly --type backup.failed --severity error --title "db1 was not backed up"

`{tocsin} delivery list` shows what became of it, `{tocsin} inbox` every event, `{tocsin} --help` the rest.
"""
LOOPBACK = "127.0.0.0/8,::1/128"


def first_steps(data_dir: Path, *, loopback_is_open: bool) -> str:
    """What to type next, in words that work in this shell."""
    prelude = ""
    if data_dir != Path("data"):
        prelude += f"  export TOCSIN_DATA_DIR={shlex.quote(str(data_dir.absolute()))}\n"
    if not loopback_is_open:
        prelude += f"  (receivers on this machine need: {own_name()} serve --allow-networks {LOOPBACK})\n"
    return STEPS.format(tocsin=own_name(), prelude=prelude.rstrip("\n"))


def own_name() -> str:
    """How this program was called: `tocsin` if the shell finds it, else its path."""
    called = Path(sys.argv[0])
    if called.name != "tocsin":
        return f"{shlex.quote(os.path.relpath(sys.executable))} -m gateway"
    found = shutil.which("tocsin")
    return (
        "tocsin"
        if found and Path(found).resolve() == called.resolve()
        else shlex.quote(os.path.relpath(called))
    )
