"""How to point each kind of destination at a real server, and how to read what that server got.

A new kind adds a file with its Rig to `tests/contracts/rigs/`, with its vendor's answers for the cases that
every kind has to judge, and passes `test_destinations.py`. Everything a rig reads back, it reads as the
receiver would.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from tests.contracts.rigs.rig import Rig


def _found() -> Iterator[type[Rig]]:
    for file in sorted((Path(__file__).parent / "rigs").glob("*.py")):
        module = importlib.import_module(f"tests.contracts.rigs.{file.stem}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Rig) and member.__module__ == module.__name__ and member.name:
                yield member


RIGS: dict[str, type[Rig]] = {rig.name: rig for rig in _found()}
