"""Golden files: what an adapter sends, kept to be read and compared byte for byte.

They are written again when TOCSIN_WRITE_GOLDEN is set; read the difference before it is kept.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "data" / "golden"


def golden(name: str) -> bytes:
    """The content of one file, as `kind/name.extension`."""
    return (FOLDER / name).read_bytes()


def assert_golden(name: str, actual: bytes) -> None:
    """Compare with the file, or write it."""
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        (FOLDER / name).write_bytes(actual)
    assert actual.decode() == golden(name).decode()
