"""How a source that was just connected is shown: what it is, then what to paste at the sender."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from gateway.cli.screen import safe, say, show_json, show_one

ONCE = ("key", "signing_secret")


def show_connected(answer: Mapping[str, Any], output: str) -> None:
    """The answer of a command that may have made a credential; whatever is secret is shown this once."""
    if output == "json":
        show_json(answer)
        return
    setup = answer.get("setup") or {}
    snippet = setup.get("snippet", "")
    rest = {name: value for name, value in setup.items() if name != "snippet"}
    show_one({**answer, "setup": rest}, output)
    if snippet:
        sys.stdout.write("\n" + safe(snippet) + "\n")
    if setup or any(name in answer for name in ONCE):
        say("The secrets above are shown this once.")
