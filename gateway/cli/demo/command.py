"""`tocsin demo`: the command, and the folder that everything happens in."""

from __future__ import annotations

import asyncio
import importlib.util
import tempfile
from pathlib import Path

from gateway.domain.errors import ConfigurationError


def demo() -> int:
    """Show everything at work. Exits 0 only if all that should arrive arrived, once, and nothing else did."""
    if importlib.util.find_spec("aiosmtpd") is None:
        raise ConfigurationError("the demo needs a mail server: pip install 'tocsin[demo]'")
    from gateway.cli.demo.performance import perform

    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as folder:
        return asyncio.run(perform(Path(folder)))
