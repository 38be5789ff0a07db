"""`tocsin worker`: one of several workers, which ends by itself when the process that started it is gone.

Not for people: `workers.py` starts it, holds the other end of its standard input, and never writes to it. Its
end is the parent's end, however that came.
"""

from __future__ import annotations

import sys

from gateway.cli.running import run_gateway
from gateway.cli.serve import line_format
from gateway.settings import load


def worker() -> int:
    """Run a gateway as `serve` does, until a signal or until the parent is gone."""
    settings = load()
    return run_gateway(settings, line_format=line_format(settings), parent=sys.stdin.fileno())
